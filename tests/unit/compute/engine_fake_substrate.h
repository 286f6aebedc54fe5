#pragma once

#include <memory>

#include "compute/sandbox.h"

namespace cumulet::compute {

/// A substrate without isolation: plain processes on the host, with paths and ports translated. For tests of the engine
/// where the kernel offers no sandboxes, and under sanitizers.
std::unique_ptr<Substrate> make_fake_substrate();

}  // namespace cumulet::compute
