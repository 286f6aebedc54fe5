#include <cstdint>
#include <cstdlib>
#include <string>

#include "services/firehose/transform.h"

/// Whatever a function answers, every record has a fate, and only those that the answer names are not failed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet::firehose;
  const std::string answer(reinterpret_cast<const char*>(data), size);
  std::vector<BufferedRecord> records;
  records.emplace_back(1, "one");
  records.emplace_back(2, "two");
  const std::vector<Transformed> all = read_transformed(answer, records);
  if (all.size() != records.size()) std::abort();
  for (const Transformed& each : all) {
    const bool failed = each.result == Transformed::Result::kFailed;
    if (failed == each.error_code.empty()) std::abort();
    if (!failed && answer.find("recordId") == std::string::npos) std::abort();
  }
  return 0;
}
