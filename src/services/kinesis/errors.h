#pragma once

#include <string>

#include "base/error.h"
#include "services/kinesis/model.h"
#include "wire/generated/kinesis.h"

/// Failures that several operations share, in the service's words.
namespace cumulet::kinesis {

/// Whether a request would succeed is not told.
Result<void> refuse_dry_run(const std::optional<bool>& asked);

inline Error invalid_argument(std::string message) {
  return Error(wire::kinesis::errors::kInvalidArgumentException, std::move(message));
}
Error no_such_stream(const std::string& account, const std::string& name);
Error no_such_shard(const Stream& stream, const std::string& shard);
Error too_fast(const Stream& stream, std::uint32_t shard);

}  // namespace cumulet::kinesis
