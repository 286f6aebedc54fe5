#include "services/lambda/runtime_names.h"

#include <algorithm>
#include <string_view>

#include "wire/generated/lambda.h"

namespace cumulet::lambda {
namespace {

namespace runtimes = wire::lambda::runtime;

constexpr std::string_view kDocumented[] = {
    runtimes::kNodejs,         runtimes::kNodejs4_3,     runtimes::kNodejs6_10,    runtimes::kNodejs8_10,
    runtimes::kNodejs10X,      runtimes::kNodejs12X,     runtimes::kNodejs14X,     runtimes::kNodejs16X,
    runtimes::kJava8,          runtimes::kJava8Al2,      runtimes::kJava11,        runtimes::kPython2_7,
    runtimes::kPython3_6,      runtimes::kPython3_7,     runtimes::kPython3_8,     runtimes::kPython3_9,
    runtimes::kDotnetcore1_0,  runtimes::kDotnetcore2_0, runtimes::kDotnetcore2_1, runtimes::kDotnetcore3_1,
    runtimes::kDotnet6,        runtimes::kDotnet8,       runtimes::kNodejs4_3Edge, runtimes::kGo1X,
    runtimes::kRuby2_5,        runtimes::kRuby2_7,       runtimes::kProvided,      runtimes::kProvidedAl2,
    runtimes::kNodejs18X,      runtimes::kPython3_10,    runtimes::kJava17,        runtimes::kRuby3_2,
    runtimes::kRuby3_3,        runtimes::kRuby3_4,       runtimes::kPython3_11,    runtimes::kNodejs20X,
    runtimes::kProvidedAl2023, runtimes::kPython3_12,    runtimes::kJava21,        runtimes::kPython3_13,
    runtimes::kNodejs22X,      runtimes::kNodejs24X,     runtimes::kPython3_14,    runtimes::kJava25,
    runtimes::kDotnet10,       runtimes::kRuby4_0};

}  // namespace

std::optional<std::string> undocumented_runtime(const std::string& runtime) {
  if (std::find(std::begin(kDocumented), std::end(kDocumented), runtime) != std::end(kDocumented)) return std::nullopt;
  std::string message = "1 validation error detected: Value '" + runtime +
                        "' at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [";
  for (const std::string_view name : kDocumented) {
    if (message.back() != '[') message += ", ";
    message += name;
  }
  return message + "]";
}

}  // namespace cumulet::lambda
