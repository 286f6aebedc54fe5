#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

/// Recursion: a trace header says through which functions an event came, and how often. Functions' SDKs pass it on in
/// X-Amzn-Trace-Id, queues and topics keep it with the message.
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
namespace cumulet::lambda {

/// An event that would make a function run a 17th time in one chain is stopped.
inline constexpr std::uint32_t kMostHops = 16;

struct Lineage {
  Lineage() = default;
  std::string header;      ///< The trace header to run the function with.
  std::uint32_t hops = 0;  ///< How often the function runs in this chain, this time included.
};

/// A trace that begins here: Root=1-…;Parent=…;Sampled=0
std::string new_trace(Timestamp now);
Lineage next_hop(const std::string& trace, const std::string& function_arn);
/// The hops of a header that next_hop made.
std::uint32_t hops_of(std::string_view header);

}  // namespace cumulet::lambda
