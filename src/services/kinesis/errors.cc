#include "services/kinesis/errors.h"

namespace cumulet::kinesis {

namespace api = wire::kinesis;

Error no_such_stream(const std::string& account, const std::string& name) {
  return Error(api::errors::kResourceNotFoundException, "Stream " + name + " under account " + account + " not found.");
}

Error no_such_shard(const Stream& stream, const std::string& shard) {
  return Error(api::errors::kResourceNotFoundException, "Could not find shard " + shard + " in stream " + stream.name +
                                                            " under account " + stream.account + ".");
}

Error too_fast(const Stream& stream, std::uint32_t shard) {
  return Error(api::errors::kProvisionedThroughputExceededException, "Rate exceeded for shard " + shard_id(shard) +
                                                                         " in stream " + stream.name +
                                                                         " under account " + stream.account + ".");
}

Result<void> refuse_dry_run(const std::optional<bool>& asked) {
  if (!asked.value_or(false)) return {};
  return invalid_argument("DryRun is not supported by this server.");
}

}  // namespace cumulet::kinesis
