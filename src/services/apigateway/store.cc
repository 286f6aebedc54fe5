#include "services/apigateway/store.h"

#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::apigateway {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyValue;
using storage::ScanOptions;

std::string_view name_of(Part part) {
  switch (part) {
    case Part::kRoute:
      return "route";
    case Part::kIntegration:
      return "integration";
    case Part::kStage:
      return "stage";
    case Part::kDeployment:
      return "deployment";
  }
  return {};
}

std::string index_key(const std::string& api_id) { return Key("apigw-id").text(api_id).bytes(); }

Task<std::vector<std::string>> list_below(storage::Transaction& txn, std::string base, std::string after_key,
                                          std::size_t limit) {
  ScanOptions options;
  options.limit = limit;
  const KeyRange range(after_key.empty() ? base : storage::after_prefix(after_key), storage::after_prefix(base));
  std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<std::string> documents;
  for (KeyValue& row : rows) documents.push_back(std::move(row.value));
  co_return documents;
}

Task<void> erase_below(storage::Transaction& txn, std::string base) {
  const KeyRange range(base, storage::after_prefix(base));
  const std::vector<KeyValue> rows = co_await txn.scan(range);
  for (const KeyValue& row : rows) txn.erase(row.key);
}

}  // namespace

std::string Store::prefix() { return Key(space()).bytes(); }

std::string Store::api_key(const std::string& api_id) const {
  return Key(space()).text(account_).text(region_).text("api").text(api_id).bytes();
}

std::string Store::part_key(const std::string& api_id, Part part, const std::string& id) const {
  Key key = Key(space()).text(account_).text(region_).text("part").text(api_id).text(name_of(part));
  return key.text(id).bytes();
}

std::string Store::frozen_key(const std::string& api_id, const std::string& deployment_id) const {
  return Key(space()).text(account_).text(region_).text("live").text(api_id).text(deployment_id).bytes();
}

Task<std::optional<ApiAddress>> Store::locate(storage::Transaction& txn, std::string api_id) {
  const std::optional<std::string> row = co_await txn.get(index_key(api_id));
  if (!row) co_return std::optional<ApiAddress>();
  storage::RowReader reader(*row);
  std::string account = reader.text();
  std::string region = reader.text();
  co_return std::optional<ApiAddress>(ApiAddress(std::move(account), std::move(region), std::move(api_id)));
}

Task<std::optional<std::string>> Store::find_api(storage::Transaction& txn, std::string api_id) const {
  return txn.get(api_key(api_id));
}

void Store::put_api(storage::Transaction& txn, const std::string& api_id, std::string document) const {
  txn.put(api_key(api_id), std::move(document));
  storage::RowWriter index;
  index.text(account_).text(region_);
  txn.put(index_key(api_id), std::move(index).bytes());
}

Task<void> Store::erase_api(storage::Transaction& txn, std::string api_id) const {
  co_await erase_below(txn, Key(space()).text(account_).text(region_).text("part").text(api_id).bytes());
  co_await erase_below(txn, Key(space()).text(account_).text(region_).text("live").text(api_id).bytes());
  txn.erase(api_key(api_id));
  txn.erase(index_key(api_id));
}

Task<std::vector<std::string>> Store::list_apis(storage::Transaction& txn, std::string after, std::size_t limit) const {
  const std::string base = Key(space()).text(account_).text(region_).text("api").bytes();
  return list_below(txn, base, after.empty() ? std::string() : api_key(after), limit);
}

Task<std::optional<std::string>> Store::find(storage::Transaction& txn, std::string api_id, Part part,
                                             std::string id) const {
  return txn.get(part_key(api_id, part, id));
}

void Store::put(storage::Transaction& txn, const std::string& api_id, Part part, const std::string& id,
                std::string document) const {
  txn.put(part_key(api_id, part, id), std::move(document));
}

void Store::erase(storage::Transaction& txn, const std::string& api_id, Part part, const std::string& id) const {
  txn.erase(part_key(api_id, part, id));
}

Task<std::vector<std::string>> Store::list(storage::Transaction& txn, std::string api_id, Part part, std::string after,
                                           std::size_t limit) const {
  const std::string base =
      Key(space()).text(account_).text(region_).text("part").text(api_id).text(name_of(part)).bytes();
  return list_below(txn, base, after.empty() ? std::string() : part_key(api_id, part, after), limit);
}

Task<std::optional<std::string>> Store::find_frozen(storage::Transaction& txn, std::string api_id,
                                                    std::string deployment_id) const {
  return txn.get(frozen_key(api_id, deployment_id));
}

void Store::put_frozen(storage::Transaction& txn, const std::string& api_id, const std::string& deployment_id,
                       std::string document) const {
  txn.put(frozen_key(api_id, deployment_id), std::move(document));
}

void Store::erase_frozen(storage::Transaction& txn, const std::string& api_id, const std::string& deployment_id) const {
  txn.erase(frozen_key(api_id, deployment_id));
}

}  // namespace cumulet::apigateway
