#include <algorithm>

#include "base/text.h"
#include "services/sqs/errors.h"
#include "services/sqs/permissions.h"
#include "services/sqs/queue_attributes.h"
#include "services/sqs/redrive.h"
#include "services/sqs/sqs.h"
#include "services/sqs/store.h"
#include "services/sqs/tags.h"

namespace cumulet::sqs {
namespace {

namespace api = wire::sqs;
using storage::Transaction;

constexpr std::size_t kMaxTags = 50;

}  // namespace

Result<void> check_tags(const std::map<std::string, std::string>& tags) {
  if (tags.size() > kMaxTags) return invalid_parameter("Too many tags added for queue. Maximum number of tags is 50.");
  for (const auto& [key, value] : tags) {
    if (key.empty() || utf8_length(key) > 128)
      return invalid_parameter("Tag keys must be between 1 and 128 characters in length.");
    if (utf8_length(value) > 256)
      return invalid_parameter("Tag values must be between 0 and 256 characters in length.");
    if (to_lower(key).starts_with("aws:")) {
      return invalid_parameter("Tag keys cannot start with 'aws:'.");
    }
  }
  return {};
}

void Sqs::register_settings() {
  service_.on<api::GetQueueAttributes>([this](Call& c, const auto& in) { return get_attributes(c, in); });
  service_.on<api::SetQueueAttributes>([this](Call& c, const auto& in) { return set_attributes(c, in); });
  service_.on<api::TagQueue>([this](Call& c, const auto& in) { return tag_queue(c, in); });
  service_.on<api::UntagQueue>([this](Call& c, const auto& in) { return untag_queue(c, in); });
  service_.on<api::ListQueueTags>([this](Call& c, const auto& in) { return list_tags(c, in); });
  service_.on<api::AddPermission>([this](Call& c, const auto& in) { return add_permission(c, in); });
  service_.on<api::RemovePermission>([this](Call& c, const auto& in) { return remove_permission(c, in); });
}

Task<void> Sqs::update(QueueName name, std::function<Task<void>(Transaction&, QueueRow&)> change) {
  const auto write = [&](Transaction& txn) -> Task<QueueRow> {
    std::optional<QueueRow> row = co_await store::find_queue(txn, name);
    if (!row) co_return no_such_queue();
    co_await change(txn, *row);
    ++row->version;
    txn.put(store::queue_key(name), store::encode(*row));
    co_return std::move(*row);
  };
  const QueueRow row = co_await storage::transact(database_, write);
  queues_.changed(name, &row);
}

Task<api::GetQueueAttributesOutput> Sqs::get_attributes(Call& call, const api::GetQueueAttributesInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "GetQueueAttributes");
  api::GetQueueAttributesOutput output;
  if (!input.attribute_names || input.attribute_names->empty()) co_return output;
  co_await queue->expire();
  const QueueIndex::Counts counts = co_await queue->counts();
  const std::shared_ptr<const QueueRow> row = queue->row();
  AttributeMap shown = co_await shown_attributes(*input.attribute_names, queue->name(), *row, counts);
  if (!shown.empty()) output.attributes = std::move(shown);
  co_return output;
}

Task<api::SetQueueAttributesOutput> Sqs::set_attributes(Call& call, const api::SetQueueAttributesInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "SetQueueAttributes");
  const QueueName name = queue->name();
  const auto change = [&](Transaction& txn, QueueRow& row) -> Task<void> {
    co_await apply_attributes(input.attributes, false, row.settings);
    if (input.attributes.contains("RedrivePolicy")) co_await check_redrive(txn, name, row.settings);
    row.modified_seconds = clock_.now_seconds();
  };
  co_await update(name, change);
  co_return api::SetQueueAttributesOutput();
}

Task<api::TagQueueOutput> Sqs::tag_queue(Call& call, const api::TagQueueInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "TagQueue");
  const auto change = [&](Transaction&, QueueRow& row) -> Task<void> {
    for (const auto& [key, value] : input.tags) row.tags[key] = value;
    co_await check_tags(row.tags);
  };
  co_await update(queue->name(), change);
  co_return api::TagQueueOutput();
}

Task<api::UntagQueueOutput> Sqs::untag_queue(Call& call, const api::UntagQueueInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "UntagQueue");
  const auto change = [&](Transaction&, QueueRow& row) -> Task<void> {
    for (const std::string& key : input.tag_keys) row.tags.erase(key);
    co_return;
  };
  co_await update(queue->name(), change);
  co_return api::UntagQueueOutput();
}

Task<api::ListQueueTagsOutput> Sqs::list_tags(Call& call, const api::ListQueueTagsInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "ListQueueTags");
  const std::shared_ptr<const QueueRow> row = queue->row();
  api::ListQueueTagsOutput output;
  if (!row->tags.empty()) output.tags = row->tags;
  co_return output;
}

Task<api::AddPermissionOutput> Sqs::add_permission(Call& call, const api::AddPermissionInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "AddPermission");
  const QueueName name = queue->name();
  const auto change = [&](Transaction&, QueueRow& row) -> Task<void> {
    Permission permission;
    permission.label = input.label;
    permission.accounts = input.aws_account_ids;
    permission.actions = input.actions;
    row.settings.policy = co_await with_permission(row.settings.policy, name.arn(), permission);
  };
  co_await update(name, change);
  co_return api::AddPermissionOutput();
}

Task<api::RemovePermissionOutput> Sqs::remove_permission(Call& call, const api::RemovePermissionInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "RemovePermission");
  const auto change = [&](Transaction&, QueueRow& row) -> Task<void> {
    row.settings.policy = co_await without_permission(row.settings.policy, input.label);
  };
  co_await update(queue->name(), change);
  co_return api::RemovePermissionOutput();
}

}  // namespace cumulet::sqs
