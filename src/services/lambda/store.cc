#include "services/lambda/store.h"

#include "base/digest.h"
#include "base/text.h"
#include "storage/key.h"
#include "storage/row.h"
#include "wire/json.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::after_prefix;
using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::RowReader;
using storage::RowWriter;
using storage::ScanOptions;
using storage::Transaction;

constexpr std::string_view kSpace = "lambda";

Key base(const Store& store, std::string_view kind) {
  return Key(kSpace).text(store.account()).text(store.region()).text(kind);
}

std::string key_of(const Store& store, std::string_view kind, std::string_view name) {
  return base(store, kind).text(name).bytes();
}
std::string key_of(const Store& store, std::string_view kind, std::string_view name, std::string_view part) {
  return base(store, kind).text(name).text(part).bytes();
}
std::string key_of(const Store& store, std::string_view kind, std::string_view name, std::uint64_t part) {
  return base(store, kind).text(name).number(part).bytes();
}

/// Generated structs are stored as the JSON of the operation that shows them.
template <typename Operation>
std::string encode(const typename Operation::Output& value) {
  return wire::encode_json(*Operation::model().output, &value);
}
template <typename Operation>
typename Operation::Output decode(std::string_view text) {
  typename Operation::Output value;
  wire::Findings findings;
  wire::decode_json(text, *Operation::model().output, &value, false, findings);
  return value;
}

FunctionRow decode_function(std::string_view bytes) {
  RowReader row(bytes);
  FunctionRow function;
  function.name = row.text();
  function.next_version = row.number();
  function.reserved = row.signed_number();
  function.tags = row.text_map();
  function.recursive_loop = row.text();
  return function;
}

VersionRow decode_version(std::string_view bytes) {
  RowReader row(bytes);
  VersionRow version;
  version.configuration = decode<api::GetFunctionConfiguration>(row.text());
  version.blob = row.text();
  version.sha = row.text();
  version.published_of = row.text();
  version.image_uri = row.text();
  version.resolved_image_uri = row.text();
  return version;
}

LayerRow decode_layer(std::string_view bytes) {
  RowReader row(bytes);
  LayerRow layer;
  layer.description = decode<api::GetLayerVersion>(row.text());
  layer.blob = row.text();
  layer.sha = row.text();
  return layer;
}

std::string encode_layer(const LayerRow& layer) {
  RowWriter row;
  row.text(encode<api::GetLayerVersion>(layer.description)).text(layer.blob).text(layer.sha);
  return std::move(row).bytes();
}

/// FunctionUrlConfig is no operation's output by itself: it travels in the list of one.
std::string encode_url(const api::FunctionUrlConfig& config) {
  api::ListFunctionUrlConfigsResponse list;
  list.function_url_configs.push_back(config);
  return encode<api::ListFunctionUrlConfigs>(list);
}

UrlRow decode_url(std::string_view bytes) {
  RowReader row(bytes);
  UrlRow url;
  api::ListFunctionUrlConfigsResponse list = decode<api::ListFunctionUrlConfigs>(row.text());
  if (!list.function_url_configs.empty()) url.config = std::move(list.function_url_configs.front());
  url.id = row.text();
  url.name = row.text();
  url.qualifier = row.text();
  return url;
}

/// Every row of a prefix; a function has at most some thousands of a kind.
Task<std::vector<KeyValue>> scan_all(Transaction& txn, std::string prefix) {
  std::vector<KeyValue> all;
  std::string from = prefix;
  const std::string end = after_prefix(prefix);
  while (true) {
    KeyRange range(from, end);
    std::vector<KeyValue> rows = co_await txn.scan(range);
    if (rows.empty()) break;
    from = rows.back().key + '\0';
    for (KeyValue& row : rows) all.push_back(std::move(row));
  }
  co_return all;
}

/// Rows after `after` (excluded) below a prefix.
Task<std::vector<KeyValue>> scan_after(Transaction& txn, std::string prefix, std::string after, std::size_t limit) {
  const std::string begin = after.empty() ? prefix : after + '\0';
  KeyRange range(begin, after_prefix(prefix));
  ScanOptions options;
  options.limit = limit;
  options.byte_limit = 64u << 20;
  co_return co_await txn.scan(range, options);
}

}  // namespace

Task<std::optional<FunctionRow>> Store::find_function(Transaction& txn, std::string name) const {
  std::optional<FunctionRow> row;
  const std::optional<std::string> bytes = co_await txn.get(key_of(*this, "f", name));
  if (bytes) row = decode_function(*bytes);
  co_return row;
}

void Store::put_function(Transaction& txn, const FunctionRow& function) const {
  RowWriter row;
  row.text(function.name).number(function.next_version).signed_number(function.reserved).text_map(function.tags);
  row.text(function.recursive_loop);
  txn.put(key_of(*this, "f", function.name), std::move(row).bytes());
}

Task<std::vector<FunctionRow>> Store::list_functions(Transaction& txn, std::string after, std::size_t limit) const {
  const std::string from = after.empty() ? std::string() : key_of(*this, "f", after);
  const std::vector<KeyValue> rows = co_await scan_after(txn, base(*this, "f").bytes(), from, limit);
  std::vector<FunctionRow> functions;
  for (const KeyValue& row : rows) functions.push_back(decode_function(row.value));
  co_return functions;
}

Task<std::vector<std::string>> Store::erase_function(Transaction& txn, std::string name) const {
  std::vector<std::string> blobs;
  for (const char* kind : {"v", "a", "p", "e", "u", "s"}) {
    const std::vector<KeyValue> rows = co_await scan_all(txn, key_of(*this, kind, name));
    for (const KeyValue& row : rows) {
      txn.erase(row.key);
      if (*kind == 'u') txn.erase(Key("lambda-url").text(decode_url(row.value).id).bytes());
      if (*kind != 'v') continue;
      std::string blob = decode_version(row.value).blob;
      erase_blob_name(txn, blob);
      blobs.push_back(std::move(blob));
    }
  }
  txn.erase(key_of(*this, "f", name));
  co_return blobs;
}

Task<std::optional<VersionRow>> Store::find_version(Transaction& txn, std::string name, std::uint64_t number) const {
  std::optional<VersionRow> row;
  const std::optional<std::string> bytes = co_await txn.get(key_of(*this, "v", name, number));
  if (bytes) row = decode_version(*bytes);
  co_return row;
}

void Store::put_version(Transaction& txn, const std::string& name, std::uint64_t number,
                        const VersionRow& version) const {
  RowWriter row;
  row.text(encode<api::GetFunctionConfiguration>(version.configuration))
      .text(version.blob)
      .text(version.sha)
      .text(version.published_of)
      .text(version.image_uri)
      .text(version.resolved_image_uri);
  txn.put(key_of(*this, "v", name, number), std::move(row).bytes());
  put_blob_name(txn, version.blob);
}

void Store::erase_version(Transaction& txn, const std::string& name, std::uint64_t number) const {
  txn.erase(key_of(*this, "v", name, number));
}

Task<std::vector<VersionRow>> Store::list_versions(Transaction& txn, std::string name, std::uint64_t from,
                                                   std::size_t limit) const {
  KeyRange range(key_of(*this, "v", name, from), after_prefix(key_of(*this, "v", name)));
  ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<VersionRow> versions;
  for (const KeyValue& row : rows) versions.push_back(decode_version(row.value));
  co_return versions;
}

Task<std::optional<api::AliasConfiguration>> Store::find_alias(Transaction& txn, std::string name,
                                                               std::string alias) const {
  std::optional<api::AliasConfiguration> row;
  const std::optional<std::string> bytes = co_await txn.get(key_of(*this, "a", name, alias));
  if (bytes) row = decode<api::GetAlias>(*bytes);
  co_return row;
}

void Store::put_alias(Transaction& txn, const std::string& name, const api::AliasConfiguration& row) const {
  txn.put(key_of(*this, "a", name, row.name.value_or("")), encode<api::GetAlias>(row));
}

void Store::erase_alias(Transaction& txn, const std::string& name, const std::string& alias) const {
  txn.erase(key_of(*this, "a", name, alias));
}

Task<std::vector<api::AliasConfiguration>> Store::list_aliases(Transaction& txn, std::string name, std::string after,
                                                               std::size_t limit) const {
  const std::string from = after.empty() ? std::string() : key_of(*this, "a", name, after);
  const std::vector<KeyValue> rows = co_await scan_after(txn, key_of(*this, "a", name), from, limit);
  std::vector<api::AliasConfiguration> aliases;
  for (const KeyValue& row : rows) aliases.push_back(decode<api::GetAlias>(row.value));
  co_return aliases;
}

Task<std::map<std::string, std::string>> Store::find_policy(Transaction& txn, std::string name,
                                                            std::string qualifier) const {
  std::map<std::string, std::string> statements;
  const std::optional<std::string> bytes = co_await txn.get(key_of(*this, "p", name, qualifier));
  if (bytes) statements = RowReader(*bytes).text_map();
  co_return statements;
}

void Store::put_policy(Transaction& txn, const std::string& name, const std::string& qualifier,
                       const std::map<std::string, std::string>& statements) const {
  const std::string key = key_of(*this, "p", name, qualifier);
  if (statements.empty()) return txn.erase(key);
  RowWriter row;
  row.text_map(statements);
  txn.put(key, std::move(row).bytes());
}

Task<std::optional<api::FunctionEventInvokeConfig>> Store::find_event_config(Transaction& txn, std::string name,
                                                                             std::string qualifier) const {
  std::optional<api::FunctionEventInvokeConfig> config;
  const std::optional<std::string> bytes = co_await txn.get(key_of(*this, "e", name, qualifier));
  if (bytes) config = decode<api::GetFunctionEventInvokeConfig>(*bytes);
  co_return config;
}

void Store::put_event_config(Transaction& txn, const std::string& name, const std::string& qualifier,
                             const api::FunctionEventInvokeConfig& config) const {
  txn.put(key_of(*this, "e", name, qualifier), encode<api::GetFunctionEventInvokeConfig>(config));
}

void Store::erase_event_config(Transaction& txn, const std::string& name, const std::string& qualifier) const {
  txn.erase(key_of(*this, "e", name, qualifier));
}

Task<std::vector<api::FunctionEventInvokeConfig>> Store::list_event_configs(Transaction& txn, std::string name) const {
  const std::vector<KeyValue> rows = co_await scan_all(txn, key_of(*this, "e", name));
  std::vector<api::FunctionEventInvokeConfig> configs;
  for (const KeyValue& row : rows) configs.push_back(decode<api::GetFunctionEventInvokeConfig>(row.value));
  co_return configs;
}

Task<std::optional<UrlRow>> Store::find_url(Transaction& txn, std::string name, std::string qualifier) const {
  std::optional<UrlRow> url;
  const std::optional<std::string> bytes = co_await txn.get(key_of(*this, "u", name, qualifier));
  if (bytes) url = decode_url(*bytes);
  co_return url;
}

void Store::put_url(Transaction& txn, const UrlRow& url) const {
  RowWriter row;
  row.text(encode_url(url.config)).text(url.id).text(url.name).text(url.qualifier);
  txn.put(key_of(*this, "u", url.name, url.qualifier), std::move(row).bytes());
  RowWriter target;
  target.text(account_).text(region_).text(url.name).text(url.qualifier);
  txn.put(Key("lambda-url").text(url.id).bytes(), std::move(target).bytes());
}

void Store::erase_url(Transaction& txn, const UrlRow& url) const {
  txn.erase(key_of(*this, "u", url.name, url.qualifier));
  txn.erase(Key("lambda-url").text(url.id).bytes());
}

Task<std::vector<UrlRow>> Store::list_urls(Transaction& txn, std::string name) const {
  const std::vector<KeyValue> rows = co_await scan_all(txn, key_of(*this, "u", name));
  std::vector<UrlRow> urls;
  for (const KeyValue& row : rows) urls.push_back(decode_url(row.value));
  co_return urls;
}

Task<std::string> Store::find_signing(Transaction& txn, std::string name) const {
  const std::optional<std::string> bytes = co_await txn.get(key_of(*this, "s", name));
  std::string arn;
  if (bytes) arn = RowReader(*bytes).text();
  co_return arn;
}

void Store::put_signing(Transaction& txn, const std::string& name, const std::string& arn) const {
  if (arn.empty()) return txn.erase(key_of(*this, "s", name));
  RowWriter row;
  row.text(arn).text(name);
  txn.put(key_of(*this, "s", name), std::move(row).bytes());
}

Task<std::vector<std::string>> Store::list_signed_functions(Transaction& txn, std::string arn, std::string after,
                                                            std::size_t limit) const {
  const std::vector<KeyValue> rows = co_await scan_all(txn, base(*this, "s").bytes());
  std::vector<std::string> names;
  for (const KeyValue& row : rows) {
    RowReader reader(row.value);
    const bool of_it = reader.text() == arn;
    std::string name(reader.text());
    if (of_it && name > after && names.size() < limit) names.push_back(std::move(name));
  }
  co_return names;
}

Task<std::optional<api::CodeSigningConfig>> Store::find_signing_config(Transaction& txn, std::string id) const {
  const std::optional<std::string> bytes = co_await txn.get(key_of(*this, "c", id));
  std::optional<api::CodeSigningConfig> config;
  if (bytes) config = decode<api::GetCodeSigningConfig>(*bytes).code_signing_config;
  co_return config;
}

void Store::put_signing_config(Transaction& txn, const api::CodeSigningConfig& config) const {
  api::GetCodeSigningConfigResponse shown;
  shown.code_signing_config = config;
  txn.put(key_of(*this, "c", config.code_signing_config_id), encode<api::GetCodeSigningConfig>(shown));
}

void Store::erase_signing_config(Transaction& txn, const std::string& id) const { txn.erase(key_of(*this, "c", id)); }

Task<std::vector<api::CodeSigningConfig>> Store::list_signing_configs(Transaction& txn, std::string after,
                                                                      std::size_t limit) const {
  const std::string from = after.empty() ? std::string() : key_of(*this, "c", after);
  const std::vector<KeyValue> rows = co_await scan_after(txn, base(*this, "c").bytes(), from, limit);
  std::vector<api::CodeSigningConfig> configs;
  for (const KeyValue& row : rows) {
    configs.push_back(decode<api::GetCodeSigningConfig>(row.value).code_signing_config);
  }
  co_return configs;
}

Task<std::optional<LayerRow>> Store::find_layer(Transaction& txn, std::string layer, std::int64_t version) const {
  std::optional<LayerRow> row;
  const std::optional<std::string> bytes =
      co_await txn.get(key_of(*this, "l", layer, static_cast<std::uint64_t>(version)));
  if (bytes) row = decode_layer(*bytes);
  co_return row;
}

void Store::put_layer(Transaction& txn, const std::string& layer, const LayerRow& value) const {
  const auto number = static_cast<std::uint64_t>(value.description.version.value_or(0));
  txn.put(key_of(*this, "l", layer, number), encode_layer(value));
  RowWriter last;
  last.number(number);
  txn.put(key_of(*this, "n", layer), std::move(last).bytes());
  put_blob_name(txn, value.blob);
}

void Store::hide_layer(Transaction& txn, const std::string& layer, std::int64_t version, const LayerRow& row) const {
  const auto number = static_cast<std::uint64_t>(version);
  txn.erase(key_of(*this, "l", layer, number));
  txn.put(key_of(*this, "d", layer, number), encode_layer(row));
}

Task<std::optional<LayerRow>> Store::find_used_layer(Transaction& txn, std::string layer, std::int64_t version) const {
  std::optional<LayerRow> row = co_await find_layer(txn, layer, version);
  if (!row) row = co_await find_hidden_layer(txn, layer, version);
  co_return row;
}

void Store::erase_hidden_layer(Transaction& txn, const std::string& layer, std::int64_t version,
                               const LayerRow& row) const {
  txn.erase(key_of(*this, "d", layer, static_cast<std::uint64_t>(version)));
  erase_blob_name(txn, row.blob);
}

Task<std::optional<LayerRow>> Store::find_hidden_layer(Transaction& txn, std::string layer,
                                                       std::int64_t version) const {
  std::optional<LayerRow> row;
  const std::optional<std::string> bytes =
      co_await txn.get(key_of(*this, "d", layer, static_cast<std::uint64_t>(version)));
  if (bytes) row = decode_layer(*bytes);
  co_return row;
}

Task<std::uint64_t> Store::last_layer_version(Transaction& txn, std::string layer) const {
  const std::optional<std::string> bytes = co_await txn.get(key_of(*this, "n", layer));
  co_return bytes ? RowReader(*bytes).number() : std::uint64_t{0};
}

Task<std::vector<LayerRow>> Store::list_layers(Transaction& txn, std::string layer, std::size_t limit) const {
  const std::string prefix = layer.empty() ? base(*this, "l").bytes() : key_of(*this, "l", layer);
  const std::vector<KeyValue> rows = co_await scan_after(txn, prefix, std::string(), limit);
  std::vector<LayerRow> layers;
  for (const KeyValue& row : rows) layers.push_back(decode_layer(row.value));
  co_return layers;
}

Task<std::optional<UrlTarget>> find_url_target(Transaction& txn, std::string id) {
  std::optional<UrlTarget> target;
  const std::optional<std::string> bytes = co_await txn.get(Key("lambda-url").text(id).bytes());
  if (bytes) {
    RowReader row(*bytes);
    target.emplace();
    target->account = row.text();
    target->region = row.text();
    target->name = row.text();
    target->qualifier = row.text();
  }
  co_return target;
}

void put_blob_name(Transaction& txn, const std::string& blob) {
  txn.put(Key("lambda-blob").text(blob).bytes(), std::string());
}

void erase_blob_name(Transaction& txn, const std::string& blob) { txn.erase(Key("lambda-blob").text(blob).bytes()); }

Task<bool> find_blob_name(Transaction& txn, std::string blob) {
  const std::optional<std::string> found = co_await txn.get(Key("lambda-blob").text(blob).bytes());
  co_return found.has_value();
}

std::string policy_document(const std::map<std::string, std::string>& statements) {
  std::string policy = R"({"Version":"2012-10-17","Id":"default","Statement":[)";
  for (const auto& [id, statement] : statements) policy += (policy.ends_with('[') ? "" : ",") + statement;
  return policy + "]}";
}

std::string policy_revision(const std::map<std::string, std::string>& statements) {
  const std::string hash = hex_encode(sha256(policy_document(statements)));
  return hash.substr(0, 8) + "-" + hash.substr(8, 4) + "-" + hash.substr(12, 4) + "-" + hash.substr(16, 4) + "-" +
         hash.substr(20, 12);
}

std::optional<std::uint64_t> version_number(const std::string& qualifier) {
  if (qualifier == "$LATEST") return 0;
  if (qualifier.empty() || qualifier.size() > 15 || qualifier.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  const auto number = parse_int(qualifier);
  if (!number || *number <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

}  // namespace cumulet::lambda
