#include "services/s3/errors.h"
#include "services/s3/replication_rules.h"
#include "services/s3/s3.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

void S3::register_replication() {
  service_.on<api::PutBucketReplication>([this](Call& c, const auto& in) { return put_bucket_replication(c, in); });
  service_.on<api::GetBucketReplication>([this](Call& c, const auto& in) -> Task<api::GetBucketReplicationOutput> {
    const std::string document =
        co_await get(c, in.bucket, "s3:GetReplicationConfiguration", &Bucket::replication,
                     "ReplicationConfigurationNotFoundError", "The replication configuration was not found");
    api::PutBucketReplicationRequest put = co_await wire::read_input<api::PutBucketReplication>(document);
    api::GetBucketReplicationOutput output;
    output.replication_configuration = std::move(put.replication_configuration);
    co_return output;
  });
  service_.on<api::DeleteBucketReplication>(
      [this](Call& c, const auto& in) -> Task<api::DeleteBucketReplicationOutput> {
        co_await set(c, in.bucket, "s3:PutReplicationConfiguration", &Bucket::replication, "");
        co_return api::DeleteBucketReplicationOutput();
      });
}

Task<api::PutBucketReplicationOutput> S3::put_bucket_replication(Call& call,
                                                                 const api::PutBucketReplicationRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, "s3:PutReplicationConfiguration", {}, input.expected_bucket_owner);
  api::PutBucketReplicationRequest wanted = input;
  give_ids(wanted.replication_configuration);
  co_await check_replication(bucket, wanted.replication_configuration);
  for (const api::ReplicationRule& rule : wanted.replication_configuration.rules) {
    const std::string name = bucket_of_arn(rule.destination.bucket);
    const auto read = [&name](storage::Transaction& txn) { return find_bucket(txn, name); };
    const std::optional<Bucket> to = co_await storage::transact(database_, read);
    if (!to) co_return invalid_request("Destination bucket must exist.");
    if (to->versioning != "Enabled") co_return invalid_request("Destination bucket must have versioning enabled.");
    if (rule.destination.account && *rule.destination.account != to->account) {
      co_return invalid_request("The Account of the destination is not the one that owns the destination bucket.");
    }
  }
  const auto allowed = [](const Bucket& now) -> Result<void> {
    if (now.versioning == "Enabled") return {};
    return invalid_request("Versioning must be 'Enabled' on the bucket to apply a replication configuration");
  };
  co_await set(call, input.bucket, "s3:PutReplicationConfiguration", &Bucket::replication,
               wire::input_document<api::PutBucketReplication>(wanted), allowed);
  co_return api::PutBucketReplicationOutput();
}

}  // namespace cumulet::s3
