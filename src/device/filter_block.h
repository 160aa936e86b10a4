// The chains of filters of one direction (struct tcf_block): what requests about filters change. Chain 0 is
// what packets meet; each change of it publishes a new snapshot, and the old one, with the programs that only
// it still holds, goes after a grace period. Nothing leads to other chains, as that takes an action (goto
// chain).
#pragma once

#include "base/rcu.h"
#include "device/filter.h"
#include "device/network.h"

namespace netkit::device {

class FilterBlock {
 public:
  using Hook = rcu::Published<FilterList>;
  using Counters = std::shared_ptr<PerCpu<QdiscCounters>>;

  // Publishes at `hook`, which outlives the block, for the time that the block is there. `index`: the number
  // by which requests name the block; 0: they name device and parent.
  FilterBlock(const Rtnl& rtnl, Hook& hook, Counters counters, std::uint32_t index);
  ~FilterBlock();
  FilterBlock(const FilterBlock&) = delete;
  FilterBlock& operator=(const FilterBlock&) = delete;

  [[nodiscard]] std::uint32_t index() const { return index_; }
  // By which of its parents a request last meant the block, as dumps say it (tcf_block::classid): those of
  // the ingress qdisc all mean the same.
  [[nodiscard]] std::uint32_t last_parent() const { return last_parent_; }
  void set_last_parent(const Rtnl&, std::uint32_t parent) { last_parent_ = parent; }
  // In the order in which they came into being; each holds something.
  struct Numbered {
    std::uint32_t index = 0;
    FilterChain classifiers;
  };
  [[nodiscard]] const std::vector<Numbered>& chains() const { return chains_; }
  // Null: nothing is in it.
  [[nodiscard]] const FilterChain* chain(std::uint32_t index) const;
  // The classifier of that priority; where there is none, the one that comes next. Null: none comes.
  [[nodiscard]] const Classifier* at_or_behind(std::uint32_t chain, std::uint32_t priority) const;

  // Adds the filter in front of the others of its priority, or puts it in the place of the one with the same
  // handle. The priority has this protocol, or nothing yet.
  void put(const Rtnl& rtnl, std::uint32_t chain, std::uint16_t priority, Be16 protocol, Filter filter);
  // What is not there is no error.
  void remove(const Rtnl& rtnl, std::uint32_t chain, std::uint16_t priority, std::uint32_t handle);
  void remove(const Rtnl& rtnl, std::uint32_t chain, std::uint16_t priority);
  void flush(const Rtnl& rtnl, std::uint32_t chain);

 private:
  // The chain, made if it is not there.
  [[nodiscard]] FilterChain& chain_for_change(std::uint32_t index);
  // It has changed: it goes when it is empty, and packets get to see it.
  void changed(std::uint32_t index);
  void publish();

  Hook& hook_;
  Counters counters_;
  std::uint32_t index_;
  std::uint32_t last_parent_ = 0;
  std::vector<Numbered> chains_;
};

// The filter with that handle; null: none.
[[nodiscard]] const Filter* find_filter(const Classifier& classifier, std::uint32_t handle);

}  // namespace netkit::device
