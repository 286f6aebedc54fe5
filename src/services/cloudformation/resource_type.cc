#include "services/cloudformation/resource_type.h"

namespace cumulet::cloudformation {

ResourceTypes::ResourceTypes() {
  add_apigateway_types(*this);
  add_cloudwatch_types(*this);
  add_dynamodb_types(*this);
  add_firehose_types(*this);
  add_events_types(*this);
  add_iam_types(*this);
  add_kinesis_types(*this);
  add_lambda_types(*this);
  add_logs_types(*this);
  add_sns_types(*this);
  add_s3_types(*this);
  add_scheduler_types(*this);
  add_sqs_types(*this);
}

ResourceType* ResourceTypes::find(const std::string& name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : found->second.get();
}

Task<void> gone_is_fine(Task<void> removal) {
  const Result<void> removed = co_await attempt(std::move(removal));
  if (removed.ok()) co_return;
  const std::string& code = removed.error().code();
  if (code.find("NotFound") != std::string::npos || code.starts_with("NoSuch")) co_return;
  co_await fail(removed.error());
}

}  // namespace cumulet::cloudformation
