#include "services/cloudformation/store.h"

#include "services/cloudformation/rows.h"
#include "services/cloudformation/status_change.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::cloudformation {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::ScanOptions;

constexpr std::size_t kAll = 10'000;

std::string job_key(const std::string& stack_id) { return Key("cfn-job").text(stack_id).bytes(); }

/// All rows below a key.
Task<std::vector<KeyValue>> rows_below(storage::Transaction& txn, std::string prefix) {
  ScanOptions options;
  options.limit = kAll;
  options.byte_limit = 64u << 20;
  const KeyRange range(prefix, storage::after_prefix(prefix));
  co_return co_await txn.scan(range, options);
}

}  // namespace

std::string Store::key(std::string_view kind) const {
  return Key("cfn").text(account_).text(region_).text(kind).bytes();
}
std::string Store::key(std::string_view kind, std::string_view a) const {
  return Key("cfn").text(account_).text(region_).text(kind).text(a).bytes();
}
std::string Store::key(std::string_view kind, std::string_view a, std::string_view b) const {
  return Key("cfn").text(account_).text(region_).text(kind).text(a).text(b).bytes();
}

Task<std::optional<Stack>> Store::find_stack(storage::Transaction& txn, std::string name) const {
  const std::optional<std::string> row = co_await txn.get(key("stack", name));
  if (!row) co_return std::optional<Stack>();
  co_return std::optional<Stack>(decode_stack(*row));
}

Task<std::optional<Stack>> Store::find_stack_by(storage::Transaction& txn, std::string name_or_id) const {
  if (!name_or_id.starts_with("arn:")) co_return co_await find_stack(txn, name_or_id);
  const std::optional<std::string> row = co_await txn.get(key("gone", name_or_id));
  if (row) co_return std::optional<Stack>(decode_stack(*row));
  // arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID
  const std::size_t begin = name_or_id.find('/');
  const std::size_t end = name_or_id.find('/', begin + 1);
  if (begin == std::string::npos || end == std::string::npos) co_return std::optional<Stack>();
  std::optional<Stack> stack = co_await find_stack(txn, name_or_id.substr(begin + 1, end - begin - 1));
  if (stack && stack->id != name_or_id) stack.reset();
  co_return stack;
}

void Store::put_stack(storage::Transaction& txn, const Stack& stack) const {
  txn.put(key("stack", stack.name), encode(stack));
}

void Store::bury_stack(storage::Transaction& txn, const Stack& stack) const {
  txn.erase(key("stack", stack.name));
  txn.put(key("gone", stack.id), encode(stack));
}

Task<std::vector<Stack>> Store::list_stacks(storage::Transaction& txn, bool with_deleted) const {
  std::vector<Stack> stacks;
  const std::vector<KeyValue> live = co_await rows_below(txn, key("stack"));
  for (const KeyValue& row : live) stacks.push_back(decode_stack(row.value));
  if (!with_deleted) co_return stacks;
  const std::vector<KeyValue> gone = co_await rows_below(txn, key("gone"));
  for (const KeyValue& row : gone) stacks.push_back(decode_stack(row.value));
  co_return stacks;
}

void Store::put_resource(storage::Transaction& txn, const std::string& stack_id, const StackResource& resource) const {
  txn.put(key("resource", stack_id, resource.logical_id), encode(resource));
}

void Store::erase_resource(storage::Transaction& txn, const std::string& stack_id,
                           const std::string& logical_id) const {
  txn.erase(key("resource", stack_id, logical_id));
}

Task<std::vector<StackResource>> Store::list_resources(storage::Transaction& txn, std::string stack_id) const {
  std::vector<StackResource> resources;
  const std::vector<KeyValue> rows = co_await rows_below(txn, key("resource", stack_id));
  for (const KeyValue& row : rows) resources.push_back(decode_resource(row.value));
  co_return resources;
}

void Store::put_leftover(storage::Transaction& txn, const std::string& stack_id, const Leftover& leftover) const {
  txn.put(key("leftover", stack_id, leftover.physical_id), encode(leftover));
}

void Store::erase_leftover(storage::Transaction& txn, const std::string& stack_id,
                           const std::string& physical_id) const {
  txn.erase(key("leftover", stack_id, physical_id));
}

Task<std::vector<Leftover>> Store::list_leftovers(storage::Transaction& txn, std::string stack_id) const {
  std::vector<Leftover> leftovers;
  const std::vector<KeyValue> rows = co_await rows_below(txn, key("leftover", stack_id));
  for (const KeyValue& row : rows) leftovers.push_back(decode_leftover(row.value));
  co_return leftovers;
}

void Store::put_event(storage::Transaction& txn, events::Outbox& outbox, const std::string& stack_id,
                      std::uint64_t sequence, const StackEvent& event) const {
  Key place = Key("cfn").text(account_).text(region_).text("event").text(stack_id);
  txn.put(place.number(sequence).bytes(), encode(event));
  outbox.record(txn, status_change(account_, region_, stack_id, event));
}

Task<std::vector<std::pair<std::uint64_t, StackEvent>>> Store::list_events(storage::Transaction& txn,
                                                                           std::string stack_id, std::uint64_t before,
                                                                           std::size_t limit) const {
  const std::string base = key("event", stack_id);
  ScanOptions options;
  options.limit = limit;
  options.reverse = true;
  Key end = Key("cfn").text(account_).text(region_).text("event").text(stack_id);
  const KeyRange range(base, std::string(end.number(before).bytes()));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<std::pair<std::uint64_t, StackEvent>> events;
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(base.size()));
    events.emplace_back(reader.number().value_or(0), decode_event(row.value));
  }
  co_return events;
}

Task<std::optional<ChangeSet>> Store::find_change_set(storage::Transaction& txn, std::string stack_name,
                                                      std::string name) const {
  const std::optional<std::string> row = co_await txn.get(key("change-set", stack_name, name));
  if (!row) co_return std::optional<ChangeSet>();
  co_return std::optional<ChangeSet>(decode_change_set(*row));
}

void Store::put_change_set(storage::Transaction& txn, const ChangeSet& change_set) const {
  txn.put(key("change-set", change_set.stack_name, change_set.name), encode(change_set));
}

void Store::erase_change_set(storage::Transaction& txn, const std::string& stack_name, const std::string& name) const {
  txn.erase(key("change-set", stack_name, name));
}

Task<std::vector<ChangeSet>> Store::list_change_sets(storage::Transaction& txn, std::string stack_name) const {
  std::vector<ChangeSet> change_sets;
  const std::vector<KeyValue> rows = co_await rows_below(txn, key("change-set", stack_name));
  for (const KeyValue& row : rows) change_sets.push_back(decode_change_set(row.value));
  co_return change_sets;
}

Task<std::optional<std::pair<std::string, std::string>>> Store::find_export(storage::Transaction& txn,
                                                                            std::string name) const {
  using Found = std::optional<std::pair<std::string, std::string>>;
  const std::optional<std::string> row = co_await txn.get(key("export", name));
  if (!row) co_return Found();
  storage::RowReader reader(*row);
  std::string stack_id = reader.text();
  std::string value = reader.text();
  co_return Found(std::pair(std::move(stack_id), std::move(value)));
}

void Store::put_export(storage::Transaction& txn, const std::string& name, const std::string& stack_id,
                       const std::string& value) const {
  storage::RowWriter row;
  row.text(stack_id).text(value);
  txn.put(key("export", name), std::move(row).bytes());
}

void Store::erase_export(storage::Transaction& txn, const std::string& name) const { txn.erase(key("export", name)); }

Task<std::vector<Store::Export>> Store::list_exports(storage::Transaction& txn) const {
  std::vector<Export> exports;
  const std::string base = key("export");
  const std::vector<KeyValue> rows = co_await rows_below(txn, base);
  for (const KeyValue& row : rows) {
    KeyReader name(std::string_view(row.key).substr(base.size()));
    storage::RowReader reader(row.value);
    Export found;
    found.name = name.text().value_or("");
    found.stack_id = reader.text();
    found.value = reader.text();
    exports.push_back(std::move(found));
  }
  co_return exports;
}

void Store::put_job(storage::Transaction& txn, const Stack& stack) const {
  storage::RowWriter row;
  row.text(account_).text(region_).text(stack.name);
  txn.put(job_key(stack.id), std::move(row).bytes());
}

void Store::erase_job(storage::Transaction& txn, const std::string& stack_id) const { txn.erase(job_key(stack_id)); }

Task<std::vector<Job>> list_jobs(storage::Transaction& txn) {
  std::vector<Job> jobs;
  const std::vector<KeyValue> rows = co_await rows_below(txn, Key("cfn-job").bytes());
  for (const KeyValue& row : rows) {
    KeyReader key(row.key);
    key.text();
    storage::RowReader reader(row.value);
    Job job;
    job.stack_id = key.text().value_or("");
    job.account = reader.text();
    job.region = reader.text();
    job.stack_name = reader.text();
    jobs.push_back(std::move(job));
  }
  co_return jobs;
}

}  // namespace cumulet::cloudformation
