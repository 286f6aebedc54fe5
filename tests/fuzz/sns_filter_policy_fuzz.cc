#include <cstddef>
#include <cstdint>
#include <string_view>

#include "services/sns/filter_policy.h"

// Input: a filter policy, a NUL byte, a message's body.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet::sns;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = input.find('\0');
  const std::string_view body = middle == std::string_view::npos ? std::string_view() : input.substr(middle + 1);
  for (const FilterPolicy::Scope scope : {FilterPolicy::Scope::kBody, FilterPolicy::Scope::kAttributes}) {
    const cumulet::Result<FilterPolicy> policy = FilterPolicy::parse(input.substr(0, middle), scope);
    if (policy.ok()) (void)policy->matches(body);
  }
  return 0;
}
