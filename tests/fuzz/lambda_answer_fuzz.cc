#include <cstdint>
#include <cstdlib>
#include <string>

#include "services/lambda/event_source/batch_response.h"
#include "services/lambda/event_source/record_filter.h"
#include "services/lambda/lineage.h"

/// Whatever a function answers to a batch, whatever a record holds and whatever a trace header says: reported items are
/// of the batch, and hops only grow.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet::lambda;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const BatchFailures failures = batch_failures(text, {"a", "b"});
  for (const std::string& item : failures.items) {
    if (item != "a" && item != "b") std::abort();
  }
  (void)window_state(text);
  (void)filterable_message(text);
  (void)filterable_kinesis(text);
  const std::string function = "arn:aws:lambda:us-east-1:000000000000:function:f";
  const Lineage first = next_hop(text, function);
  if (first.hops < 1000 && next_hop(first.header, function).hops <= first.hops) std::abort();
  return 0;
}
