#include "services/lambda/image_pulls.h"

#include "base/ids.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::lambda {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyValue;
using storage::Transaction;

constexpr std::string_view kPullSpace = "lambda-pull";
constexpr std::string_view kImageBlob = "image/";

std::string pull_key(const FunctionName& name) {
  return Key(kPullSpace).text(name.account).text(name.region).text(name.name).bytes();
}

PullRow decode_pull(const KeyValue& entry) {
  PullRow row;
  storage::KeyReader key(entry.key);
  (void)key.text();
  row.name.account = key.text().value_or("");
  row.name.region = key.text().value_or("");
  row.name.name = key.text().value_or("");
  storage::RowReader value(entry.value);
  row.id = value.text();
  row.update = value.number() != 0;
  row.uri = value.text();
  row.resolved_uri = value.text();
  row.blob = value.text();
  row.sha = value.text();
  row.architecture = value.text();
  return row;
}

}  // namespace

Task<std::optional<PullRow>> find_pull(Transaction& txn, FunctionName name) {
  std::optional<PullRow> row;
  const std::string key = pull_key(name);
  std::optional<std::string> bytes = co_await txn.get(key);
  if (bytes) row = decode_pull(KeyValue(key, std::move(*bytes)));
  co_return row;
}

void put_pull(Transaction& txn, const PullRow& row) {
  storage::RowWriter value;
  value.text(row.id).number(row.update ? 1 : 0).text(row.uri).text(row.resolved_uri);
  value.text(row.blob).text(row.sha).text(row.architecture);
  txn.put(pull_key(row.name), std::move(value).bytes());
}

void erase_pull(Transaction& txn, const FunctionName& name) { txn.erase(pull_key(name)); }

Task<std::vector<PullRow>> list_pulls(Transaction& txn) {
  std::vector<PullRow> all;
  std::string from = Key(kPullSpace).bytes();
  const std::string end = storage::after_prefix(from);
  while (true) {
    KeyRange range(from, end);
    const std::vector<KeyValue> rows = co_await txn.scan(range);
    if (rows.empty()) break;
    from = rows.back().key + '\0';
    for (const KeyValue& row : rows) all.push_back(decode_pull(row));
  }
  co_return all;
}

std::string make_image_blob(const std::string& sha) { return std::string(kImageBlob) + sha + "/" + random_id(16); }

bool is_image_blob(const std::string& blob) { return blob.starts_with(kImageBlob); }

Task<bool> find_image_name(Transaction& txn, std::string sha) {
  const std::string prefix = std::string(kImageBlob) + sha;
  // '0' follows '/'.
  KeyRange range(Key("lambda-blob").text(prefix + "/").bytes(), Key("lambda-blob").text(prefix + "0").bytes());
  storage::ScanOptions options;
  options.limit = 1;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  co_return !rows.empty();
}

}  // namespace cumulet::lambda
