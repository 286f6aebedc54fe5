#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "images/inflate.h"
#include "images/tree.h"

namespace cumulet::images {

/// What all layers of an image may take together.
struct LayerBudget {
  std::uint64_t bytes = 10ull << 30;  ///< Of tar.
  std::uint64_t entries = 1'000'000;
  std::uint64_t free_bytes = 1u << 30;      ///< What is left on the disk.
  const std::atomic<bool>* stop = nullptr;  ///< True ends the work.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

/// Lays a layer over what is in the tree: OCI's changesets, with whiteouts. What the layer uses goes off the budget.
/// Fails with InvalidImage (also when it is too large), or InternalError when the disk or the time does not suffice.
/// Blocks.
Result<void> apply_layer(LayerStream& layer, Tree& tree, LayerBudget& budget);

}  // namespace cumulet::images
