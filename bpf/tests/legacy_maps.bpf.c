// Maps in the section `maps`, as iproute2 takes them (struct bpf_elf_map, 36 bytes), and tail calls by section
// names.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct bpf_elf_map {
  __u32 type;
  __u32 size_key;
  __u32 size_value;
  __u32 max_elem;
  __u32 flags;
  __u32 id;
  __u32 pinning;
  __u32 inner_id;
  __u32 inner_idx;
};

struct bpf_elf_map SEC("maps") counters = {
    .type = BPF_MAP_TYPE_HASH,
    .size_key = 4,
    .size_value = 8,
    .max_elem = 16,
    .pinning = 2,
};

struct bpf_elf_map SEC("maps") jumps = {
    .type = BPF_MAP_TYPE_PROG_ARRAY,
    .size_key = 4,
    .size_value = 4,
    .max_elem = 20,
    .id = 1,
};

struct bpf_elf_map SEC("maps") row = {
    .type = BPF_MAP_TYPE_ARRAY,
    .size_key = 4,
    .size_value = 8,
    .max_elem = 2,
    .id = 42,
    .inner_idx = 1,
};

struct bpf_elf_map SEC("maps") rows = {
    .type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
    .size_key = 4,
    .size_value = 4,
    .max_elem = 3,
    .inner_id = 42,
};

struct bpf_elf_map SEC("maps") events = {
    .type = BPF_MAP_TYPE_PERF_EVENT_ARRAY,
};

// What another loader puts a map in place of.
struct bpf_elf_map shared_with_others;

static void count(__u32 key) {
  __u64 one = 1;
  __u64 *value = bpf_map_lookup_elem(&counters, &key);
  if (value)
    *value += 1;
  else
    bpf_map_update_elem(&counters, &key, &one, BPF_ANY);
}

SEC("classifier") int entry(struct __sk_buff *skb) {
  count(0);
  bpf_tail_call(skb, &jumps, skb->mark);
  return 2;
}

SEC("1/7") int seventh(struct __sk_buff *skb) {
  count(7);
  return 7;
}

SEC("0x1/0x10") int sixteenth(struct __sk_buff *skb) {
  return 16;
}

SEC("9/1") int of_no_map(struct __sk_buff *skb) {
  return 9;
}

SEC("from-row") int from_row(struct __sk_buff *skb) {
  __u32 slot = 1;
  void *inner = bpf_map_lookup_elem(&rows, &slot);
  if (!inner) return 1;
  __u64 *value = bpf_map_lookup_elem(inner, &slot);
  if (!value) return 2;
  *value += 5;
  return *value;
}

SEC("from-shared") int shared(struct __sk_buff *skb) {
  __u32 key = 3;
  __u64 *value = bpf_map_lookup_elem(&shared_with_others, &key);
  return value ? *value : -1;
}

char license_text[] SEC("license") = "GPL";
