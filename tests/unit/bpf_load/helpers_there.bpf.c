// What bpf_core_enum_value_exists() says of helpers and map types.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

SEC("tc") int helpers_there(struct __sk_buff *skb) {
  return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_redirect) +
         2 * bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_send_signal) +
         4 * bpf_core_enum_value_exists(enum bpf_map_type, BPF_MAP_TYPE_HASH) +
         8 * bpf_core_enum_value_exists(enum bpf_map_type, BPF_MAP_TYPE_STRUCT_OPS);
}

char license_text[] SEC("license") = "GPL";
