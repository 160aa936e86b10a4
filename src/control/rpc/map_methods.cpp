// Methods shaped like bpf(2)'s commands about maps.
#include <nlohmann/json.hpp>

#include "control/map.h"
#include "control/map_batch.h"
#include "control/region.h"
#include "control/rpc/bytes.h"
#include "control/rpc/methods.h"
#include "control/rpc/session.h"

namespace netkit::rpc {
namespace {

using control::Buffer;

Result<int> map_of(const Call& call) {
  return call.params.number<std::int32_t>("map_fd");
}

Result<std::uint64_t> flags_of(const Call& call) {
  return call.params.number_or<std::uint64_t>("flags", 0, kUpdateFlags);
}

// A number, or the word that bpftool has for the type ("lru_hash").
Result<std::uint32_t> map_type_of(const Params& params) {
  std::vector<Word> words;
  constexpr std::uint32_t kLast = static_cast<std::uint32_t>(bpf::MapType::kArena);
  for (std::uint32_t type = 1; type <= kLast; ++type) {
    const std::string_view name = bpf::map_type_name(static_cast<bpf::MapType>(type));
    if (!name.empty()) words.push_back({name, type});
  }
  return params.number<std::uint32_t>("map_type", words);
}

Result<> map_create(Call& call) {
  const Params& params = call.params;
  control::MapCreateRequest request;
  request.map_type = TRY(map_type_of(params));
  request.key_size = TRY(params.number_or<std::uint32_t>("key_size", 0));
  request.value_size = TRY(params.number_or<std::uint32_t>("value_size", 0));
  request.max_entries = TRY(params.number_or<std::uint32_t>("max_entries", 0));
  request.map_flags = TRY(params.number_or<std::uint32_t>("map_flags", 0));
  request.numa_node = TRY(params.number_or<std::uint32_t>("numa_node", 0));
  request.map_name = TRY(params.text_or("map_name", ""));
  request.map_ifindex = TRY(params.number_or<std::uint32_t>("map_ifindex", 0));
  request.map_extra = TRY(params.number_or<std::uint64_t>("map_extra", 0));
  request.inner_map_fd = TRY(params.number_or<std::int32_t>("inner_map_fd", 0));
  call.answer = {{"fd", TRY(control::create_map(call.session.client(), request))}};
  return {};
}

Result<> perf_event_open(Call& call) {
  const Params& params = call.params;
  const bpf::PerfRingOptions options{
      .cpu = TRY(params.number<std::uint32_t>("cpu")),
      .pages = TRY(params.number_or<std::uint32_t>("pages", 8)),
      .wakeup_events = TRY(params.number_or<std::uint32_t>("wakeup_events", 1))};
  call.answer = {{"fd", TRY(control::open_perf_ring(call.session.client(), options))}};
  return {};
}

// The file and, of rings, the eventfd go along with the answer.
Result<> map_region(Call& call) {
  const bool writable = TRY(call.params.flag("writable"));
  control::MapRegion region = TRY(control::open_region(call.session.client(), TRY(map_of(call)), writable));
  call.answer = {{"file", TRY(call.session.pass(std::move(region.file)))},
                 {"offset", region.offset},
                 {"size", region.size},
                 {"writable", region.writable}};
  if (region.wakeup) call.answer["wakeup"] = TRY(call.session.pass(std::move(region.wakeup)));
  return {};
}

// `value` is what a filter is asked for.
Result<> lookup_element(Call& call) {
  const Buffer key = TRY(read_hex(call.params, "key"));
  const Buffer asked = TRY(read_hex(call.params, "value"));
  const Buffer value =
      TRY(control::lookup_element(call.session.client(), TRY(map_of(call)), key, TRY(flags_of(call)), asked));
  call.answer = {{"value", to_hex(value)}};
  return {};
}

Result<> lookup_and_delete_element(Call& call) {
  const Buffer key = TRY(read_hex(call.params, "key"));
  const Buffer value = TRY(
      control::lookup_and_delete_element(call.session.client(), TRY(map_of(call)), key, TRY(flags_of(call))));
  call.answer = {{"value", to_hex(value)}};
  return {};
}

Result<> update_element(Call& call) {
  const Buffer key = TRY(read_hex(call.params, "key"));
  const Buffer value = TRY(read_hex(call.params, "value"));
  return control::update_element(call.session.client(), TRY(map_of(call)), key, value, TRY(flags_of(call)));
}

Result<> delete_element(Call& call) {
  const Buffer key = TRY(read_hex(call.params, "key"));
  return control::delete_element(call.session.client(), TRY(map_of(call)), key);
}

Result<> next_key(Call& call) {
  const Buffer key = TRY(read_hex(call.params, "key"));
  call.answer = {{"next_key", to_hex(TRY(control::next_key(call.session.client(), TRY(map_of(call)), key)))}};
  return {};
}

Result<> freeze(Call& call) {
  return control::freeze_map(call.session.client(), TRY(map_of(call)));
}

Result<> dump(Call& call) {
  const auto entries = TRY(control::dump_map(call.session.client(), TRY(map_of(call))));
  call.answer = Json::array();
  for (const control::MapEntry& entry : entries) {
    call.answer.push_back({{"key", to_hex(entry.key)}, {"value", to_hex(entry.value)}});
  }
  return {};
}

template <auto kRead>
Result<> read_batch(Call& call) {
  const Params& params = call.params;
  control::BatchReadRequest request;
  request.map_fd = TRY(map_of(call));
  request.cursor = TRY(read_hex(params, "in_batch"));
  request.count = TRY(params.number<std::uint32_t>("count"));
  request.elem_flags = TRY(params.number_or<std::uint64_t>("elem_flags", 0, kUpdateFlags));
  request.flags = TRY(flags_of(call));
  control::BatchAnswer answer;
  const Result<> done = kRead(call.session.client(), request, answer);
  if (!done && done.error().code != ENOENT) return done;
  call.answer = {{"count", answer.count},
                 {"keys", to_hex(answer.keys)},
                 {"values", to_hex(answer.values)},
                 {"out_batch", to_hex(answer.cursor)}};
  return done;
}

template <auto kWrite>
Result<> write_batch(Call& call) {
  const Params& params = call.params;
  const Buffer keys = TRY(read_hex(params, "keys"));
  const Buffer values = TRY(read_hex(params, "values"));
  control::BatchWriteRequest request;
  request.map_fd = TRY(map_of(call));
  request.count = TRY(params.number<std::uint32_t>("count"));
  request.keys = keys;
  request.values = values;
  request.elem_flags = TRY(params.number_or<std::uint64_t>("elem_flags", 0, kUpdateFlags));
  request.flags = TRY(flags_of(call));
  std::uint32_t count = 0;
  const Result<> done = kWrite(call.session.client(), request, count);
  call.answer = {{"count", count}};
  return done;
}

}  // namespace

std::span<const Method> map_methods() {
  static constexpr std::string_view kReadBatch = "map_fd in_batch count elem_flags flags";
  static constexpr std::string_view kWriteBatch = "map_fd keys values count elem_flags flags";
  static constexpr Method kMethods[] = {
      {.name = "bpf.map_create",
       .handle = map_create,
       .params =
           "map_type key_size value_size max_entries map_flags numa_node map_name map_ifindex map_extra "
           "inner_map_fd"},
      {.name = "bpf.perf_event_open", .handle = perf_event_open, .params = "cpu pages wakeup_events"},
      {.name = "bpf.map_region", .handle = map_region, .params = "map_fd writable"},
      {.name = "bpf.map_lookup_elem", .handle = lookup_element, .params = "map_fd key value flags"},
      {.name = "bpf.map_update_elem", .handle = update_element, .params = "map_fd key value flags"},
      {.name = "bpf.map_delete_elem", .handle = delete_element, .params = "map_fd key"},
      {.name = "bpf.map_get_next_key", .handle = next_key, .params = "map_fd key"},
      {.name = "bpf.map_lookup_and_delete_elem",
       .handle = lookup_and_delete_element,
       .params = "map_fd key flags"},
      {.name = "bpf.map_freeze", .handle = freeze, .params = "map_fd"},
      {.name = "bpf.map_dump", .handle = dump, .params = "map_fd"},
      {.name = "bpf.map_lookup_batch", .handle = read_batch<control::lookup_batch>, .params = kReadBatch},
      {.name = "bpf.map_lookup_and_delete_batch",
       .handle = read_batch<control::lookup_and_delete_batch>,
       .params = kReadBatch},
      {.name = "bpf.map_update_batch", .handle = write_batch<control::update_batch>, .params = kWriteBatch},
      {.name = "bpf.map_delete_batch", .handle = write_batch<control::delete_batch>, .params = kWriteBatch},
  };
  return kMethods;
}

}  // namespace netkit::rpc
