#include "services/lambda/provisioned_store.h"

#include <algorithm>

#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::lambda {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::Transaction;

constexpr std::string_view kSpace = "lambda-provisioned";

Key place(const FunctionName& name) { return Key(kSpace).text(name.account).text(name.region).text(name.name); }

std::string key_of(const FunctionName& name) { return place(name).text(name.qualifier.value_or("")).bytes(); }

ProvisionedRow decode(const KeyValue& entry) {
  ProvisionedRow row;
  KeyReader key(entry.key);
  (void)key.text();
  row.name.account = key.text().value_or("");
  row.name.region = key.text().value_or("");
  row.name.name = key.text().value_or("");
  row.name.qualifier = key.text();
  storage::RowReader value(entry.value);
  row.requested = value.signed_number();
  row.last_modified = Timestamp(std::chrono::microseconds(value.signed_number()));
  return row;
}

Task<std::vector<ProvisionedRow>> scan(Transaction& txn, std::string prefix) {
  std::vector<ProvisionedRow> all;
  std::string from = prefix;
  const std::string end = storage::after_prefix(prefix);
  while (true) {
    KeyRange range(from, end);
    const std::vector<KeyValue> rows = co_await txn.scan(range);
    if (rows.empty()) break;
    from = rows.back().key + '\0';
    for (const KeyValue& row : rows) all.push_back(decode(row));
  }
  co_return all;
}

}  // namespace

Task<std::optional<ProvisionedRow>> find_provisioned(Transaction& txn, FunctionName name) {
  std::optional<ProvisionedRow> row;
  const std::string key = key_of(name);
  std::optional<std::string> bytes = co_await txn.get(key);
  if (bytes) row = decode(KeyValue(key, std::move(*bytes)));
  co_return row;
}

void put_provisioned(Transaction& txn, const ProvisionedRow& row) {
  storage::RowWriter value;
  value.signed_number(row.requested).signed_number(row.last_modified.time_since_epoch().count());
  txn.put(key_of(row.name), std::move(value).bytes());
}

void erase_provisioned(Transaction& txn, const FunctionName& name) { txn.erase(key_of(name)); }

Task<std::vector<ProvisionedRow>> list_provisioned(Transaction& txn, FunctionName name) {
  return scan(txn, place(name).bytes());
}

Task<std::vector<ProvisionedRow>> list_all_provisioned(Transaction& txn) { return scan(txn, Key(kSpace).bytes()); }

Task<std::map<std::string, std::int64_t>> sum_provisioned(Transaction& txn, std::string account, std::string region) {
  const std::vector<ProvisionedRow> rows = co_await scan(txn, Key(kSpace).text(account).text(region).bytes());
  std::map<std::string, std::int64_t> sums;
  for (const ProvisionedRow& row : rows) sums[row.name.name] += row.requested;
  co_return sums;
}

Task<std::int64_t> taken_concurrency(Transaction& txn, const Store& store, std::string without) {
  std::map<std::string, std::int64_t> sums = co_await sum_provisioned(txn, store.account(), store.region());
  std::int64_t taken = 0;
  std::string after;
  while (true) {
    const std::vector<FunctionRow> functions = co_await store.list_functions(txn, after, 500);
    for (const FunctionRow& function : functions) {
      const auto provisioned = sums.find(function.name);
      if (function.name == without) continue;
      if (function.reserved >= 0) {
        taken += function.reserved;
      } else if (provisioned != sums.end()) {
        taken += provisioned->second;
      }
    }
    if (functions.size() < 500) break;
    after = functions.back().name;
  }
  co_return taken;
}

Task<std::int64_t> sum_reserved(Transaction& txn, const Store& store) {
  std::int64_t sum = 0;
  std::string after;
  while (true) {
    const std::vector<FunctionRow> functions = co_await store.list_functions(txn, after, 500);
    for (const FunctionRow& function : functions) sum += std::max<std::int64_t>(function.reserved, 0);
    if (functions.size() < 500) break;
    after = functions.back().name;
  }
  co_return sum;
}

}  // namespace cumulet::lambda
