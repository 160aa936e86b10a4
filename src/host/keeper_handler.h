// What the keeper does for each request of its list (keeper_protocol.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/command_table.h"
#include "host/journal.h"
#include "host/keeper_protocol.h"
#include "host/known_spaces.h"
#include "host/tap.h"

namespace netkit::host {

// Descriptors that came with the present request, and those that go with its answer.
struct Attachments {
  std::vector<Fd> received;
  std::vector<Fd> replied;
};

class KeeperHandler {
 public:
  // In the scratch namespace, for the process `engine`.
  [[nodiscard]] static Result<KeeperHandler> make(pid_t engine, const KeeperOptions& options);

  [[nodiscard]] Result<Space> handle(const MakeNamespace& request, Attachments&);
  [[nodiscard]] Result<Space> handle(const UseNamespace& request, Attachments&);
  [[nodiscard]] Result<Space> handle(const UseOwnNamespace& request, Attachments& attachments);
  [[nodiscard]] Result<Space> handle(const FindNamespace& request, Attachments& attachments);
  [[nodiscard]] Result<Space> handle(const FindNamespaceOfProcess& request, Attachments&);
  [[nodiscard]] Result<Nothing> handle(const RemoveNamespace& request, Attachments&);
  [[nodiscard]] Result<LinkInfo> handle(const MakeTap& request, Attachments& attachments);
  [[nodiscard]] Result<Nothing> handle(const MakeVeth& request, Attachments&);
  [[nodiscard]] Result<Nothing> handle(const ChangeLink& request, Attachments&);
  [[nodiscard]] Result<Nothing> handle(const MoveLink& request, Attachments&);
  [[nodiscard]] Result<Nothing> handle(const DeleteLink& request, Attachments&);
  [[nodiscard]] Result<LinkInfo> handle(const LinkByIndex& request, Attachments&);
  [[nodiscard]] Result<LinkInfo> handle(const LinkByName& request, Attachments&);
  [[nodiscard]] Result<std::vector<LinkInfo>> handle(const LinksAfter& request, Attachments&);
  [[nodiscard]] Result<Location> handle(const LocateTap& request, Attachments& attachments);
  [[nodiscard]] Result<Location> handle(const ChangeTap& request, Attachments& attachments);
  [[nodiscard]] Result<Location> handle(const MoveTap& request, Attachments& attachments);
  [[nodiscard]] Result<Nothing> handle(const DeleteTap& request, Attachments& attachments);
  [[nodiscard]] Result<Nothing> handle(const AddAddress& request, Attachments&);
  [[nodiscard]] Result<Nothing> handle(const AddRoute& request, Attachments&);
  [[nodiscard]] Result<Nothing> handle(const AddNeighbour& request, Attachments&);
  [[nodiscard]] Result<Nothing> handle(const SetSysctl& request, Attachments&);
  [[nodiscard]] Result<Nothing> handle(const OpenMonitor& request, Attachments& attachments);
  [[nodiscard]] Result<pid_t> handle(const RunCommand& request, Attachments& attachments);
  [[nodiscard]] Result<Nothing> handle(const Stop& request, Attachments&);

  // Everything has been undone: there is nothing more to serve.
  [[nodiscard]] bool stopped() const { return stopped_; }
  // Takes away all that was made; commands that still run are ended first.
  [[nodiscard]] Result<> undo();
  // After SIGCHLD.
  void reap() { commands_.reap(); }

 private:
  KeeperHandler(pid_t engine, std::unique_ptr<Netlink> scratch, Journal journal);
  [[nodiscard]] Result<Space> make_journalled(const std::string& name);
  [[nodiscard]] Result<Space> mount_journalled(const std::string& name);
  [[nodiscard]] Result<std::uint32_t> next_ifindex(Nsid space);
  [[nodiscard]] Result<Location> locate(const TapPlace& place);
  [[nodiscard]] Failure explain(const Error& error, const TapRequest& tap, std::uint32_t ifindex) const;

  pid_t engine_;
  std::unique_ptr<Netlink> scratch_;
  KnownSpaces spaces_;
  Journal journal_;
  CommandTable commands_;
  std::uint32_t taps_made_ = 0;
  bool stopped_ = false;
};

}  // namespace netkit::host
