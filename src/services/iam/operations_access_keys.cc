#include <utility>

#include "access/principals.h"
#include "services/iam/common.h"
#include "services/iam/iam.h"

namespace cumulet::iam {
namespace {

constexpr std::size_t kKeysPerUser = 2;

Error no_such_key(const std::string& id) {
  return Error(api::errors::kNoSuchEntity, "The Access Key with id " + id + " cannot be found.");
}

/// Whose keys a request is about: those of a named user, or of the caller; an empty name is the account's root.
Task<std::string> owner_of_keys(storage::Transaction& txn, const wire::Call& call,
                                const std::optional<std::string>& user_name) {
  if (!user_name) {
    std::string own = co_await caller_user_name(call);
    co_return own;
  }
  const access::UserRow user = co_await require_user(txn, call.account(), *user_name);
  co_return user.name;
}

/// The key's row, when it is that user's.
Task<access::AccessKeyRow> require_key(storage::Transaction& txn, std::string account, std::string user_name,
                                       std::string id) {
  const std::optional<std::string> bytes = co_await txn.get(access::access_key_key(id));
  if (!bytes) co_return no_such_key(id);
  access::AccessKeyRow key = co_await access::decode_access_key(id, *bytes);
  if (key.account != account || key.user_name != user_name) co_return no_such_key(id);
  co_return key;
}

}  // namespace

void Iam::register_access_keys() {
  on<api::CreateAccessKey>(&Iam::create_access_key);
  on<api::ListAccessKeys>(&Iam::list_access_keys);
  on<api::UpdateAccessKey>(&Iam::update_access_key);
  on<api::DeleteAccessKey>(&Iam::delete_access_key);
}

Iam::Out<api::CreateAccessKey> Iam::create_access_key(Transaction& txn, Call& call,
                                                      const api::CreateAccessKeyRequest& input) {
  const std::string owner = co_await owner_of_keys(txn, call, input.user_name);
  const std::vector<storage::KeyValue> existing =
      co_await read_all_rows(txn, user_access_keys_prefix(call.account(), owner), kKeysPerUser);
  if (existing.size() >= kKeysPerUser)
    co_return Error(api::errors::kLimitExceeded, "Cannot exceed quota for AccessKeysPerUser: 2");

  access::AccessKeyRow key;
  key.id = access::unique_id("AKIA", 20);
  key.secret = access::new_secret();
  key.account = call.account();
  key.created = clock_.now_millis();
  if (owner.empty()) {
    key.user_id = call.account();
    key.user_arn = "arn:aws:iam::" + call.account() + ":root";
  } else {
    const access::UserRow user = co_await require_user(txn, call.account(), owner);
    key.user_name = user.name;
    key.user_id = user.id;
    key.user_arn = user.arn(call.account());
  }
  txn.put(access::access_key_key(key.id), access::encode(key));
  txn.put(user_access_key_key(call.account(), owner, key.id), {});

  api::CreateAccessKeyResponse output;
  output.access_key.user_name = owner;
  output.access_key.access_key_id = key.id;
  output.access_key.status = "Active";
  output.access_key.secret_access_key = key.secret;
  output.access_key.create_date = from_millis(key.created);
  co_return output;
}

Iam::Out<api::ListAccessKeys> Iam::list_access_keys(Transaction& txn, Call& call,
                                                    const api::ListAccessKeysRequest& input) {
  const std::string owner = co_await owner_of_keys(txn, call, input.user_name);
  const std::string prefix = user_access_keys_prefix(call.account(), owner);
  const Page page = co_await read_page(txn, prefix, input.marker, input.max_items);
  api::ListAccessKeysResponse output;
  for (const storage::KeyValue& row : page.rows) {
    const access::AccessKeyRow key = co_await require_key(txn, call.account(), owner, name_in(row, prefix));
    api::AccessKeyMetadata metadata;
    if (!owner.empty()) metadata.user_name = owner;
    metadata.access_key_id = key.id;
    metadata.status = key.active ? "Active" : "Inactive";
    metadata.create_date = from_millis(key.created);
    output.access_key_metadata.push_back(std::move(metadata));
  }
  output.is_truncated = page.marker.has_value();
  output.marker = page.marker;
  co_return output;
}

Iam::Out<api::UpdateAccessKey> Iam::update_access_key(Transaction& txn, Call& call,
                                                      const api::UpdateAccessKeyRequest& input) {
  const std::string owner = co_await owner_of_keys(txn, call, input.user_name);
  access::AccessKeyRow key = co_await require_key(txn, call.account(), owner, input.access_key_id);
  if (input.status != "Active" && input.status != "Inactive")
    co_return Error(errors::kValidationError, "The status " + input.status + " cannot be set on an access key.");
  key.active = input.status == "Active";
  txn.put(access::access_key_key(key.id), access::encode(key));
  co_return api::UpdateAccessKey::Output();
}

Iam::Out<api::DeleteAccessKey> Iam::delete_access_key(Transaction& txn, Call& call,
                                                      const api::DeleteAccessKeyRequest& input) {
  const std::string owner = co_await owner_of_keys(txn, call, input.user_name);
  const access::AccessKeyRow key = co_await require_key(txn, call.account(), owner, input.access_key_id);
  const std::string index = user_access_key_key(call.account(), owner, key.id);
  const std::optional<std::string> listed = co_await txn.get(index);
  // The key made at first start is not listed: it is how the owner of the data directory gets in.
  if (!listed)
    co_return Error(api::errors::kDeleteConflict, "The root credentials of the installation cannot be deleted.");
  txn.erase(access::access_key_key(key.id));
  txn.erase(index);
  co_return api::DeleteAccessKey::Output();
}

}  // namespace cumulet::iam
