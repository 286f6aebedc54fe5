#include "services/sqs/redrive.h"

#include <algorithm>

#include "services/sqs/errors.h"
#include "services/sqs/sqs.h"
#include "services/sqs/store.h"

namespace cumulet::sqs {

Task<void> check_redrive(storage::Transaction& txn, QueueName name, const QueueSettings& settings) {
  if (!settings.redrive) co_return;
  const auto refuse = [&settings](std::string_view reason) {
    return fail(invalid_parameter("Value " + settings.redrive_text +
                                  " for parameter RedrivePolicy is invalid. Reason: " + std::string(reason)));
  };
  const std::optional<QueueName> target = parse_queue_arn(settings.redrive->target_arn);
  if (!target || target->account != name.account || target->region != name.region) {
    co_await refuse("Dead-letter queue must be in the same account and region as the source.");
  }
  const std::optional<QueueRow> row = co_await store::find_queue(txn, *target);
  if (!row) co_await refuse("Dead letter target does not exist.");
  if (row->settings.fifo != settings.fifo) {
    co_await refuse("Dead-letter queue must be same type of queue as the source.");
  }
  if (!row->settings.redrive_allow) co_return;
  const RedriveAllowPolicy& allow = *row->settings.redrive_allow;
  using Permission = RedriveAllowPolicy::Permission;
  const bool named =
      std::find(allow.source_arns.begin(), allow.source_arns.end(), name.arn()) != allow.source_arns.end();
  if (allow.permission == Permission::kDenyAll || (allow.permission == Permission::kByQueue && !named)) {
    co_await refuse("Queue may not redrive to the dead letter target: its redrive allow policy denies it.");
  }
}

}  // namespace cumulet::sqs
