#include "packet/tunnel_info.h"

#include <memory>
#include <vector>

namespace netkit {

// Blocks that the thread has no use for at present.
class TunnelStore {
 public:
  static TunnelPtr::Block* take() {
    auto& blocks = free_blocks();
    if (blocks.empty()) return new TunnelPtr::Block;
    TunnelPtr::Block* block = blocks.back().release();
    blocks.pop_back();
    block->owners.store(1, std::memory_order_relaxed);
    return block;
  }
  static void give(TunnelPtr::Block* block) noexcept {
    std::unique_ptr<TunnelPtr::Block> owned(block);
    auto& blocks = free_blocks();
    if (blocks.size() < kKept) blocks.push_back(std::move(owned));
  }

 private:
  static constexpr std::size_t kKept = 256;

  static std::vector<std::unique_ptr<TunnelPtr::Block>>& free_blocks() {
    thread_local std::vector<std::unique_ptr<TunnelPtr::Block>> blocks = [] {
      std::vector<std::unique_ptr<TunnelPtr::Block>> empty;
      empty.reserve(kKept);
      return empty;
    }();
    return blocks;
  }
};

TunnelPtr TunnelPtr::make() {
  TunnelPtr made;
  made.block_ = TunnelStore::take();
  made.block_->info = TunnelInfo{};
  return made;
}

TunnelInfo& TunnelPtr::own() {
  if (block_->owners.load(std::memory_order_acquire) != 1) {
    TunnelPtr copy = make();
    copy.block_->info = block_->info;
    *this = std::move(copy);
  }
  return block_->info;
}

void TunnelPtr::release() noexcept {
  if (block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) TunnelStore::give(block_);
  block_ = nullptr;
}

}  // namespace netkit
