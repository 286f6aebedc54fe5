#include <algorithm>

#include "base/text.h"
#include "services/lambda/configuration.h"
#include "services/lambda/lambda.h"
#include "services/lambda/runtime_names.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::size_t kListLimit = 5000;
constexpr std::size_t kFunctionsAtOnce = 100;
constexpr std::size_t kMostVersions = 10'000;

std::string layer_arn(const wire::Call& call, const std::string& layer) {
  return "arn:aws:lambda:" + call.region + ":" + call.account() + ":layer:" + layer;
}

/// The name in a layer name or ARN.
std::string layer_name(const std::string& text) {
  const std::size_t at = text.find(":layer:");
  return at == std::string::npos ? text : text.substr(at + 7);
}

api::LayerVersionsListItem item_of(const LayerRow& row) {
  api::LayerVersionsListItem item;
  item.layer_version_arn = row.description.layer_version_arn;
  item.version = row.description.version;
  item.description = row.description.description;
  item.created_date = row.description.created_date;
  item.compatible_runtimes = row.description.compatible_runtimes;
  item.compatible_architectures = row.description.compatible_architectures;
  item.license_info = row.description.license_info;
  return item;
}

/// Of a runtime, in what is said about layers.
Result<void> check_name(compute::Engine& engine, const std::string& runtime) {
  std::optional<std::string> unknown = undocumented_runtime(runtime);
  if (unknown && !engine.find_runtime(runtime).supported) return Error("ValidationException", 400, std::move(*unknown));
  return {};
}

bool fits(const LayerRow& row, const std::optional<std::string>& runtime) {
  if (!runtime) return true;
  const auto& list = row.description.compatible_runtimes;
  return list && std::find(list->begin(), list->end(), *runtime) != list->end();
}

bool has_layer(const VersionRow& version, const std::string& arn) {
  const auto& layers = version.configuration.layers;
  return layers && std::any_of(layers->begin(), layers->end(), [&](const api::Layer& each) { return each.arn == arn; });
}

/// One that other accounts were allowed to use is kept: their functions are not looked through.
Task<std::optional<LayerRow>> erase_unused(Transaction& txn, std::string arn) {
  const std::vector<std::string_view> words = split(arn, ':');
  if (words.size() != 8) co_return std::nullopt;
  const Store store{std::string(words[4]), std::string(words[3])};
  const std::string layer(words[6]);
  const auto number = static_cast<std::int64_t>(version_number(std::string(words[7])).value_or(0));
  std::optional<LayerRow> row = co_await store.find_hidden_layer(txn, layer, number);
  if (!row) co_return std::nullopt;
  const auto statements = co_await store.find_policy(txn, "layer:" + layer, std::to_string(number));
  if (!statements.empty()) co_return std::nullopt;
  std::string after;
  while (true) {
    const std::vector<FunctionRow> functions = co_await store.list_functions(txn, after, kFunctionsAtOnce);
    for (const FunctionRow& function : functions) {
      const std::vector<VersionRow> versions = co_await store.list_versions(txn, function.name, 0, kMostVersions);
      for (const VersionRow& version : versions) {
        if (has_layer(version, arn)) co_return std::nullopt;
      }
    }
    if (functions.size() < kFunctionsAtOnce) break;
    after = functions.back().name;
  }
  store.erase_hidden_layer(txn, layer, number, *row);
  co_return row;
}

}  // namespace

void Lambda::register_layers() {
  service_.on<api::PublishLayerVersion>([this](Call& c, const auto& in) { return publish_layer(c, in); });
  service_.on<api::GetLayerVersion>(
      [this](Call& c, const auto& in) { return get_layer(c, layer_name(in.layer_name), in.version_number); });
  service_.on<api::GetLayerVersionByArn>([this](Call& c, const auto& in) {
    const std::size_t colon = in.arn.rfind(':');
    const std::optional<std::uint64_t> number = version_number(in.arn.substr(colon + 1));
    return get_layer(c, layer_name(in.arn.substr(0, colon)), static_cast<std::int64_t>(number.value_or(0)));
  });
  service_.on<api::ListLayers>([this](Call& c, const auto& in) { return list_layers(c, in); });
  service_.on<api::ListLayerVersions>([this](Call& c, const auto& in) { return list_layer_versions(c, in); });
  service_.on<api::DeleteLayerVersion>([this](Call& c, const auto& in) { return delete_layer(c, in); });
}

Task<api::PublishLayerVersionResponse> Lambda::publish_layer(Call& call, const api::PublishLayerVersionRequest& input) {
  const std::string layer = layer_name(input.layer_name);
  api::FunctionCode code;
  code.zip_file = input.content.zip_file;
  code.s3_bucket = input.content.s3_bucket;
  code.s3_key = input.content.s3_key;
  code.s3_object_version = input.content.s3_object_version;
  code.s3_object_storage_mode = input.content.s3_object_storage_mode;
  std::string zip = co_await read_code(call, code, std::string("PublishLayerVersion"));
  const std::vector<std::string> runtimes = input.compatible_runtimes.value_or(std::vector<std::string>());
  for (const std::string& runtime : runtimes) co_await check_name(engine_, runtime);
  const Package package = co_await code_.add(std::move(zip));
  const Store store(call.account(), call.region);
  const auto publish = [&](Transaction& txn) -> Task<LayerRow> {
    const std::uint64_t version = co_await store.last_layer_version(txn, layer) + 1;
    LayerRow row;
    row.blob = package.blob;
    row.sha = package.sha;
    api::GetLayerVersionResponse& d = row.description;
    d.layer_arn = layer_arn(call, layer);
    d.layer_version_arn = *d.layer_arn + ":" + std::to_string(version);
    d.description = input.description.value_or("");
    d.created_date = last_modified();
    d.version = static_cast<std::int64_t>(version);
    d.compatible_runtimes = input.compatible_runtimes;
    d.license_info = input.license_info;
    d.compatible_architectures = input.compatible_architectures;
    api::LayerVersionContentOutput& content = d.content.emplace();
    content.code_sha256 = package.sha_base64;
    content.code_size = static_cast<std::int64_t>(package.size);
    store.put_layer(txn, layer, row);
    co_return row;
  };
  const LayerRow row = co_await storage::transact(database_, publish);
  api::PublishLayerVersionResponse output;
  output.content = row.description.content;
  output.content->location = code_location(call, row.blob);
  output.layer_arn = row.description.layer_arn;
  output.layer_version_arn = row.description.layer_version_arn;
  output.description = row.description.description;
  output.created_date = row.description.created_date;
  output.version = row.description.version;
  output.compatible_runtimes = row.description.compatible_runtimes;
  output.license_info = row.description.license_info;
  output.compatible_architectures = row.description.compatible_architectures;
  co_return output;
}

Task<api::GetLayerVersionResponse> Lambda::get_layer(Call& call, std::string layer, std::int64_t version) {
  const Store store(call.account(), call.region);
  const auto read = [&](Transaction& txn) { return store.find_layer(txn, layer, version); };
  const std::optional<LayerRow> row = co_await storage::transact(database_, read);
  if (!row) {
    co_await fail(user_error(api::errors::kResourceNotFoundException, "The resource you requested does not exist."));
  }
  api::GetLayerVersionResponse output = row->description;
  if (output.content) output.content->location = code_location(call, row->blob);
  co_return output;
}

Task<api::ListLayersResponse> Lambda::list_layers(Call& call, const api::ListLayersRequest& input) {
  if (input.compatible_runtime) co_await check_name(engine_, *input.compatible_runtime);
  const Store store(call.account(), call.region);
  const auto read = [&](Transaction& txn) { return store.list_layers(txn, std::string(), kListLimit); };
  const std::vector<LayerRow> rows = co_await storage::transact(database_, read);
  // Rows come by name, then by version: the last one of a name is its newest.
  api::ListLayersResponse output;
  std::vector<api::LayersListItem>& layers = output.layers.emplace();
  for (const LayerRow& row : rows) {
    if (!fits(row, input.compatible_runtime)) continue;
    if (layers.empty() || layers.back().layer_arn != row.description.layer_arn) {
      api::LayersListItem item;
      item.layer_arn = row.description.layer_arn;
      item.layer_name = layer_name(row.description.layer_arn.value_or(""));
      layers.push_back(std::move(item));
    }
    layers.back().latest_matching_version = item_of(row);
  }
  co_return output;
}

Task<api::ListLayerVersionsResponse> Lambda::list_layer_versions(Call& call,
                                                                 const api::ListLayerVersionsRequest& input) {
  if (input.compatible_runtime) co_await check_name(engine_, *input.compatible_runtime);
  const Store store(call.account(), call.region);
  const std::string layer = layer_name(input.layer_name);
  const auto read = [&](Transaction& txn) { return store.list_layers(txn, layer, kListLimit); };
  const std::vector<LayerRow> rows = co_await storage::transact(database_, read);
  api::ListLayerVersionsResponse output;
  auto& versions = output.layer_versions.emplace();
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (fits(*row, input.compatible_runtime)) versions.push_back(item_of(*row));
  }
  co_return output;
}

Task<api::DeleteLayerVersionOutput> Lambda::delete_layer(Call& call, const api::DeleteLayerVersionRequest& input) {
  if (input.version_number < 1) co_await fail(invalid("Layer Version Cannot be less than 1."));
  const Store store(call.account(), call.region);
  const std::string layer = layer_name(input.layer_name);
  const std::vector<std::string> arns{layer_arn(call, layer) + ":" + std::to_string(input.version_number)};
  const auto erase = [&](Transaction& txn) -> Task<Packages> {
    const std::optional<LayerRow> row = co_await store.find_layer(txn, layer, input.version_number);
    if (row) store.hide_layer(txn, layer, input.version_number, *row);
    co_return co_await erase_unused_layers(txn, arns);
  };
  Packages unused = co_await storage::transact(database_, erase);
  co_await drop_packages(std::move(unused));
  co_return api::DeleteLayerVersionOutput();
}

Task<Lambda::Packages> Lambda::erase_unused_layers(Transaction& txn, std::vector<std::string> arns) {
  Packages packages;
  for (const std::string& arn : arns) {
    const std::optional<LayerRow> erased = co_await erase_unused(txn, arn);
    if (erased) packages.emplace_back(erased->blob, erased->sha);
  }
  co_return packages;
}

Task<void> Lambda::drop_packages(Packages packages) {
  for (const auto& [blob, sha] : packages) co_await drop_code(blob, sha);
}

}  // namespace cumulet::lambda
