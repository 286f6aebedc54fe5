#include <algorithm>

#include "base/ids.h"
#include "base/text.h"
#include "services/sqs/errors.h"
#include "services/sqs/queue_attributes.h"
#include "services/sqs/redrive.h"
#include "services/sqs/sqs.h"
#include "services/sqs/store.h"
#include "services/sqs/tags.h"

namespace cumulet::sqs {
namespace {

namespace api = wire::sqs;
using storage::Transaction;

constexpr std::size_t kMaxNameLength = 80;
constexpr std::size_t kMaxResults = 1000;

bool has_name_characters(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

Result<void> check_name(std::string_view name, bool fifo) {
  const bool ends = name.ends_with(".fifo");
  const std::string_view stem = ends ? name.substr(0, name.size() - 5) : name;
  if (name.size() <= kMaxNameLength && has_name_characters(stem) && ends == fifo) return {};
  if (fifo) {
    return invalid_parameter(
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with "
        ".fifo suffix and be 1 to 80 in length.");
  }
  return invalid_parameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
}

std::uint64_t new_queue_id() {
  const std::string bytes = random_bytes(8);
  std::uint64_t id = 0;
  for (const char c : bytes) id = id << 8 | static_cast<unsigned char>(c);
  return id;
}

/// How many a list shows. Fails on what is out of range.
Result<std::size_t> limit_of(const std::optional<std::int32_t>& given) {
  if (!given) return kMaxResults;
  if (*given < 1 || *given > static_cast<std::int32_t>(kMaxResults)) {
    return invalid_parameter(
        "Value " + std::to_string(*given) +
        " for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and "
        "1000.");
  }
  return static_cast<std::size_t>(*given);
}

/// A page's token is the last name on it.
Result<std::string> after_of(const std::optional<std::string>& token) {
  if (!token || token->empty()) return std::string();
  const std::optional<std::string> name = base64_decode(*token);
  if (!name) return invalid_parameter("Invalid or expired next token.");
  return *name;
}

}  // namespace

void Sqs::register_queues() {
  service_.on<api::CreateQueue>([this](Call& c, const auto& in) { return create_queue(c, in); });
  service_.on<api::DeleteQueue>([this](Call& c, const auto& in) { return delete_queue(c, in); });
  service_.on<api::GetQueueUrl>([this](Call& c, const auto& in) { return get_queue_url(c, in); });
  service_.on<api::ListQueues>([this](Call& c, const auto& in) { return list_queues(c, in); });
  service_.on<api::ListDeadLetterSourceQueues>([this](Call& c, const auto& in) { return list_sources(c, in); });
  service_.on<api::PurgeQueue>([this](Call& c, const auto& in) { return purge_queue(c, in); });
}

Task<api::CreateQueueOutput> Sqs::create_queue(Call& call, const api::CreateQueueInput& input) {
  const AttributeMap given = input.attributes.value_or(AttributeMap());
  QueueSettings settings;
  co_await apply_attributes(given, true, settings);
  co_await check_name(input.queue_name, settings.fifo);
  const QueueName name(call.account(), call.region, input.queue_name);
  const std::map<std::string, std::string> tags = input.tags.value_or(std::map<std::string, std::string>());
  co_await check_tags(tags);
  const auto create = [&](Transaction& txn) -> Task<std::optional<QueueRow>> {
    const std::optional<QueueRow> existing = co_await store::find_queue(txn, name);
    if (existing) {
      const std::string different = first_difference(given, settings, existing->settings);
      if (different.empty()) co_return std::optional<QueueRow>();
      co_return Error(api::errors::kQueueNameExists,
                      "A queue already exists with the same name and a different value for attribute " + different);
    }
    co_await check_redrive(txn, name, settings);
    QueueRow row;
    row.name = name.name;
    row.id = new_queue_id();
    row.created_seconds = row.modified_seconds = clock_.now_seconds();
    row.settings = settings;
    row.tags = tags;
    txn.put(store::queue_key(name), store::encode(row));
    co_return std::optional<QueueRow>(std::move(row));
  };
  const std::optional<QueueRow> created = co_await storage::transact(database_, create);
  if (created) queues_.changed(name, &*created);
  api::CreateQueueOutput output;
  output.queue_url = queue_url(call, name);
  co_return output;
}

Task<api::DeleteQueueOutput> Sqs::delete_queue(Call& call, const api::DeleteQueueInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "DeleteQueue");
  const QueueName name = queue->name();
  const auto erase = [&](Transaction& txn) -> Task<void> {
    const std::optional<QueueRow> row = co_await store::find_queue(txn, name);
    if (!row) co_await fail(no_such_queue());
    txn.erase(store::queue_key(name));
    txn.put(store::trash_key(row->id), "");
  };
  co_await storage::transact(database_, erase);
  queues_.changed(name, nullptr);
  wake_maintenance();
  co_return api::DeleteQueueOutput();
}

Task<api::GetQueueUrlOutput> Sqs::get_queue_url(Call& call, const api::GetQueueUrlInput& input) {
  const QueueName name(input.queue_owner_aws_account_id.value_or(call.account()), call.region, input.queue_name);
  const Queue queue = co_await queues_.find(name);
  if (queue == nullptr) co_return no_such_queue();
  co_await may(call, *queue, "GetQueueUrl");
  api::GetQueueUrlOutput output;
  output.queue_url = queue_url(call, name);
  co_return output;
}

Task<api::ListQueuesOutput> Sqs::list_queues(Call& call, const api::ListQueuesInput& input) {
  const std::size_t limit = co_await limit_of(input.max_results);
  const std::string after = co_await after_of(input.next_token);
  const auto list = [&](Transaction& txn) {
    return store::list_queues(txn, call.account(), call.region, input.queue_name_prefix.value_or(""), after, limit + 1);
  };
  const std::vector<QueueRow> rows = co_await storage::transact(database_, list);
  api::ListQueuesOutput output;
  for (std::size_t i = 0; i < std::min(limit, rows.size()); ++i) {
    if (!output.queue_urls) output.queue_urls.emplace();
    output.queue_urls->push_back(queue_url(call, QueueName(call.account(), call.region, rows[i].name)));
  }
  // Without MaxResults there is one page of a thousand, as ever.
  if (rows.size() > limit && input.max_results) output.next_token = base64_encode(rows[limit - 1].name);
  co_return output;
}

Task<api::ListDeadLetterSourceQueuesOutput> Sqs::list_sources(Call& call,
                                                              const api::ListDeadLetterSourceQueuesInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "ListDeadLetterSourceQueues");
  const std::size_t limit = co_await limit_of(input.max_results);
  std::string after = co_await after_of(input.next_token);
  const QueueName target = queue->name();
  api::ListDeadLetterSourceQueuesOutput output;
  while (true) {
    const auto list = [&](Transaction& txn) {
      return store::list_queues(txn, target.account, target.region, "", after, kMaxResults);
    };
    const std::vector<QueueRow> rows = co_await storage::transact(database_, list);
    for (const QueueRow& row : rows) {
      if (!row.settings.redrive || row.settings.redrive->target_arn != target.arn()) continue;
      if (output.queue_urls.size() == limit) {
        output.next_token = base64_encode(after);
        co_return output;
      }
      output.queue_urls.push_back(queue_url(call, QueueName(target.account, target.region, row.name)));
      after = row.name;
    }
    if (rows.size() < kMaxResults) co_return output;
    after = rows.back().name;
  }
}

Task<api::PurgeQueueOutput> Sqs::purge_queue(Call& call, const api::PurgeQueueInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "PurgeQueue");
  co_await queue->purge();
  co_return api::PurgeQueueOutput();
}

}  // namespace cumulet::sqs
