#include "tests/differential/test_run.h"

#include <cstring>

namespace netkit::differential {
namespace {

bpf::LinkOptions with_format(const std::string& format) {
  bpf::LinkOptions options;
  if (format.empty()) return options;
  const auto characters = std::as_bytes(std::span(format));
  Bytes value(characters.begin(), characters.end());
  value.resize(64);
  options.variables["format"] = value;
  return options;
}

}  // namespace

Result<TestOutput> Engine::run(const std::string& program, const TestInput& input) {
  const auto context = std::as_bytes(std::span(&input.context, 1));
  const bpf::TestOutput ran = TRY(engine_->run(
      std::span(&program, 1), {.data = input.packet, .context = {context.begin(), context.end()}}));
  TestOutput output{.verdict = static_cast<std::int32_t>(ran.retval()), .packet = ran.data};
  std::memcpy(&output.context, ran.context.data(), ran.context.size());
  return output;
}

Result<> Engine::write_map(std::string_view map, std::uint32_t key, std::span<const std::byte> value) {
  return engine_->write_map(map, std::as_bytes(std::span(&key, 1)), value);
}

Result<MapContents> Engine::read_map(std::string_view map) {
  MapContents contents;
  TRY(engine_->visit_map(map, [&](auto key, auto value) {
    contents[Bytes(key.begin(), key.end())] = Bytes(value.begin(), value.end());
    return true;
  }));
  return contents;
}

void Engine::clear_map(std::string_view map) {
  const auto contents = read_map(map);
  if (!contents) return;
  for (const auto& entry : *contents) {
    if (!engine_->erase_map(map, entry.first)) return;
  }
}

Result<std::unique_ptr<Engine>> load_here(const std::filesystem::path& path, const std::string& format) {
  auto runner = std::make_unique<bpf::TestRunner>(TRY(bpf::TestRunner::make()));
  auto engine = TRY(bpf::load_for_test(path, with_format(format), *runner));
  return std::make_unique<Engine>(std::move(runner), std::move(engine));
}

Result<std::unique_ptr<Engine>> load_in_kernel(const std::filesystem::path& path, const std::string& format) {
  return std::make_unique<Engine>(nullptr, TRY(bpf::load_in_kernel(path, with_format(format))));
}

}  // namespace netkit::differential
