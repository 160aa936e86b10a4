// What an object may ask of the kernel around it: externs.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool LINUX_HAS_BPF_COOKIE __kconfig __weak;
extern int CONFIG_HZ __kconfig;
extern _Bool CONFIG_BPF_JIT __kconfig;
extern enum libbpf_tristate CONFIG_VETH __kconfig;
extern char CONFIG_NET_CLS_BPF __kconfig;
extern const char CONFIG_DEFAULT_TCP_CONG[8] __kconfig;
extern unsigned long long CONFIG_NOT_THERE __kconfig __weak;
extern int CONFIG_MISSING __kconfig;

struct bpf_iter_num;

extern const void jiffies __ksym __weak;
extern const void bpf_prog_active __ksym;

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int bpf_of_tomorrow(struct __sk_buff *skb) __ksym __weak;
extern int bpf_of_yesterday(struct __sk_buff *skb) __ksym;

SEC("tc") int plain(struct __sk_buff *skb) {
  return 0;
}

SEC("tc") int settings(struct __sk_buff *skb) {
  if (LINUX_KERNEL_VERSION != ((7 << 16) + (3 << 8))) return 1;
  if (CONFIG_HZ != 250 || !CONFIG_BPF_JIT || !LINUX_HAS_BPF_COOKIE) return 2;
  if (CONFIG_VETH != TRI_MODULE || CONFIG_NET_CLS_BPF != 'm') return 3;
  if (CONFIG_DEFAULT_TCP_CONG[0] != 'c' || CONFIG_DEFAULT_TCP_CONG[5] != 0) return 4;
  return CONFIG_NOT_THERE == 0 ? 100 : 5;
}

SEC("tc") int missing_setting(struct __sk_buff *skb) {
  return CONFIG_MISSING;
}

SEC("tc") int weak_variable(struct __sk_buff *skb) {
  return &jiffies != 0 ? 2 : 7;
}

SEC("tc") int strong_variable(struct __sk_buff *skb) {
  return (long)&bpf_prog_active;
}

SEC("tc") int kernel_function(struct __sk_buff *skb) {
  __u64 iterator[1];
  return bpf_iter_num_new((void *)iterator, 1, 3);
}

SEC("tc") int weak_function(struct __sk_buff *skb) {
  return bpf_of_tomorrow ? bpf_of_tomorrow(skb) : 7;
}

SEC("tc") int unguarded_function(struct __sk_buff *skb) {
  return bpf_of_tomorrow(skb);
}

SEC("tc") int strong_function(struct __sk_buff *skb) {
  return bpf_of_yesterday(skb);
}

char license_text[] SEC("license") = "GPL";
