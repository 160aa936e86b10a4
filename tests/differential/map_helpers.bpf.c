// Helpers that work on maps, with good and bad arguments: each program notes what every call answered.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define RESULTS 64

__u64 results[RESULTS];

static void note(__u32 index, __u64 result) {
  if (index < RESULTS) results[index] = result;
}

#define CONTAINER(name, map_type) \
  struct {                        \
    __uint(type, map_type);       \
    __uint(max_entries, 2);       \
    __type(value, __u32);         \
  } name SEC(".maps")

CONTAINER(queue, BPF_MAP_TYPE_QUEUE);
CONTAINER(stack, BPF_MAP_TYPE_STACK);
CONTAINER(filter, BPF_MAP_TYPE_BLOOM_FILTER);

#define FILL_AND_EMPTY(map, base)                                                   \
  do {                                                                              \
    __u32 out = 99;                                                                 \
    note(base, bpf_map_peek_elem(map, &out));                                       \
    note(base + 1, out);                                                            \
    for (__u32 i = 1; i < 5; i++) {                                                 \
      note(base + 1 + i, bpf_map_push_elem(map, &i, i == 4 ? BPF_EXIST : BPF_ANY)); \
    }                                                                               \
    note(base + 6, bpf_map_push_elem(map, &out, BPF_NOEXIST));                      \
    note(base + 7, bpf_map_push_elem(map, &out, 4));                                \
    note(base + 8, bpf_map_peek_elem(map, &out));                                   \
    note(base + 9, out);                                                            \
    for (__u32 i = 0; i < 3; i++) {                                                 \
      note(base + 10 + 2 * i, bpf_map_pop_elem(map, &out));                         \
      note(base + 11 + 2 * i, out);                                                 \
    }                                                                               \
  } while (0)

SEC("tc")
int containers(struct __sk_buff* skb) {
  FILL_AND_EMPTY(&queue, 0);
  FILL_AND_EMPTY(&stack, 16);
  __u32 value = 7;
  note(32, bpf_map_peek_elem(&filter, &value));
  note(33, bpf_map_push_elem(&filter, &value, BPF_ANY));
  note(34, bpf_map_peek_elem(&filter, &value));
  note(35, bpf_map_push_elem(&filter, &value, BPF_EXIST));
  return 0;
}

#define TABLE(name, map_type) \
  struct {                    \
    __uint(type, map_type);   \
    __uint(max_entries, 8);   \
    __type(key, __u32);       \
    __type(value, __u64);     \
  } name SEC(".maps")

TABLE(array, BPF_MAP_TYPE_ARRAY);
TABLE(hash, BPF_MAP_TYPE_HASH);
TABLE(lru, BPF_MAP_TYPE_LRU_HASH);
TABLE(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY);
TABLE(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH);

struct walk {
  __u64 keys;
  __u64 values;
  __u64 stop_at;
};

static long add(struct bpf_map* map, __u32* key, __u64* value, struct walk* walk) {
  walk->keys += *key;
  walk->values += *value;
  *value += 1;
  return *key == walk->stop_at;
}

static long erase(struct bpf_map* map, __u32* key, __u64* value, void* context) {
  __u32 copy = *key;
  bpf_map_delete_elem(&hash, &copy);
  return 0;
}

#define WALK(map, base, stop)                              \
  do {                                                     \
    struct walk walk = {.stop_at = stop};                  \
    note(base, bpf_for_each_map_elem(map, add, &walk, 0)); \
    note(base + 1, walk.keys);                             \
    note(base + 2, walk.values);                           \
  } while (0)

SEC("tc")
int walks(struct __sk_buff* skb) {
  for (__u32 i = 0; i < 8; i++) {
    __u32 key = i;
    __u64 value = 100 + i;
    bpf_map_update_elem(&array, &key, &value, BPF_ANY);
    bpf_map_update_elem(&hash, &key, &value, BPF_ANY);
    bpf_map_update_elem(&lru, &key, &value, BPF_ANY);
    bpf_map_update_elem(&percpu_array, &key, &value, BPF_ANY);
    bpf_map_update_elem(&percpu_hash, &key, &value, BPF_ANY);
  }
  WALK(&array, 0, 99);
  WALK(&array, 3, 4);
  WALK(&hash, 6, 99);
  WALK(&lru, 9, 99);
  WALK(&percpu_array, 12, 99);
  WALK(&percpu_hash, 15, 99);
  struct walk none = {};
  note(18, bpf_for_each_map_elem(&array, add, &none, 1));
  note(19, bpf_for_each_map_elem(&hash, erase, 0, 0));
  note(20, bpf_for_each_map_elem(&hash, erase, 0, 0));
  return 0;
}

SEC("tc")
int other_cpus(struct __sk_buff* skb) {
  __u32 key = 3, beyond = 8;
  __u64 value = 5;
  bpf_map_update_elem(&percpu_array, &key, &value, BPF_ANY);
  bpf_map_update_elem(&percpu_hash, &key, &value, BPF_ANY);
  __u64* found = bpf_map_lookup_percpu_elem(&percpu_array, &key, 0);
  note(0, found ? *found : 77);
  found = bpf_map_lookup_percpu_elem(&percpu_hash, &key, 0);
  note(1, found ? *found : 77);
  found = bpf_map_lookup_percpu_elem(&percpu_array, &beyond, 0);
  note(2, found ? *found : 77);
  found = bpf_map_lookup_percpu_elem(&percpu_array, &key, 10000);
  note(3, found ? *found : 77);
  found = bpf_map_lookup_percpu_elem(&percpu_hash, &key, ~0u);
  note(4, found ? *found : 77);
  return 0;
}

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} ring SEC(".maps");

static void note_ring(__u32 base) {
  for (__u32 what = 0; what < 6; what++) note(base + what, bpf_ringbuf_query(&ring, what));
}

SEC("tc")
int ring_buffer(struct __sk_buff* skb) {
  __u64 data[4] = {1, 2, 3, 4};
  note(0, bpf_ringbuf_output(&ring, data, 5, 0));
  note(1, bpf_ringbuf_output(&ring, data, 8, BPF_RB_NO_WAKEUP));
  note(2, bpf_ringbuf_output(&ring, data, 8, BPF_RB_FORCE_WAKEUP));
  note(3, bpf_ringbuf_output(&ring, data, 8, 4));
  note_ring(4);
  __u64* record = bpf_ringbuf_reserve(&ring, 24, 0);
  note(10, record != 0);
  if (record) {
    record[2] = 9;
    bpf_ringbuf_submit(record, 0);
  }
  record = bpf_ringbuf_reserve(&ring, 16, 0);
  if (record) bpf_ringbuf_discard(record, 0);
  record = bpf_ringbuf_reserve(&ring, 8, 1);
  note(11, record != 0);
  if (record) bpf_ringbuf_discard(record, 0);
  record = bpf_ringbuf_reserve(&ring, 4096, 0);
  note(12, record != 0);
  if (record) bpf_ringbuf_discard(record, 0);
  note_ring(13);
  record = bpf_ringbuf_reserve(&ring, 3800, 0);
  note(19, record != 0);
  if (record) bpf_ringbuf_submit(record, 0);
  for (int i = 0; i < 20; i++) note(20 + i, bpf_ringbuf_output(&ring, data, 32, 0));
  note_ring(40);
  return 0;
}

struct guarded {
  __u64 before;
  struct bpf_spin_lock lock;
  __u32 after;
};

#define GUARDED(name, map_type)    \
  struct {                         \
    __uint(type, map_type);        \
    __uint(max_entries, 4);        \
    __type(key, __u32);            \
    __type(value, struct guarded); \
  } name SEC(".maps")

GUARDED(guarded_array, BPF_MAP_TYPE_ARRAY);
GUARDED(guarded_hash, BPF_MAP_TYPE_HASH);

#define GUARD(map, base)                                                              \
  do {                                                                                \
    __u32 key = 1;                                                                    \
    struct guarded value = {.before = 1, .after = 2};                                 \
    note(base, bpf_map_update_elem(map, &key, &value, BPF_F_LOCK));                   \
    note(base + 1, bpf_map_update_elem(map, &key, &value, BPF_NOEXIST));              \
    note(base + 2, bpf_map_update_elem(map, &key, &value, BPF_F_LOCK | BPF_NOEXIST)); \
    note(base + 3, bpf_map_update_elem(map, &key, &value, BPF_F_LOCK | BPF_EXIST));   \
    key = 2;                                                                          \
    note(base + 4, bpf_map_update_elem(map, &key, &value, BPF_F_LOCK | BPF_EXIST));   \
    struct guarded* found = bpf_map_lookup_elem(map, &key);                           \
    if (found) {                                                                      \
      bpf_spin_lock(&found->lock);                                                    \
      found->before += 10;                                                            \
      found->after += 20;                                                             \
      bpf_spin_unlock(&found->lock);                                                  \
    }                                                                                 \
  } while (0)

SEC("tc")
int locks(struct __sk_buff* skb) {
  GUARD(&guarded_array, 0);
  GUARD(&guarded_hash, 8);
  __u32 key = 1;
  __u64 value = 3;
  note(16, bpf_map_update_elem(&array, &key, &value, BPF_F_LOCK));
  note(17, bpf_map_update_elem(&hash, &key, &value, BPF_F_LOCK));
  note(18, bpf_map_update_elem(&percpu_hash, &key, &value, BPF_F_LOCK));
  note(19, bpf_map_update_elem(&lru, &key, &value, BPF_F_LOCK));
  return 0;
}

struct timed {
  __u64 fired;
  struct bpf_timer timer;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, struct timed);
} timers SEC(".maps");

static int fire(void* map, __u32* key, struct timed* value) {
  value->fired += 1;
  return 0;
}

#define HOUR 3600000000000ull

SEC("tc")
int timer_calls(struct __sk_buff* skb) {
  __u32 key = 1;
  struct timed empty = {};
  bpf_map_update_elem(&timers, &key, &empty, BPF_ANY);
  struct timed* value = bpf_map_lookup_elem(&timers, &key);
  if (!value) return 1;
  note(0, bpf_timer_cancel(&value->timer));
  note(1, bpf_timer_start(&value->timer, HOUR, 0));
  note(2, bpf_timer_init(&value->timer, &timers, 2));
  note(3, bpf_timer_init(&value->timer, &timers, 16));
  note(4, bpf_timer_init(&value->timer, &timers, 1));
  note(5, bpf_timer_init(&value->timer, &timers, 1));
  note(6, bpf_timer_start(&value->timer, HOUR, 0));
  note(7, bpf_timer_set_callback(&value->timer, fire));
  note(8, bpf_timer_start(&value->timer, HOUR, 8));
  note(9, bpf_timer_start(&value->timer, HOUR, 0));
  note(10, bpf_timer_cancel(&value->timer));
  note(11, bpf_timer_cancel(&value->timer));
  note(12, bpf_timer_start(&value->timer, HOUR, 0));
  note(13, bpf_timer_set_callback(&value->timer, fire));
  note(14, bpf_timer_start(&value->timer, ~0ull, 1));
  note(15, bpf_timer_start(&value->timer, HOUR, 2));
  note(16, bpf_map_update_elem(&timers, &key, &empty, BPF_EXIST));
  value = bpf_map_lookup_elem(&timers, &key);
  if (!value) return 1;
  note(17, bpf_timer_cancel(&value->timer));
  note(18, bpf_timer_init(&value->timer, &timers, 0));
  note(19, bpf_map_delete_elem(&timers, &key));
  return 0;
}

struct {
  __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u32);
} events SEC(".maps");

SEC("tc")
int perf_output(struct __sk_buff* skb) {
  __u64 data = 5;
  note(0, bpf_perf_event_output(skb, &events, 0, &data, sizeof data));
  note(1, bpf_perf_event_output(skb, &events, 2, &data, sizeof data));
  note(2, bpf_perf_event_output(skb, &events, 1ull << 52, &data, sizeof data));
  note(3, bpf_perf_event_output(skb, &events, 0xfffffull << 32, &data, sizeof data));
  note(4, bpf_perf_event_output(skb, &events, (__u64)skb->len << 32, &data, sizeof data));
  note(5, bpf_perf_event_output(skb, &events, BPF_F_CURRENT_CPU, &data, sizeof data));
  note(6, bpf_perf_event_output(skb, &events, (__u64)(skb->len + 1) << 32 | 2, &data, sizeof data));
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
