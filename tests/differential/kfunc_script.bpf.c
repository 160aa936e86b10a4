// One call of a kernel function with arguments from a map, so that one object covers them all.
#include "kfunc_script.h"

#include <linux/bpf.h>

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

struct bpf_iter_num {
  __u64 opaque[1];
} __attribute__((aligned(8)));
struct bpf_iter_bits {
  __u64 opaque[2];
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num* it, int start, int end) __ksym;
extern int* bpf_iter_num_next(struct bpf_iter_num* it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num* it) __ksym;
extern int bpf_iter_bits_new(struct bpf_iter_bits* it, const __u64* mask, __u32 words) __ksym;
extern int* bpf_iter_bits_next(struct bpf_iter_bits* it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits* it) __ksym;

extern int bpf_dynptr_from_skb(struct __sk_buff* skb, __u64 flags, struct bpf_dynptr* ptr) __ksym;
extern int bpf_dynptr_from_skb_meta(struct __sk_buff* skb, __u64 flags, struct bpf_dynptr* ptr) __ksym;
extern void* bpf_dynptr_slice(const struct bpf_dynptr* ptr, __u32 offset, void* buffer, __u32 size) __ksym;
extern void* bpf_dynptr_slice_rdwr(const struct bpf_dynptr* ptr, __u32 offset, void* buffer,
                                   __u32 size) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr* ptr, __u32 start, __u32 end) __ksym;
extern bool bpf_dynptr_is_null(const struct bpf_dynptr* ptr) __ksym;
extern bool bpf_dynptr_is_rdonly(const struct bpf_dynptr* ptr) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr* ptr) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr* ptr, struct bpf_dynptr* clone) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr* to, __u32 to_offset, struct bpf_dynptr* from, __u32 from_offset,
                           __u32 size) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr* ptr, __u32 offset, __u32 size, __u8 value) __ksym;

extern int bpf_strcmp(const char* a, const char* b) __ksym;
extern int bpf_strcasecmp(const char* a, const char* b) __ksym;
extern int bpf_strchr(const char* s, char c) __ksym;
extern int bpf_strchrnul(const char* s, char c) __ksym;
extern int bpf_strnchr(const char* s, size_t count, char c) __ksym;
extern int bpf_strrchr(const char* s, int c) __ksym;
extern int bpf_strlen(const char* s) __ksym;
extern int bpf_strnlen(const char* s, size_t count) __ksym;
extern int bpf_strspn(const char* s, const char* accept) __ksym;
extern int bpf_strcspn(const char* s, const char* reject) __ksym;
extern int bpf_strstr(const char* s, const char* part) __ksym;
extern int bpf_strnstr(const char* s, const char* part, size_t length) __ksym;

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern void bpf_local_irq_save(unsigned long* flags) __ksym;
extern void bpf_local_irq_restore(unsigned long* flags) __ksym;

#define ARRAY_OF_ONE(type_name)       \
  struct {                            \
    __uint(type, BPF_MAP_TYPE_ARRAY); \
    __uint(max_entries, 1);           \
    __type(key, __u32);               \
    __type(value, type_name);         \
  }
struct local {
  __u8 bytes[KFUNC_BYTES];
};
ARRAY_OF_ONE(struct kfunc_request) request SEC(".maps");
ARRAY_OF_ONE(struct kfunc_answer) answer SEC(".maps");
ARRAY_OF_ONE(struct local) local SEC(".maps");

static void numbers(const __u64* a, struct kfunc_answer* out) {
  struct bpf_iter_num it;
  out->result = bpf_iter_num_new(&it, a[0], a[1]);
  int* number;
  while ((number = bpf_iter_num_next(&it))) out->second += *number + (1ULL << 32);
  bpf_iter_num_destroy(&it);
}

static void bits(const __u64* a, const struct kfunc_request* in, struct kfunc_answer* out) {
  struct bpf_iter_bits it;
  out->result = bpf_iter_bits_new(&it, (const __u64*)in->bytes, a[0]);
  int* number;
  while ((number = bpf_iter_bits_next(&it))) out->second += *number + (1ULL << 32);
  bpf_iter_bits_destroy(&it);
}

// What is made: 0 of the packet, 1 of its metadata, else of the map "local".
static __always_inline int make(struct __sk_buff* skb, __u64 kind, __u64 flags, struct local* value,
                                struct bpf_dynptr* ptr) {
  if (kind == 0) return bpf_dynptr_from_skb(skb, flags, ptr);
  if (kind == 1) return bpf_dynptr_from_skb_meta(skb, flags, ptr);
  return bpf_dynptr_from_mem(value, sizeof *value, flags, ptr);
}

static __always_inline void with_dynptr(struct __sk_buff* skb, struct kfunc_request* in,
                                        struct kfunc_answer* out, struct local* value) {
  const __u64* a = in->args;
  struct bpf_dynptr ptr, other;
  __u8 buffer[8] = {};
  __u32 size = a[2] & 63;
  int error = make(skb, a[0], in->call == KFUNC_FLAGS ? a[1] : 0, value, &ptr);
  switch (in->call) {
    case KFUNC_DYNPTR:
      out->result = bpf_dynptr_adjust(&ptr, a[1], a[2]);
      out->second = bpf_dynptr_size(&ptr);
      break;
    case KFUNC_SLICE: {
      const __u8* slice = bpf_dynptr_slice(&ptr, a[1], buffer, sizeof buffer);
      out->result = slice ? *slice : -1;
      break;
    }
    case KFUNC_SLICE_RDWR: {
      __u8* slice = bpf_dynptr_slice_rdwr(&ptr, a[1], buffer, sizeof buffer);
      out->result = -1;
      if (slice) {
        out->result = *slice;
        *slice = 0x77;
      }
      break;
    }
    case KFUNC_READ:
      out->result = bpf_dynptr_read(out->bytes, size, &ptr, a[1], a[3]);
      break;
    case KFUNC_WRITE:
      out->result = bpf_dynptr_write(&ptr, a[1], in->bytes, size, a[3]);
      break;
    case KFUNC_DATA: {
      __u8* data = bpf_dynptr_data(&ptr, a[1], 8);
      out->result = data ? *data : -1;
      break;
    }
    case KFUNC_MEMSET:
      out->result = bpf_dynptr_memset(&ptr, a[1], a[2], a[3]);
      break;
    case KFUNC_CLONE:
      out->result = bpf_dynptr_clone(&ptr, &other);
      out->second = bpf_dynptr_size(&other);
      break;
    case KFUNC_FLAGS:
      out->result = error;
      out->second = bpf_dynptr_is_null(&ptr) | bpf_dynptr_is_rdonly(&ptr) << 1;
      if (!error) out->second |= (__u64)bpf_dynptr_size(&ptr) << 8;
      break;
  }
}

static __always_inline void copy(struct __sk_buff* skb, const __u64* a, struct kfunc_answer* out,
                                 struct local* value) {
  struct bpf_dynptr packet, memory;
  bpf_dynptr_from_skb(skb, 0, &packet);
  bpf_dynptr_from_mem(value, sizeof *value, 0, &memory);
  if (a[0])
    out->result = bpf_dynptr_copy(&packet, a[1], &memory, a[2], a[3]);
  else
    out->result = bpf_dynptr_copy(&memory, a[1], &packet, a[2], a[3]);
}

static void string(const __u64* a, const struct kfunc_request* in, struct kfunc_answer* out) {
  const char* s = (const char*)in->bytes;
  const char* t = s + KFUNC_BYTES;
  switch (a[0]) {
    case 0:
      out->result = bpf_strcmp(s, t);
      break;
    case 1:
      out->result = bpf_strcasecmp(s, t);
      break;
    case 2:
      out->result = bpf_strchr(s, a[1]);
      break;
    case 3:
      out->result = bpf_strchrnul(s, a[1]);
      break;
    case 4:
      out->result = bpf_strnchr(s, a[2], a[1]);
      break;
    case 5:
      out->result = bpf_strrchr(s, a[1]);
      break;
    case 6:
      out->result = bpf_strlen(s);
      break;
    case 7:
      out->result = bpf_strnlen(s, a[2]);
      break;
    case 8:
      out->result = bpf_strspn(s, t);
      break;
    case 9:
      out->result = bpf_strcspn(s, t);
      break;
    case 10:
      out->result = bpf_strstr(s, t);
      break;
    case 11:
      out->result = bpf_strnstr(s, t, a[2]);
      break;
    case 12:
      out->result = bpf_strlen(NULL);
      break;
    default:
      out->result = bpf_strcmp(s, NULL);
      break;
  }
}

static void sections(struct kfunc_answer* out) {
  unsigned long flags;
  bpf_rcu_read_lock();
  bpf_rcu_read_unlock();
  bpf_preempt_disable();
  bpf_preempt_enable();
  bpf_local_irq_save(&flags);
  bpf_local_irq_restore(&flags);
  out->result = 1;
}

SEC("tc")
int run_kfunc(struct __sk_buff* skb) {
  __u32 zero = 0;
  struct kfunc_request* in = bpf_map_lookup_elem(&request, &zero);
  struct kfunc_answer* out = bpf_map_lookup_elem(&answer, &zero);
  struct local* value = bpf_map_lookup_elem(&local, &zero);
  if (!in || !out || !value) return 0;
  switch (in->call) {
    case KFUNC_ITER_NUM:
      numbers(in->args, out);
      break;
    case KFUNC_ITER_BITS:
      bits(in->args, in, out);
      break;
    case KFUNC_COPY:
      copy(skb, in->args, out, value);
      break;
    case KFUNC_STRING:
      string(in->args, in, out);
      break;
    case KFUNC_SECTIONS:
      sections(out);
      break;
    default:
      with_dynptr(skb, in, out, value);
      break;
  }
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
