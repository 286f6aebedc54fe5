#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compute/engine.h"
#include "compute/runtime_images.h"

namespace cumulet::compute {

inline constexpr std::uint16_t kRuntimeApiPort = 9001;
inline constexpr std::uint16_t kPlatformPort = 4566;
inline constexpr std::uint16_t kTlsPort = 443;  ///< Where AWS's own names lead, if they lead to us.

/// The variables of an execution environment, as Lambda sets them. Precedence: the function's own over the unreserved
/// ones of the platform; credentials, runtime and platform variables over everything. The function's names that start
/// with '_' are dropped. With
/// `own_names` our certificate authority is to be trusted. `root`: the image that the runtime runs in, or null; what it
/// says counts before our own unreserved ones.
std::vector<std::pair<std::string, std::string>> environment_variables(const FunctionVersion& version,
                                                                       const Credentials& credentials,
                                                                       const std::string& log_stream, bool os_only,
                                                                       bool own_names, const RuntimeImage* root);

/// Where environments of `snap_start()` versions get credentials, with a token in `Authorization`: they outlive any.
inline constexpr const char* kCredentialsPath = "/2021-04-23/credentials";
std::string credentials_token(const std::string& log_stream);

/// Whether an interpreter or its loader reads this variable when it starts: set later it does not have its effect.
bool read_at_start(const std::string& name);
/// Whether the version sets such a variable.
bool sets_what_is_read_at_start(const FunctionVersion& version);
/// Of an interpreter that waits for its function: what it reads at its start, and `_CUMULET_PARKED`.
std::vector<std::pair<std::string, std::string>> parked_variables(bool own_names, const RuntimeImage* root);

}  // namespace cumulet::compute
