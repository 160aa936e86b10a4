// Programs for tc and for our words: what is printed of them must be the same.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("classifier")
int accept_all(struct __sk_buff* skb) {
  return 0;
}

SEC("tc/next")
int leave_it_to_the_next(struct __sk_buff* skb) {
  return -1;
}
