#include "device/filter_block.h"

#include <algorithm>

namespace netkit::device {

FilterBlock::FilterBlock(const Rtnl&, Hook& hook, Counters counters, std::uint32_t index)
    : hook_(hook), counters_(std::move(counters)), index_(index) {
  publish();
}

FilterBlock::~FilterBlock() {
  hook_.publish(nullptr);
}

const FilterChain* FilterBlock::chain(std::uint32_t index) const {
  const auto found = std::ranges::find(chains_, index, &Numbered::index);
  return found != chains_.end() ? &found->classifiers : nullptr;
}

const Classifier* FilterBlock::at_or_behind(std::uint32_t chain, std::uint32_t priority) const {
  const FilterChain* const present = this->chain(chain);
  if (present == nullptr) return nullptr;
  const auto found = std::ranges::lower_bound(*present, priority, {}, &Classifier::priority);
  return found != present->end() ? &*found : nullptr;
}

void FilterBlock::put(const Rtnl&, std::uint32_t chain, std::uint16_t priority, Be16 protocol,
                      Filter filter) {
  FilterChain& present = chain_for_change(chain);
  auto place = std::ranges::lower_bound(present, priority, {}, &Classifier::priority);
  if (place == present.end() || place->priority != priority) {
    place = present.insert(place, {.priority = priority, .protocol = protocol, .filters = {}});
  }
  const auto same = std::ranges::find(place->filters, filter.handle, &Filter::handle);
  if (same != place->filters.end()) {
    *same = std::move(filter);
  } else {
    place->filters.insert(place->filters.begin(), std::move(filter));
  }
  changed(chain);
}

void FilterBlock::remove(const Rtnl&, std::uint32_t chain, std::uint16_t priority, std::uint32_t handle) {
  FilterChain& present = chain_for_change(chain);
  const auto place = std::ranges::find(present, priority, &Classifier::priority);
  if (place != present.end()) {
    std::erase_if(place->filters, [handle](const Filter& filter) { return filter.handle == handle; });
    if (place->filters.empty()) present.erase(place);
  }
  changed(chain);
}

void FilterBlock::remove(const Rtnl&, std::uint32_t chain, std::uint16_t priority) {
  std::erase_if(chain_for_change(chain),
                [priority](const Classifier& classifier) { return classifier.priority == priority; });
  changed(chain);
}

void FilterBlock::flush(const Rtnl&, std::uint32_t chain) {
  chain_for_change(chain).clear();
  changed(chain);
}

FilterChain& FilterBlock::chain_for_change(std::uint32_t index) {
  const auto found = std::ranges::find(chains_, index, &Numbered::index);
  if (found != chains_.end()) return found->classifiers;
  return chains_.emplace_back(Numbered{.index = index, .classifiers = {}}).classifiers;
}

void FilterBlock::changed(std::uint32_t index) {
  std::erase_if(chains_, [](const Numbered& chain) { return chain.classifiers.empty(); });
  if (index == 0) publish();
}

void FilterBlock::publish() {
  const FilterChain* const present = chain(0);
  hook_.publish(std::make_unique<const FilterList>(
      FilterList{.counters = counters_, .chain = present != nullptr ? *present : FilterChain{}}));
}

const Filter* find_filter(const Classifier& classifier, std::uint32_t handle) {
  const auto found = std::ranges::find(classifier.filters, handle, &Filter::handle);
  return found != classifier.filters.end() ? &*found : nullptr;
}

}  // namespace netkit::device
