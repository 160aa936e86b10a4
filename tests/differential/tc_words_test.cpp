// The words and the output of tc: the same command lines to the real tc, in a namespace of its own, and to
// ours; what both print is compared, plain and as JSON, and so are their errors.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "base/rcu.h"
#include "base/text.h"
#include "bpf/exec/load.h"
#include "cli/tc/parse.h"
#include "cli/tc/print.h"
#include "cli/tc/request.h"
#include "control/link.h"
#include "device/namespace.h"
#include "tests/differential/tc_kernel.h"

namespace netkit::differential {
namespace {

using namespace control;
using cli::tc::Command;
using cli::tc::FilterCommand;
using cli::tc::PrintOptions;
using cli::tc::QdiscCommand;
using cli::tc::Verb;

const std::string kObject = NETKIT_DIFFERENTIAL_OBJECTS "/tc_programs.o";

// Ids and what the kernel's compiler makes of a program are nobody's fault.
std::string without_accidents(const std::string& text) {
  const std::string ids = std::regex_replace(text, std::regex(" id [0-9]+"), " id N");
  return std::regex_replace(ids, std::regex(" jited"), "");
}
nlohmann::json without_accidents(nlohmann::json json) {
  for (nlohmann::json& row : json) {
    if (!row.contains("options") || !row["options"].contains("prog")) continue;
    row["options"]["prog"]["id"] = 0;
    row["options"]["prog"]["jited"] = 0;
  }
  return json;
}

// What a command prints, or "Error: ..." in the kernel's words.
class RealTc {
 public:
  RealTc() : kernel_(KernelTc::make().value()) {}

  std::string run(const std::string& words) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(("tc " + words + " 2>&1").c_str(), "re"),
                                                     ::pclose);
    std::string output;
    std::array<char, 4096> buffer{};
    while (std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) output += buffer.data();
    if (output.starts_with("RTNETLINK answers: ")) return "Error: .";  // the kernel gave no message
    if (output.starts_with("Error: ")) return output.substr(0, output.find('\n'));
    return output;
  }

 private:
  KernelTc kernel_;
};

class OurTc {
 public:
  OurTc() {
    {
      const device::Rtnl rtnl = network_.lock();
      netns_ = network_.add_namespace(rtnl, "test").value();
    }
    client_ = std::make_unique<Client>(system_, netns_);
    LinkRequest veth;
    veth.flags = kCreate | kExclusive;
    AttributeWriter peer, data, info;
    peer.text(kIflaIfname, "v1");
    data.nest(kVethInfoPeer, IfInfo{}, peer);
    info.text(kInfoKind, "veth").nest(kInfoData, data);
    veth.attributes.text(kIflaIfname, "v0").nest(kIflaLinkinfo, info);
    EXPECT_TRUE(new_link(*client_, veth));
    const device::Rtnl rtnl = network_.lock();
    for (const char* const name : {"v0", "v1"}) EXPECT_TRUE(netns_->find(rtnl, name)->set_up(rtnl, true));
  }
  ~OurTc() {
    client_.reset();
    netns_.reset();
    rcu::drain();
  }

  std::string run(const std::string& line) {
    std::vector<std::string> words;
    PrintOptions options;
    bool json = false;
    for (const std::string_view word : split_words(line)) {
      if (word == "-s") {
        options.statistics = true;
      } else if (word == "-j") {
        json = true;
      } else {
        words.emplace_back(word);
      }
    }
    const Result<Command> command = cli::tc::parse(words);
    if (!command) return "our parser: " + command.error().text;
    const Result<std::string> output =
        std::visit([&](const auto& one) { return execute(one, options, json); }, *command);
    // tc ends the kernel's messages with a full stop.
    if (!output) return "Error: " + output.error().text + ".";
    return *output;
  }

 private:
  std::uint32_t number_of(const std::string& dev) {
    const device::Rtnl rtnl = network_.lock();
    const device::DeviceRef found = netns_->find(rtnl, dev);
    return found != nullptr ? found->ifindex() : 0;
  }

  Result<std::string> execute(const QdiscCommand& command, const PrintOptions& options, bool json) {
    const TcRequest request = request_of(command, number_of(command.dev));
    if (command.verb == Verb::kDelete) {
      TRY(delete_qdisc(*client_, request));
    } else if (command.verb != Verb::kShow) {
      TRY(new_qdisc(*client_, request));
    } else {
      const std::vector<QdiscReport> reports = list_qdiscs(*client_);
      return json ? to_json(command, reports, options).dump() : to_text(command, reports, options);
    }
    return std::string();
  }

  Result<std::string> execute(const FilterCommand& command, const PrintOptions& options, bool json) {
    std::optional<int> fd;
    if (const auto* const object = std::get_if<cli::tc::ObjectProgram>(&command.program)) fd = load(*object);
    const TcRequest request = request_of(command, number_of(command.dev), fd);
    std::vector<FilterReport> reports;
    switch (command.verb) {
      case Verb::kDelete:
        TRY(delete_filter(*client_, request));
        return std::string();
      case Verb::kAdd:
      case Verb::kReplace:
      case Verb::kChange:
        TRY(new_filter(*client_, request));
        return std::string();
      case Verb::kGet:
        reports.push_back(TRY(get_filter(*client_, request)));
        break;
      case Verb::kShow:
        reports = TRY(list_filters(*client_, request));
        break;
    }
    return json ? to_json(command, reports, options).dump() : to_text(command, reports, options);
  }

  int load(const cli::tc::ObjectProgram& object) {
    const bpf::LoadedObject loaded = bpf::load_object(kObject).value();
    const std::string_view wanted = object.section == "classifier" ? "accept_all" : "leave_it_to_the_next";
    for (const bpf::ProgramRef& program : loaded.programs) {
      if (program->name == wanted) return client_->open(program);
    }
    return -1;
  }

  device::Network network_;
  System system_{network_};
  device::NamespaceRef netns_;
  std::unique_ptr<Client> client_;
};

class TcWordsTest : public ::testing::Test {
 protected:
  // Both answer the same. `{}` is the object file.
  void same(std::string line) {
    if (const std::size_t at = line.find("{}"); at != std::string::npos) line.replace(at, 2, kObject);
    std::string real = tc_.run(line);
    // tc goes on to say that it has an error, and some versions warn about the object.
    EXPECT_EQ(without_accidents(ours_.run(line)), without_accidents(real)) << "tc " << line;
  }
  void same_json(const std::string& line) {
    EXPECT_EQ(without_accidents(nlohmann::json::parse(ours_.run("-j " + line))),
              without_accidents(nlohmann::json::parse(tc_.run("-j " + line))))
        << "tc " << line;
  }
  void show(const std::string& line) {
    same(line);
    same_json(line);
  }

  RealTc tc_;
  OurTc ours_;
};

TEST_F(TcWordsTest, Qdiscs) {
  show("qdisc show dev v0");
  same("qdisc del dev v0 clsact");
  same("qdisc add dev v0 clsact");
  same("qdisc add dev v0 clsact");
  same("qdisc replace dev v0 clsact");
  same("qdisc replace dev v0 ingress");
  same("qdisc add dev v1 ingress_block 7 ingress");
  for (const std::string dev : {"v0", "v1"}) {
    show("qdisc show dev " + dev);
    show("-s qdisc show dev " + dev);
  }
  show("qdisc show dev v0 clsact");
  same("qdisc show dev v1 ingress");
  same("qdisc del dev v1 ingress");
  same("qdisc del dev v1 ingress");
  same("qdisc add dev v1 ingress_block 7 egress_block 8 clsact");
  show("qdisc list dev v1");
}

TEST_F(TcWordsTest, Filters) {
  same("filter add dev v0 ingress bpf da obj {}");
  same("qdisc add dev v0 clsact");
  same("filter add dev v0 ingress bpf da obj {}");
  same("filter add dev v0 ingress prio 7 proto ip handle 5 bpf direct-action object-file {} section tc/next");
  same("filter add dev v0 ingress prio 7 proto ip handle 5 bpf direct-action object-file {} section tc/next");
  same(
      "filter replace dev v0 ingress pref 7 protocol ip handle 5 bpf obj {} sec tc/next classid 1:2 skip_hw");
  same("filter replace dev v0 ingress pref 7 protocol ip handle 5 bpf obj {} sec tc/next classid 1:2");
  same("filter add dev v0 egress pref 9 chain 3 protocol 0x1234 bpf obj {} flowid 1:");
  same("filter add dev v0 egress protocol 802.1Q bpf da obj {} skip_hw");
  for (const std::string view :
       {"ingress", "egress", "ingress prio 7", "ingress protocol ip", "egress chain 3", "egress chain 4",
        "parent ffff:fff2", "parent ffff:fff3 pref 49151", "root"}) {
    show("filter show dev v0 " + view);
    show("-s filter show dev v0 " + view);
  }
  show("filter get dev v0 ingress prio 7 handle 5 protocol ip bpf");
  same("filter get dev v0 ingress prio 7 handle 6 protocol ip bpf");
  same("filter del dev v0 ingress prio 9");
  same("filter del dev v0 ingress prio 7 handle 9 bpf");
  same("filter del dev v0 ingress prio 7 handle 5 bpf");
  same("filter del dev v0 egress");
  show("filter show dev v0 ingress");
  show("filter show dev v0 egress");
}

TEST_F(TcWordsTest, FiltersOfASharedBlock) {
  same("qdisc add dev v0 ingress_block 5 clsact");
  same("filter add dev v0 ingress bpf da obj {}");
  same("filter add block 6 bpf da obj {}");
  same("filter add block 5 prio 3 bpf da obj {}");
  show("filter show block 5");
  show("filter show dev v0 ingress");
  same("filter del block 5 prio 3");
  show("filter show block 5");
}

}  // namespace
}  // namespace netkit::differential
