#include "cli/map_containers.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>
#include <vector>

#include "bpf/map/perf_ring.h"
#include "bpf/map/ringbuf_reader.h"
#include "bpf/run/types.h"
#include "cli/client.h"
#include "cli/errors.h"
#include "cli/map_data.h"
#include "cli/objects.h"
#include "cli/print.h"

namespace netkit::cli {
namespace {

std::string digits_of(std::span<const std::byte> bytes) {
  std::string digits;
  for (const std::byte byte : bytes) digits += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return digits;
}

Result<> read_next(const Options& options, Words words, const char* method) {
  Client client = TRY(Client::connect(options));
  const int fd = TRY(open_object(client, ObjectKind::kMap, words));
  const MapShape shape(TRY(client.call("bpf.obj_get_info_by_fd", Json{{"fd", fd}})));
  TRY(words.end());
  const auto found = client.call(method, Json{{"map_fd", fd}, {"key", ""}});
  if (!found && found.error().code == ENOENT) {
    if (options.json) {
      print(OrderedJson(nullptr), options);
    } else {
      print("Error: empty map?\n");
    }
    return {};
  }
  if (!found) return std::unexpected(about("map", found.error()));
  const auto value = (*found)["value"].get<std::string>();
  if (options.json) {
    print(OrderedJson{{"value", hex_list(value)}}, options);
  } else {
    print(shape.to_text("", value));
  }
  return {};
}

// ---- events ----

void print_event(const Options& options, std::string_view head, std::span<const std::byte> data) {
  if (options.json) {
    print(OrderedJson{{"type", head}, {"data", hex_list(digits_of(data))}}, options);
  } else {
    print(fmt::format("== {}, {} bytes\n{}\n", head, data.size(), hex_lines(digits_of(data))));
  }
}

// What `bpf.map_region` gave: its file and its eventfd.
struct Region {
  Fd file;
  Fd wakeup;
  std::uint64_t size;
};

Result<Region> open_region(Client& client, int fd) {
  const Json answer = TRY(client.call("bpf.map_region", Json{{"map_fd", fd}}));
  std::vector<Fd> passed = client.take_passed();
  if (passed.size() != 2) return fail(EPROTO, "the engine passed no file of the ring along");
  return Region{std::move(passed[0]), std::move(passed[1]), answer["size"].get<std::uint64_t>()};
}

// Waits until one of the eventfds is ready and takes what they count.
Result<> wait_for(std::vector<pollfd>& waits) {
  while (::poll(waits.data(), waits.size(), -1) < 0) {
    if (errno != EINTR) return fail_errno("waiting for events");
  }
  for (const pollfd& wait : waits) {
    std::uint64_t count = 0;
    if ((wait.revents & POLLIN) != 0 && ::read(wait.fd, &count, sizeof count) < 0)
      continue;  // another took it
  }
  return {};
}

Result<> pipe_ringbuf(const Options& options, Client& client, int fd, std::uint64_t size) {
  const Region region = TRY(open_region(client, fd));
  bpf::RingbufReader reader = TRY(bpf::RingbufReader::map(region.file.get(), size));
  std::vector<pollfd> waits{{region.wakeup.get(), POLLIN, 0}};
  while (true) {
    reader.read([&](auto record) { print_event(options, "record", record); });
    TRY(wait_for(waits));
  }
}

void print_perf_record(const Options& options, std::size_t cpu, std::span<const std::byte> record) {
  perf_event_header header;
  std::memcpy(&header, record.data(), sizeof header);
  if (header.type == PERF_RECORD_SAMPLE) {
    const auto data = record.subspan(sizeof header + sizeof(std::uint32_t));
    print_event(options, fmt::format("CPU: {} index: {}", cpu, cpu), data);
  } else if (header.type == PERF_RECORD_LOST) {
    std::uint64_t lost = 0;
    std::memcpy(&lost, record.data() + sizeof header + sizeof lost, sizeof lost);
    print_event(options, fmt::format("CPU: {}: lost {} events", cpu, lost), {});
  }
}

Result<> pipe_perf(const Options& options, Client& client, int map_fd, std::uint32_t max_entries) {
  const auto cpus = std::min(client.engine()["possible_cpus"].get<std::uint32_t>(), max_entries);
  std::vector<Region> regions;
  std::vector<bpf::PerfReader> readers;
  std::vector<pollfd> waits;
  for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
    const int ring = TRY(client.call("bpf.perf_event_open", Json{{"cpu", cpu}}))["fd"].get<int>();
    regions.push_back(TRY(open_region(client, ring)));
    readers.push_back(TRY(bpf::PerfReader::map(regions.back().file.get(), regions.back().size)));
    waits.push_back({regions.back().wakeup.get(), POLLIN, 0});
    const auto bytes = [](const auto& number) { return digits_of(std::as_bytes(std::span(&number, 1))); };
    TRY(client.call("bpf.map_update_elem",
                    Json{{"map_fd", map_fd}, {"key", bytes(cpu)}, {"value", bytes(ring)}}));
  }
  while (true) {
    for (std::size_t cpu = 0; cpu < readers.size(); ++cpu)
      readers[cpu].read([&](auto record) { print_perf_record(options, cpu, record); });
    TRY(wait_for(waits));
  }
}

}  // namespace

Result<> peek_map(const Options& options, Words words) {
  return read_next(options, words, "bpf.map_lookup_elem");
}

Result<> pop_from_map(const Options& options, Words words) {
  return read_next(options, words, "bpf.map_lookup_and_delete_elem");
}

Result<> push_to_map(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const int fd = TRY(open_object(client, ObjectKind::kMap, words));
  const MapShape shape(TRY(client.call("bpf.obj_get_info_by_fd", Json{{"fd", fd}})));
  if (!words.take_if("value")) return usage_error("what value? Say `value` and its bytes");
  const std::string value = TRY(read_bytes(words, shape.value_size(), "value"));
  TRY(words.end());
  const auto pushed = client.call("bpf.map_update_elem", Json{{"map_fd", fd}, {"key", ""}, {"value", value}});
  if (!pushed) return std::unexpected(about("map push", pushed.error()));
  if (options.json) print(OrderedJson(nullptr), options);
  return {};
}

Result<> pipe_events(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const int fd = TRY(open_object(client, ObjectKind::kMap, words));
  TRY(words.end());
  const Json info = TRY(client.call("bpf.obj_get_info_by_fd", Json{{"fd", fd}}));
  const auto max_entries = info["max_entries"].get<std::uint32_t>();
  switch (static_cast<bpf::MapType>(info["type"].get<std::uint32_t>())) {
    case bpf::MapType::kRingbuf:
      return pipe_ringbuf(options, client, fd, max_entries);
    case bpf::MapType::kPerfEventArray:
      return pipe_perf(options, client, fd, max_entries);
    default:
      return usage_error("events come through maps of type ringbuf and perf_event_array");
  }
}

}  // namespace netkit::cli
