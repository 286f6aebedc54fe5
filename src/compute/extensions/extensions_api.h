#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compute/runtime_api.h"

namespace cumulet::compute {

/// True of the paths that `answer_extension` answers.
bool is_extension_path(std::string_view path);

/// Answers one request of the Extensions API (2020-01-01), the Telemetry API (2022-07-01), the Logs API (2020-08-15),
/// or of the extension host. All of it comes from inside the sandbox: whatever is wrong with it gets a 4xx.
Task<net::Response> answer_extension(std::shared_ptr<RuntimeSide> environment, net::Request& request);

/// The events in the body of a registration. Fails with InvalidRequestFormat (403).
Result<std::vector<std::string>> parse_registration(std::string_view body);

/// What the extension host says of a process that has ended: "runtime exit 0", "1 signal 9", "0 launch 13".
struct EndedProcess {
  std::optional<std::size_t> extension;  ///< Nothing: the runtime.
  std::string how;
  int value = 0;
};
std::optional<EndedProcess> parse_ended(std::string_view text);

}  // namespace cumulet::compute
