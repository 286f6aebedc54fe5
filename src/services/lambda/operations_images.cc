#include <algorithm>

#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "services/lambda/configuration.h"
#include "services/lambda/image_pulls.h"
#include "services/lambda/lambda.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr int kPullTries = 3;

Error invalid_image(std::string message) {
  return user_error(api::errors::kInvalidParameterValueException, std::move(message));
}

/// What Lambda says of an image that it cannot take.
Error image_error(const std::string& uri, const Error& why) {
  if (why.is(images::kImageDeleted)) {
    return invalid_image("Source image " + uri + " does not exist. Provide a valid source image.");
  }
  if (why.is(images::kImageAccessDenied)) {
    return Error("AccessDeniedException", 403,
                 "Lambda does not have permission to access the ECR image. Check the ECR permissions.");
  }
  return invalid_image("Source image " + uri + " is not valid. Provide a valid source image. " + why.message());
}

std::string architecture_of(const std::optional<std::vector<std::string>>& architectures) {
  return architectures && !architectures->empty() ? architectures->front() : "x86_64";
}

void set_state(api::FunctionConfiguration& c, const char* state, const std::string& reason, const std::string& code) {
  c.state = state;
  c.state_reason = reason.empty() ? std::optional<std::string>() : reason;
  c.state_reason_code = code.empty() ? std::optional<std::string>() : code;
}

void set_update(api::FunctionConfiguration& c, const char* status, const std::string& reason, const std::string& code) {
  c.last_update_status = status;
  c.last_update_status_reason = reason.empty() ? std::optional<std::string>() : reason;
  c.last_update_status_reason_code = code.empty() ? std::optional<std::string>() : code;
}

}  // namespace

Result<void> check_package_type(const api::CreateFunctionRequest& input) {
  if (input.package_type.value_or("Zip") == "Image") {
    if (!input.code.image_uri) {
      return invalid_image("Please provide ImageUri when creating a function with packageType Image.");
    }
    if (input.code.zip_file || input.code.s3_bucket || input.code.s3_key) {
      return invalid_image("Please do not provide other FunctionCode parameters when providing an ImageUri.");
    }
    if (input.runtime || input.handler || (input.layers && !input.layers->empty())) {
      return invalid_image(
          "Please don't provide Handler or Runtime or Layer when the intended function PackageType is IMAGE.");
    }
    if (input.code_signing_config_arn) {
      return invalid_image("Code signing is not supported for functions created with container images.");
    }
    return {};
  }
  if (input.code.image_uri) {
    return invalid_image("Please don't provide ImageUri when creating a function with packageType Zip.");
  }
  if (input.image_config) {
    return invalid_image("Please don't provide ImageConfig when creating a function with packageType Zip.");
  }
  if (!input.runtime || !input.handler) {
    return invalid_image(
        "Runtime and Handler are mandatory parameters for functions created with deployment packages.");
  }
  return {};
}

Result<void> set_image_config(api::FunctionConfiguration& configuration, const api::ImageConfig& wanted) {
  if (configuration.package_type != "Image") {
    return invalid_image("Please don't provide ImageConfig when updating a function with packageType Zip.");
  }
  const bool empty = !wanted.entry_point && !wanted.command && !wanted.working_directory;
  configuration.image_config_response.reset();
  if (!empty) configuration.image_config_response.emplace().image_config = wanted;
  return {};
}

Result<void> check_idle(const VersionRow& row, const FunctionName& name) {
  const std::string now = "The operation cannot be performed at this time. ";
  if (row.configuration.state == "Pending") {
    return user_error(api::errors::kResourceConflictException,
                      now + "The function is currently in the following state: Pending");
  }
  if (row.configuration.last_update_status == "InProgress") {
    return user_error(api::errors::kResourceConflictException,
                      now + "An update is in progress for resource: " + name.arn());
  }
  return {};
}

void set_pending(VersionRow& row) {
  set_state(row.configuration, "Pending", "The function is being created.", "Creating");
}

void set_updated(VersionRow& row, const Package& package) {
  row.image_uri = package.image_uri;
  row.resolved_image_uri = package.resolved_image_uri;
  if (package.image_uri.empty()) return;
  set_state(row.configuration, "Active", "", "");
  set_update(row.configuration, "Successful", "", "");
}

/// The image that a URI means now. Whether it is unpacked here already, or is to be (`wait`: now).
Task<Lambda::ImageCode> Lambda::find_image(Call& call, std::string uri,
                                           std::optional<std::vector<std::string>> architectures, bool wait) {
  if (options_.images == nullptr) co_await fail(unsupported("PackageType Image"));
  const std::optional<images::Reference> reference = images::parse_reference(uri);
  if (!reference) co_await fail(invalid_image("Source image " + uri + " is not valid. Provide a valid source image."));
  images::Asker asker;
  asker.account = call.account();
  asker.region = call.region;
  const std::string architecture = architecture_of(architectures);
  Result<images::ResolvedImage> found = co_await attempt(options_.images->resolve(asker, *reference, architecture));
  if (!found) co_await fail(image_error(uri, found.error()));
  ImageCode code;
  code.package.sha = found->digest.substr(found->digest.find(':') + 1);
  code.package.sha_base64 = code.package.sha;  // CodeSha256 of images is hexadecimal.
  code.package.blob = make_image_blob(code.package.sha);
  code.package.image_uri = uri;
  code.package.resolved_image_uri = found->uri;
  code.architecture = architecture;
  code.held = options_.images->find(found->digest);
  if (!code.held && wait) {
    Result<images::HeldImage> held = co_await attempt(options_.images->fetch(asker, *found));
    if (!held) co_await fail(image_error(uri, held.error()));
    code.held = *held;
  }
  if (!code.held) code.pending = std::move(*found);
  co_return code;
}

PullRow Lambda::pull_of(const FunctionName& name, const ImageCode& code, bool update) const {
  PullRow pull;
  pull.name = name;
  pull.name.qualifier.reset();
  pull.id = random_id(16);
  pull.update = update;
  pull.uri = code.package.image_uri;
  pull.resolved_uri = code.package.resolved_image_uri;
  pull.blob = code.package.blob;
  pull.sha = code.package.sha;
  pull.architecture = code.architecture;
  return pull;
}

/// The function runs on its old image until the new one is here.
Task<api::FunctionConfiguration> Lambda::begin_image_update(FunctionName name, ImageCode code,
                                                            const api::UpdateFunctionCodeRequest& input) {
  const PullRow pull = pull_of(name, code, true);
  const bool dry = input.dry_run.value_or(false);
  const auto update = [&](Transaction& txn) -> Task<Configuration> {
    VersionRow row = co_await require_version(txn, name);
    co_await check_idle(row, name);
    if (input.revision_id && *input.revision_id != row.configuration.revision_id) {
      co_await fail(user_error(api::errors::kPreconditionFailedException,
                               "The Revision Id provided does not match the latest Revision Id. Call the "
                               "GetFunction/GetAlias API to retrieve the latest Revision Id"));
    }
    row.configuration.last_modified = last_modified();
    row.configuration.revision_id = uuid();
    set_update(row.configuration, "InProgress", "The function is being created.", "Creating");
    Configuration shown = row.configuration;
    set_package(shown, code.package);
    if (dry) co_return shown;
    put_pull(txn, pull);
    Store(name.account, name.region).put_version(txn, name.name, 0, row);
    co_return shown;
  };
  Configuration updated = co_await storage::transact(database_, update);
  if (!dry) begin_pull(pull, std::move(code.pending));
  co_return updated;
}

void Lambda::begin_pull(PullRow pull, std::optional<images::ResolvedImage> image) {
  cumulet::start(follow_pull(std::move(pull), std::move(image)), [](const Result<void>& done) {
    if (!done) log::error("what became of an image was not recorded", {{"why", done.error().message()}});
  });
}

Task<images::HeldImage> Lambda::pull_once(PullRow pull, std::optional<images::ResolvedImage> image) {
  images::Asker asker;
  asker.account = pull.name.account;
  asker.region = pull.name.region;
  if (!image) {
    const std::optional<images::Reference> reference = images::parse_reference(pull.resolved_uri);
    if (!reference) co_await fail(images::kInvalidImage, "The image's name is not valid.");
    image = co_await options_.images->resolve(asker, *reference, pull.architecture);
  }
  co_return co_await options_.images->fetch(asker, std::move(*image));
}

Task<void> Lambda::follow_pull(PullRow pull, std::optional<images::ResolvedImage> image) {
  Result<images::HeldImage> held = co_await attempt(pull_once(pull, image));
  for (int tries = 1; !held && held.error().is(images::kImageFailure) && tries < kPullTries; ++tries) {
    co_await sleep_for(std::chrono::seconds(tries));
    held = co_await attempt(pull_once(pull, std::nullopt));
  }
  if (!held) {
    log::warning("an image could not be fetched", {{"function", pull.name.arn()}, {"why", held.error().message()}});
  }
  std::string old_key;
  VersionRow old;
  bool meant = false;
  const Store store(pull.name.account, pull.name.region);
  const auto finish = [&](Transaction& txn) -> Task<void> {
    meant = false;
    old = VersionRow();
    const std::optional<PullRow> current = co_await find_pull(txn, pull.name);
    if (!current || current->id != pull.id) co_return;  // Deleted meanwhile, or there is a later one.
    meant = true;
    erase_pull(txn, pull.name);
    std::vector<VersionRow> versions = co_await store.list_versions(txn, pull.name.name, 0, 10'000);
    for (VersionRow& row : versions) {
      const std::uint64_t number = version_number(row.configuration.version.value_or("")).value_or(0);
      if (!pull.update && row.blob == pull.blob) {
        set_state(row.configuration, held ? "Active" : "Failed", held ? "" : held.error().message(),
                  held ? "" : held.error().code());
        set_update(row.configuration, held ? "Successful" : "Failed", held ? "" : held.error().message(),
                   held ? "" : held.error().code());
        store.put_version(txn, pull.name.name, number, row);
      }
      if (!pull.update || number != 0) continue;
      if (!held) {
        set_update(row.configuration, "Failed", held.error().message(), held.error().code());
        store.put_version(txn, pull.name.name, 0, row);
        continue;
      }
      old = row;
      old_key = engine_key(pull.name, row.configuration);
      const bool shared = std::any_of(versions.begin(), versions.end(), [&](const VersionRow& other) {
        return &other != &row && other.blob == row.blob;
      });
      if (!shared) erase_blob_name(txn, row.blob);
      row.blob = pull.blob;
      row.sha = pull.sha;
      Package package;
      package.sha_base64 = pull.sha;
      package.image_uri = pull.uri;
      package.resolved_image_uri = pull.resolved_uri;
      set_package(row.configuration, package);
      set_updated(row, package);
      row.configuration.architectures = std::vector<std::string>{pull.architecture};
      row.configuration.revision_id = uuid();
      store.put_version(txn, pull.name.name, 0, row);
    }
  };
  co_await storage::transact(database_, finish);
  if (held) (void)options_.images->find((*held)->digest);  // It is named now: what was forgotten meanwhile stays.
  if (!meant) co_await drop_code(pull.blob, pull.sha);
  if (!old.blob.empty()) {
    engine_.retire(old_key);
    co_await drop_code(old.blob, old.sha);
  }
  const std::lock_guard lock(mutex_);
  routes_.clear();
}

Task<void> Lambda::resume_pulls() {
  if (options_.images == nullptr) co_return;
  const auto read = [](Transaction& txn) -> Task<std::vector<PullRow>> { return list_pulls(txn); };
  const std::vector<PullRow> pulls = co_await storage::transact(database_, read);
  for (const PullRow& pull : pulls) begin_pull(pull, std::nullopt);
}

Task<bool> Lambda::names_image(std::string digest) {
  if (options_.runtime_has_image && options_.runtime_has_image(digest)) co_return true;
  const std::unique_ptr<Transaction> txn = database_.begin();
  co_return co_await find_image_name(*txn, digest.substr(digest.find(':') + 1));
}

/// A package that a version no longer has: it goes, unless another version has it.
Task<void> Lambda::drop_code(std::string blob, std::string sha) {
  if (!is_image_blob(blob)) {
    code_.forget(sha);
    (void)co_await attempt(blobs_.erase(blob));
    co_return;
  }
  const std::string digest = "sha256:" + sha;
  const images::HeldImage held = options_.images == nullptr ? nullptr : options_.images->find(digest);
  if (!held) co_return;
  if (co_await names_image(digest)) co_return;
  options_.images->forget(digest);
  // Whoever names it now holds it, and asks for it again after that: one of us sees the other.
  if (co_await names_image(digest)) (void)options_.images->find(digest);
}

/// Puts the image into what the engine runs.
Task<void> Lambda::use_image(compute::FunctionVersion& version, VersionRow row) {
  const Configuration& c = row.configuration;
  if (c.state == "Pending" || c.state == "Failed") {
    co_await fail(user_error(api::errors::kResourceConflictException,
                             "The operation cannot be performed at this time. The function is currently in the "
                             "following state: " +
                                 *c.state));
  }
  if (options_.images == nullptr) co_await fail(unsupported("PackageType Image"));
  images::HeldImage held = options_.images->find("sha256:" + row.sha);
  if (!held) {  // Somebody emptied the folder.
    PullRow again;
    again.name = FunctionName(version.account, version.region, version.name);
    again.resolved_uri = row.resolved_image_uri;
    again.architecture = architecture_of(c.architectures);
    held = co_await pull_once(std::move(again), std::nullopt);
  }
  auto image = std::make_shared<compute::FunctionImage>();
  image->root = held->path;
  image->entrypoint = held->config.entrypoint;
  image->command = held->config.command;
  image->working_directory = held->config.working_directory;
  image->environment = held->config.environment;
  if (c.image_config_response && c.image_config_response->image_config) {
    const api::ImageConfig& wanted = *c.image_config_response->image_config;
    if (wanted.entry_point && !wanted.entry_point->empty()) image->entrypoint = *wanted.entry_point;
    if (wanted.command && !wanted.command->empty()) image->command = *wanted.command;
    if (wanted.working_directory && !wanted.working_directory->empty()) {
      image->working_directory = *wanted.working_directory;
    }
  }
  if (!image->command.empty()) version.handler = image->command.front();
  version.holds.emplace_back(held, &held->path);
  version.image = std::move(image);
}

}  // namespace cumulet::lambda
