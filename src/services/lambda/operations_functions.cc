#include <array>

#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/configuration.h"
#include "services/lambda/lambda.h"
#include "services/lambda/provisioned_store.h"
#include "services/lambda/runtime_names.h"
#include "services/lambda/substrate_tag.h"
#include "services/lambda/tenancy.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::size_t kInlineZipLimit = 52428800;
constexpr std::size_t kLayerLimit = 5;

Error stale_revision() {
  return user_error(
      api::errors::kPreconditionFailedException,
      "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
      "retrieve the latest Revision Id");
}

/// The ARNs of the layers.
std::vector<std::string> layers_of(const api::FunctionConfiguration& configuration) {
  std::vector<std::string> arns;
  if (!configuration.layers) return arns;
  for (const api::Layer& layer : *configuration.layers) arns.push_back(layer.arn.value_or(""));
  return arns;
}

/// Changes are made to $LATEST only.
Result<void> only_latest(const FunctionName& name) {
  if (!name.qualifier || *name.qualifier == "$LATEST") return {};
  return invalid(
      "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
      "operation. Please specify either a function name or an unqualified function ARN.");
}

}  // namespace

void Lambda::register_functions() {
  service_.on<api::CreateFunction>([this](Call& c, const auto& in) { return create_function(c, in); });
  service_.on<api::UpdateFunctionCode>([this](Call& c, const auto& in) { return update_code(c, in); });
  service_.on<api::UpdateFunctionConfiguration>(
      [this](Call& c, const auto& in) { return update_configuration(c, in); });
  service_.on<api::DeleteFunction>([this](Call& c, const auto& in) { return delete_function(c, in); });
}

/// The zip that a request brings or names.
Task<std::string> Lambda::read_code(Call& call, const api::FunctionCode& code, std::string operation) {
  if (code.zip_file) {
    if (code.s3_bucket || code.s3_key) {
      co_await fail(invalid("Please do not provide other FunctionCode parameters when providing a ZipFile."));
    }
    if (code.zip_file->size() > kInlineZipLimit) {
      co_await fail(Error("RequestEntityTooLargeException", 413,
                          "Request must be smaller than 70167211 bytes for the " + operation + " operation"));
    }
    if (code.zip_file->empty()) co_await fail(invalid("Uploaded file must be a non-empty zip"));
    co_return *code.zip_file;
  }
  if (code.s3_object_storage_mode == "REFERENCE") co_await fail(unsupported("S3ObjectStorageMode REFERENCE"));
  if (!code.s3_bucket || !code.s3_key) co_await fail(invalid("Please provide a source for function code."));
  Result<std::string> object = co_await attempt(options_.read_object(
      call.account(), call.region, *code.s3_bucket, *code.s3_key, code.s3_object_version.value_or("")));
  if (!object) {
    co_await fail(invalid("Error occurred while GetObject. S3 Error Code: " + object.error().code() +
                          ". S3 Error Message: " + object.error().message()));
  }
  co_return std::move(object).value();
}

Task<void> Lambda::check_runtime(Call& call, std::string runtime) {
  const compute::RuntimeStatus status = engine_.find_runtime(runtime);
  const bool another = status.detail.find(" serves ") != std::string::npos;
  const std::optional<std::string> unknown = undocumented_runtime(runtime);
  if (unknown && (!status.supported || another)) co_await fail(Error("ValidationException", 400, *unknown));
  if (!status.supported) {
    co_await fail(invalid("The runtime parameter of " + runtime + " is not supported by this server."));
  }
  if (!status.installed) {
    co_await fail(invalid("The runtime " + runtime + " cannot run on this host: " + status.detail));
  }
  if (another) call.reply_headers.add("x-cumulet-warning", status.detail);
}

Task<void> Lambda::check_role(std::string role) {
  if (!options_.may_assume) co_return;
  const bool may = co_await options_.may_assume(role);
  if (!may) co_await fail(invalid("The role defined for the function cannot be assumed by Lambda."));
}

Task<std::vector<api::Layer>> Lambda::find_layers(Transaction& txn, std::vector<std::string> arns,
                                                  std::string account) {
  if (arns.size() > kLayerLimit) co_await fail(invalid("Layers consume more than the available size of 5 layers"));
  std::vector<api::Layer> layers;
  for (const std::string& arn : arns) {
    // arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION
    const std::vector<std::string_view> parts = split(arn, ':');
    const std::optional<std::uint64_t> version =
        parts.size() == 8 && parts[5] == "layer" ? version_number(std::string(parts[7])) : std::nullopt;
    std::optional<LayerRow> row;
    if (version && *version > 0) {
      const Store store{std::string(parts[4]), std::string(parts[3])};
      row = co_await store.find_layer(txn, std::string(parts[6]), static_cast<std::int64_t>(*version));
    }
    if (!row) co_await fail(invalid("Layer version " + arn + " does not exist."));
    co_await may_use_layer(txn, arn, account);
    api::Layer layer;
    layer.arn = arn;
    layer.code_size = row->description.content ? row->description.content->code_size : std::nullopt;
    layers.push_back(std::move(layer));
  }
  co_return layers;
}

Task<api::FunctionConfiguration> Lambda::create_function(Call& call, const api::CreateFunctionRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  co_await check_package_type(input);
  if (input.tenancy_config && input.durable_config) {
    co_await fail(unsupported("TenancyConfig together with DurableConfig"));
  }
  if (input.tags && input.tags->size() > 50) co_await fail(invalid("Number of tags exceeds resource tag limit."));
  if (input.tags) co_await check_egress_tag(options_.egress, *input.tags);
  if (input.tags) co_await check_substrate_tag(options_.substrates, *input.tags);
  api::FunctionConfiguration checked = default_configuration(name);
  checked.package_type = input.package_type.value_or("Zip");
  checked.tenancy_config = input.tenancy_config;
  co_await set_common(checked, input);
  if (input.runtime) co_await check_runtime(call, *input.runtime);
  co_await check_role(input.role);

  const Store store(name.account, name.region);
  const auto exists = [&store, &name](Transaction& txn) -> Task<bool> {
    const std::optional<FunctionRow> row = co_await store.find_function(txn, name.name);
    co_return row.has_value();
  };
  const bool taken = co_await storage::transact(database_, exists);
  if (taken) {
    co_await fail(user_error(api::errors::kResourceConflictException, "Function already exist: " + name.name));
  }
  ImageCode image;
  Package package;
  if (input.code.image_uri) {
    image = co_await find_image(call, *input.code.image_uri, input.architectures, input.publish.value_or(false));
    package = image.package;
  } else {
    std::string zip = co_await read_code(call, input.code, std::string("CreateFunction"));
    package = co_await code_.add(std::move(zip));
  }
  std::optional<PullRow> pull;
  if (image.pending) pull = pull_of(name, image, false);
  const auto create = [this, &call, &input, &package, &pull](Transaction& txn) {
    return create_in(call, input, package, pull ? &*pull : nullptr, txn);
  };
  Result<Configuration> created = co_await attempt(storage::transact(database_, create));
  if (!created) {
    co_await drop_code(package.blob, package.sha);
  } else if (image.held) {
    (void)options_.images->find(image.held->digest);  // It is named now: what was forgotten meanwhile stays.
  } else if (pull) {
    begin_pull(*pull, std::move(image.pending));
  }
  if (created) begin_snapshot(*created);
  co_return created;
}

Task<api::FunctionConfiguration> Lambda::create_in(Call& call, const api::CreateFunctionRequest& input,
                                                   const Package& package, const PullRow* pull, Transaction& txn) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  const Store store(name.account, name.region);
  if (co_await store.find_function(txn, name.name)) {
    co_await fail(user_error(api::errors::kResourceConflictException, "Function already exist: " + name.name));
  }
  VersionRow row;
  row.configuration = default_configuration(name);
  row.configuration.role = input.role;
  row.configuration.package_type = input.package_type.value_or("Zip");
  row.configuration.tenancy_config = input.tenancy_config;
  co_await set_common(row.configuration, input);
  if (input.architectures && !input.architectures->empty()) row.configuration.architectures = input.architectures;
  if (input.layers && !input.layers->empty())
    row.configuration.layers = co_await find_layers(txn, *input.layers, name.account);
  set_package(row.configuration, package);
  row.configuration.last_modified = last_modified();
  row.blob = package.blob;
  row.sha = package.sha;
  set_updated(row, package);
  if (pull != nullptr) {
    set_pending(row);
    put_pull(txn, *pull);
  }

  if (input.code_signing_config_arn) co_await code_signing_.begin(txn, name, *input.code_signing_config_arn);
  co_await code_signing_.check_deployment(txn, name);

  FunctionRow function;
  function.name = name.name;
  if (input.tags) function.tags = *input.tags;
  store.put_function(txn, function);
  store.put_version(txn, name.name, 0, row);
  if (input.publish.value_or(false)) co_return co_await publish_in(txn, store, name.name, input.description);
  co_return row.configuration;
}

/// The package that an update brings or names.
Task<Package> Lambda::take_zip(Call& call, const api::UpdateFunctionCodeRequest& input) {
  if (input.image_uri) {
    co_await fail(invalid("Please don't provide ImageUri when updating a function with packageType Zip."));
  }
  api::FunctionCode code;
  code.zip_file = input.zip_file;
  code.s3_bucket = input.s3_bucket;
  code.s3_key = input.s3_key;
  code.s3_object_version = input.s3_object_version;
  code.s3_object_storage_mode = input.s3_object_storage_mode;
  std::string zip = co_await read_code(call, code, std::string("UpdateFunctionCode"));
  co_return co_await code_.add(std::move(zip));
}

Task<api::FunctionConfiguration> Lambda::update_code(Call& call, const api::UpdateFunctionCodeRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  co_await only_latest(name);
  name.qualifier.reset();
  const auto find = [this, &name](Transaction& txn) { return require_version(txn, name); };
  const VersionRow before = co_await storage::transact(database_, find);
  if (input.revision_id && *input.revision_id != before.configuration.revision_id) co_await fail(stale_revision());

  ImageCode image;
  Package package;
  if (before.configuration.package_type == "Image") {
    if (!input.image_uri) {
      co_await fail(invalid("Please provide ImageUri when updating a function with packageType Image."));
    }
    co_await check_idle(before, name);
    const auto architectures =
        input.architectures && !input.architectures->empty() ? input.architectures : before.configuration.architectures;
    image = co_await find_image(call, *input.image_uri, architectures, input.publish.value_or(false));
    if (image.pending) co_return co_await begin_image_update(name, std::move(image), input);
    package = image.package;
  } else {
    package = co_await take_zip(call, input);
  }

  std::string old_blob;
  std::string old_sha;
  std::string old_key;
  const bool dry = input.dry_run.value_or(false);
  const auto update = [&](Transaction& txn) -> Task<Configuration> {
    VersionRow row = co_await require_version(txn, name);
    if (input.revision_id && *input.revision_id != row.configuration.revision_id) co_await fail(stale_revision());
    co_await check_idle(row, name);
    co_await code_signing_.check_deployment(txn, name);
    const Store store(name.account, name.region);
    old_blob.clear();
    old_key = engine_key(name, row.configuration);
    // A published version may be made of the same package.
    const std::vector<VersionRow> versions = co_await store.list_versions(txn, name.name, 1, 1000);
    const bool shared =
        std::any_of(versions.begin(), versions.end(), [&](const auto& v) { return v.blob == row.blob; });
    set_package(row.configuration, package);
    if (input.architectures && !input.architectures->empty()) row.configuration.architectures = input.architectures;
    row.configuration.last_modified = last_modified();
    row.configuration.revision_id = uuid();
    if (dry) co_return row.configuration;
    if (!shared) {
      old_blob = row.blob;
      old_sha = row.sha;
      erase_blob_name(txn, row.blob);
    }
    row.blob = package.blob;
    row.sha = package.sha;
    set_updated(row, package);
    store.put_version(txn, name.name, 0, row);
    if (input.publish.value_or(false)) co_return co_await publish_in(txn, store, name.name, std::nullopt);
    co_return row.configuration;
  };
  Result<Configuration> updated = co_await attempt(storage::transact(database_, update));
  if (!updated || dry) {
    co_await drop_code(package.blob, package.sha);
  } else {
    if (image.held) (void)options_.images->find(image.held->digest);
    if (!old_blob.empty() && old_sha != package.sha) {
      co_await drop_code(old_blob, old_sha);
    } else if (!old_blob.empty() && !image.held) {
      (void)co_await attempt(blobs_.erase(old_blob));
    }
    engine_.retire(old_key);
    begin_snapshot(*updated);
    const std::lock_guard lock(mutex_);
    routes_.clear();  // they hold the old code
  }
  co_return updated;
}

Task<api::FunctionConfiguration> Lambda::update_configuration(Call& call,
                                                              const api::UpdateFunctionConfigurationRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  co_await only_latest(name);
  name.qualifier.reset();
  if (input.runtime) co_await check_runtime(call, *input.runtime);
  if (input.role) co_await check_role(*input.role);
  std::string old_key;
  Packages unused;
  const auto update = [&](Transaction& txn) -> Task<Configuration> {
    VersionRow row = co_await require_version(txn, name);
    if (input.revision_id && *input.revision_id != row.configuration.revision_id) co_await fail(stale_revision());
    co_await check_idle(row, name);
    if (row.configuration.package_type == "Image" &&
        (input.runtime || input.handler || (input.layers && !input.layers->empty()))) {
      co_await fail(
          invalid("Please don't provide Handler or Runtime or Layer when the intended function PackageType is IMAGE."));
    }
    old_key = engine_key(name, row.configuration);
    if (input.durable_config && !row.configuration.durable_config) {
      co_await fail(invalid("Durable execution can only be enabled when a function is created."));
    }
    co_await set_common(row.configuration, input);
    if (input.role) row.configuration.role = input.role;
    std::vector<std::string> old_layers;
    if (input.layers) {
      std::vector<api::Layer> layers = co_await find_layers(txn, *input.layers, name.account);
      if (!layers.empty()) co_await code_signing_.check_deployment(txn, name);
      old_layers = layers_of(row.configuration);
      row.configuration.layers.reset();
      if (!layers.empty()) row.configuration.layers = std::move(layers);
    }
    row.configuration.last_modified = last_modified();
    row.configuration.revision_id = uuid();
    const Store store(name.account, name.region);
    store.put_version(txn, name.name, 0, row);
    unused = co_await erase_unused_layers(txn, std::move(old_layers));
    co_return row.configuration;
  };
  Configuration updated = co_await storage::transact(database_, update);
  engine_.retire(old_key);
  co_await drop_packages(std::move(unused));
  co_return updated;
}

Task<api::DeleteFunctionResponse> Lambda::delete_function(Call& call, const api::DeleteFunctionRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  if (name.qualifier == "$LATEST") {
    co_await fail(invalid("$LATEST version cannot be deleted without deleting the function."));
  }
  const Store store(name.account, name.region);
  Packages packages;
  std::vector<std::string> keys;
  const auto erase = [&](Transaction& txn) -> Task<void> {
    packages.clear();
    keys.clear();
    std::vector<std::string> layers;
    if (!(co_await store.find_function(txn, name.name))) co_await fail(function_not_found(name.qualified_arn()));
    const std::vector<VersionRow> versions = co_await store.list_versions(txn, name.name, 0, 10'000);
    if (!name.qualifier) {
      for (const VersionRow& row : versions) {
        keys.push_back(engine_key(name, row.configuration));
        for (std::string& arn : layers_of(row.configuration)) layers.push_back(std::move(arn));
        packages.emplace_back(row.blob, row.sha);
      }
      co_await store.erase_function(txn, name.name);
      erase_pull(txn, name);
      const std::vector<ProvisionedRow> held = co_await list_provisioned(txn, name);
      for (const ProvisionedRow& row : held) erase_provisioned(txn, row.name);
      Packages unused = co_await erase_unused_layers(txn, std::move(layers));
      packages.insert(packages.end(), unused.begin(), unused.end());
      co_return;
    }
    const std::optional<std::uint64_t> number = version_number(*name.qualifier);
    if (!number) co_await fail(invalid("Deletion of aliases is not currently supported."));
    const std::optional<VersionRow> row = co_await store.find_version(txn, name.name, *number);
    if (!row) co_return;  // Deleting a version that is gone is no error.
    const std::vector<api::AliasConfiguration> aliases = co_await store.list_aliases(txn, name.name, "", 10'000);
    for (const api::AliasConfiguration& alias : aliases) {
      const bool second = alias.routing_config && alias.routing_config->additional_version_weights &&
                          alias.routing_config->additional_version_weights->contains(*name.qualifier);
      if (alias.function_version != *name.qualifier && !second) continue;
      co_await fail(user_error(api::errors::kResourceConflictException, "Version " + *name.qualifier + " of function " +
                                                                            name.name + " is referenced by alias " +
                                                                            alias.name.value_or("") + "."));
    }
    const auto users =
        std::count_if(versions.begin(), versions.end(), [&](const auto& v) { return v.blob == row->blob; });
    if (users == 1) {
      packages.emplace_back(row->blob, row->sha);
      erase_blob_name(txn, row->blob);
    }
    keys.push_back(engine_key(name, row->configuration));
    store.erase_version(txn, name.name, *number);
    erase_provisioned(txn, name);
    Packages unused = co_await erase_unused_layers(txn, layers_of(row->configuration));
    packages.insert(packages.end(), unused.begin(), unused.end());
  };
  co_await storage::transact(database_, erase);
  ++reservations_;
  for (const std::string& key : keys) engine_.retire(key);
  co_await follow_provisioning();
  co_await drop_packages(std::move(packages));
  const std::lock_guard lock(mutex_);
  routes_.clear();  // they hold the code
  api::DeleteFunctionResponse output;
  output.status_code = 204;
  co_return output;
}

}  // namespace cumulet::lambda
