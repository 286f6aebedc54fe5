#include "services/lambda/runtime_names.h"

#include <algorithm>
#include <string_view>

#include "wire/generated/lambda.h"

namespace cumulet::lambda {

std::optional<std::string> undocumented_runtime(const std::string& runtime) {
  const auto& documented = wire::lambda::runtime::kAll;
  if (std::find(std::begin(documented), std::end(documented), runtime) != std::end(documented)) return std::nullopt;
  std::string message = "1 validation error detected: Value '" + runtime +
                        "' at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [";
  for (const std::string_view name : documented) {
    if (message.back() != '[') message += ", ";
    message += name;
  }
  return message + "]";
}

}  // namespace cumulet::lambda
