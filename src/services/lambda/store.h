#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/database.h"
#include "wire/generated/lambda.h"

namespace cumulet::lambda {

/// What all versions of a function share.
struct FunctionRow {
  std::string name;
  std::uint64_t next_version = 1;
  std::int64_t reserved = -1;  ///< Reserved concurrency; negative: none.
  std::map<std::string, std::string> tags;
  std::string recursive_loop;  ///< "Allow", or "Terminate" (also when empty).
};

/// One version; "$LATEST" is one that changes.
struct VersionRow {
  wire::lambda::FunctionConfiguration configuration;
  std::string blob;          ///< The package as it was uploaded.
  std::string sha;           ///< Of the package, in hexadecimal: names the folder where it lies unpacked.
  std::string published_of;  ///< Revision of $LATEST from which the version was made.
  std::string image_uri;     ///< Of container images; then `sha` is that of the image's manifest.
  std::string resolved_image_uri;
};

struct LayerRow {
  wire::lambda::GetLayerVersionResponse description;
  std::string blob;
  std::string sha;
};

struct UrlRow {
  wire::lambda::FunctionUrlConfig config;
  std::string id;         ///< The first label of its host.
  std::string name;       ///< Of the function.
  std::string qualifier;  ///< An alias, or empty.
};

/// Where a function URL leads.
struct UrlTarget {
  std::string account;
  std::string region;
  std::string name;
  std::string qualifier;
};

/// The keys of one account and region. Layout, all below ("lambda", account, region):
///   ("f", name)                     function row
///   ("v", name, number)             version row; 0 is $LATEST
///   ("a", name, alias)              alias
///   ("p", name, qualifier)          policy: statement id → statement
///   ("e", name, qualifier)          event invoke configuration
///   ("u", name, qualifier)          function URL
///   ("l", layer, version)           layer version;  ("n", layer) the last number given
///   ("s", name)                     the ARN of a function's code signing configuration;  ("c", id) a configuration
///   ("d", layer, version)           deleted layer version: functions that were made with it keep it
/// and beside them ("lambda-url", id) → where it leads, and ("lambda-blob", blob) for each package.
class Store {
 public:
  Store(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}
  const std::string& account() const { return account_; }
  const std::string& region() const { return region_; }

  Task<std::optional<FunctionRow>> find_function(storage::Transaction& txn, std::string name) const;
  void put_function(storage::Transaction& txn, const FunctionRow& row) const;
  Task<std::vector<FunctionRow>> list_functions(storage::Transaction& txn, std::string after, std::size_t limit) const;
  /// Erases the function and everything of it (the packages' blobs must be erased after the commit; gives their ids).
  Task<std::vector<std::string>> erase_function(storage::Transaction& txn, std::string name) const;

  Task<std::optional<VersionRow>> find_version(storage::Transaction& txn, std::string name, std::uint64_t number) const;
  void put_version(storage::Transaction& txn, const std::string& name, std::uint64_t number,
                   const VersionRow& row) const;
  void erase_version(storage::Transaction& txn, const std::string& name, std::uint64_t number) const;
  Task<std::vector<VersionRow>> list_versions(storage::Transaction& txn, std::string name, std::uint64_t from,
                                              std::size_t limit) const;

  Task<std::optional<wire::lambda::AliasConfiguration>> find_alias(storage::Transaction& txn, std::string name,
                                                                   std::string alias) const;
  void put_alias(storage::Transaction& txn, const std::string& name, const wire::lambda::AliasConfiguration& row) const;
  void erase_alias(storage::Transaction& txn, const std::string& name, const std::string& alias) const;
  Task<std::vector<wire::lambda::AliasConfiguration>> list_aliases(storage::Transaction& txn, std::string name,
                                                                   std::string after, std::size_t limit) const;

  Task<std::map<std::string, std::string>> find_policy(storage::Transaction& txn, std::string name,
                                                       std::string qualifier) const;
  void put_policy(storage::Transaction& txn, const std::string& name, const std::string& qualifier,
                  const std::map<std::string, std::string>& statements) const;

  Task<std::optional<wire::lambda::FunctionEventInvokeConfig>> find_event_config(storage::Transaction& txn,
                                                                                 std::string name,
                                                                                 std::string qualifier) const;
  void put_event_config(storage::Transaction& txn, const std::string& name, const std::string& qualifier,
                        const wire::lambda::FunctionEventInvokeConfig& config) const;
  void erase_event_config(storage::Transaction& txn, const std::string& name, const std::string& qualifier) const;
  Task<std::vector<wire::lambda::FunctionEventInvokeConfig>> list_event_configs(storage::Transaction& txn,
                                                                                std::string name) const;

  Task<std::optional<UrlRow>> find_url(storage::Transaction& txn, std::string name, std::string qualifier) const;
  void put_url(storage::Transaction& txn, const UrlRow& row) const;
  void erase_url(storage::Transaction& txn, const UrlRow& row) const;
  Task<std::vector<UrlRow>> list_urls(storage::Transaction& txn, std::string name) const;

  /// The ARN of a function's code signing configuration; empty: none.
  Task<std::string> find_signing(storage::Transaction& txn, std::string name) const;
  void put_signing(storage::Transaction& txn, const std::string& name, const std::string& arn) const;
  /// Names of functions with that configuration, after `after`.
  Task<std::vector<std::string>> list_signed_functions(storage::Transaction& txn, std::string arn, std::string after,
                                                       std::size_t limit) const;
  Task<std::optional<wire::lambda::CodeSigningConfig>> find_signing_config(storage::Transaction& txn,
                                                                           std::string id) const;
  void put_signing_config(storage::Transaction& txn, const wire::lambda::CodeSigningConfig& config) const;
  void erase_signing_config(storage::Transaction& txn, const std::string& id) const;
  Task<std::vector<wire::lambda::CodeSigningConfig>> list_signing_configs(storage::Transaction& txn, std::string after,
                                                                          std::size_t limit) const;

  Task<std::optional<LayerRow>> find_layer(storage::Transaction& txn, std::string layer, std::int64_t version) const;
  void put_layer(storage::Transaction& txn, const std::string& layer, const LayerRow& row) const;
  /// No longer shown, but still there for `find_used_layer`.
  void hide_layer(storage::Transaction& txn, const std::string& layer, std::int64_t version, const LayerRow& row) const;
  Task<std::optional<LayerRow>> find_used_layer(storage::Transaction& txn, std::string layer,
                                                std::int64_t version) const;
  /// A layer version that is deleted, but still there.
  Task<std::optional<LayerRow>> find_hidden_layer(storage::Transaction& txn, std::string layer,
                                                  std::int64_t version) const;
  /// For good, with the name of its package.
  void erase_hidden_layer(storage::Transaction& txn, const std::string& layer, std::int64_t version,
                          const LayerRow& row) const;
  Task<std::uint64_t> last_layer_version(storage::Transaction& txn, std::string layer) const;
  /// Layer versions after (layer, version), in order.
  Task<std::vector<LayerRow>> list_layers(storage::Transaction& txn, std::string layer, std::size_t limit) const;

 private:
  std::string account_;
  std::string region_;
};

Task<std::optional<UrlTarget>> find_url_target(storage::Transaction& txn, std::string id);
void put_blob_name(storage::Transaction& txn, const std::string& blob);
void erase_blob_name(storage::Transaction& txn, const std::string& blob);
Task<bool> find_blob_name(storage::Transaction& txn, std::string blob);

/// A resource policy of these statements, as GetPolicy shows it.
std::string policy_document(const std::map<std::string, std::string>& statements);
/// The revision of a resource policy: another one whenever its statements are others.
std::string policy_revision(const std::map<std::string, std::string>& statements);

/// "$LATEST" → 0, "12" → 12; nullopt for an alias.
std::optional<std::uint64_t> version_number(const std::string& qualifier);

}  // namespace cumulet::lambda
