// Declaration tags, programs that nobody outside can see, and maps in maps.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define tagged(text) __attribute__((btf_decl_tag(text)))
#define kept __attribute__((used))

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 50);
  __uint(key_size, 4);
  __uint(value_size, 4);
} calls SEC(".maps");

struct inner {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
};

struct inner first_inner SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
  __uint(max_entries, 4);
  __uint(key_size, 4);
  __uint(value_size, 4);
  __array(values, struct inner);
} by_number SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 4);
  __uint(key_size, 4);
  __uint(value_size, 4);
  __array(values, struct inner);
} outer SEC(".maps") = {.values = {[2] = &first_inner}};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4);
  __uint(pinning, LIBBPF_PIN_BY_NAME);
  __type(key, __u32);
  __type(value, __u64);
} pinned SEC(".maps");

// Only programs of other hooks use it, and not every loader knows its type.
struct {
  __uint(type, BPF_MAP_TYPE_STACK_TRACE);
  __uint(max_entries, 4);
  __uint(key_size, 4);
  __uint(value_size, 8);
} stacks SEC(".maps");

tagged("kind:config") volatile const __u32 setting = 3;

static kept tagged("tail:calls/11") SEC("tc/tail") int tail_eleven(struct __sk_buff *skb) {
  skb->mark = 11;
  return 11;
}

static kept tagged("tail:calls/0x20") tagged("other") SEC("tc/tail") int tail_other(struct __sk_buff *skb) {
  return 32;
}

SEC("tc/entry") int entry(struct __sk_buff *skb) {
  bpf_tail_call(skb, &calls, skb->mark);
  return setting;
}

SEC("tc/nested") int nested(struct __sk_buff *skb) {
  __u32 slot = 2;
  __u32 zero = 0;
  void *map = bpf_map_lookup_elem(&outer, &slot);
  if (!map) return 1;
  __u64 *value = bpf_map_lookup_elem(map, &zero);
  if (!value) return 2;
  *value += 5;
  return *value;
}

SEC("tc/pinned") int count(struct __sk_buff *skb) {
  __u32 zero = 0;
  __u64 one = 1;
  __u64 *value = bpf_map_lookup_elem(&pinned, &zero);
  if (!value) return bpf_map_update_elem(&pinned, &zero, &one, BPF_ANY);
  *value += 1;
  return *value;
}

SEC("kprobe/something") int trace(void *ctx) {
  return bpf_get_stackid(ctx, &stacks, 0);
}

SEC("?tc") int stack_user(struct __sk_buff *skb) {
  return bpf_map_lookup_elem(&stacks, &skb->mark) != 0;
}

char license_text[] SEC("license") = "GPL";
