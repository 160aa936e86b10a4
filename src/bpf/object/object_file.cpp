#include "bpf/object/object_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>

#include "bpf/object/btf.h"
#include "bpf/object/object_reader.h"

namespace netkit::bpf {
namespace {

// "dir/pod_policy.bpf.o" -> "pod_policy", as libbpf names an object.
std::string_view object_name(std::string_view file) {
  if (const auto slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
  return file.substr(0, file.find('.'));
}

}  // namespace

ObjectFile::ObjectFile() = default;
ObjectFile::ObjectFile(ObjectFile&&) noexcept = default;
ObjectFile& ObjectFile::operator=(ObjectFile&&) noexcept = default;
ObjectFile::~ObjectFile() = default;

Result<ObjectFile> ObjectFile::parse(std::vector<std::byte> bytes, std::string name) {
  ObjectFile object;
  object.bytes_ = std::move(bytes);
  object.name_ = std::move(name);
  ObjectReader reader(object.bytes_, object_name(object.name_));
  Result<ObjectContents> contents = reader.read();
  if (!contents) {
    Error& error = contents.error();
    return fail(error.code, fmt::format("{}: {}", object.name_, error.text), std::move(error.details));
  }
  object.contents_ = *std::move(contents);
  object.btf_ = reader.take_btf();
  return object;
}

Result<ObjectFile> ObjectFile::read(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::error_code status;
  if (!file || std::filesystem::is_directory(path, status)) {
    const int code = file ? EISDIR : (errno != 0 ? errno : EIO);
    return fail(code, fmt::format("{}: {}; give the path of an object made by `clang -target bpf -c`",
                                  path.string(), std::generic_category().message(code)));
  }
  std::vector<char> content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return fail_errno(path.string());
  const auto bytes = std::as_bytes(std::span(content));
  return parse({bytes.begin(), bytes.end()}, path.string());
}

const ObjectFunction* ObjectFile::find_program(std::string_view function) const {
  const auto found = std::ranges::find_if(contents_.functions, [&](const ObjectFunction& candidate) {
    return candidate.program && candidate.name == function;
  });
  return found == contents_.functions.end() ? nullptr : &*found;
}

const Variable* ObjectFile::find_variable(std::string_view variable) const {
  const auto found = std::ranges::find(contents_.variables, variable, &Variable::name);
  return found == contents_.variables.end() ? nullptr : &*found;
}

}  // namespace netkit::bpf
