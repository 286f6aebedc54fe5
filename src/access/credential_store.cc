#include "access/credential_store.h"

#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include "access/authenticate.h"
#include "access/policy.h"
#include "access/root_file.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::access {
namespace {

std::string root_key() { return storage::Key("access").text("root").bytes(); }

struct RootRow {
  RootCredentials root;
  std::string server_secret;
};

std::string encode_root(const RootRow& row) {
  storage::RowWriter writer;
  writer.text(row.root.account).text(row.root.access_key_id).text(row.root.secret_access_key).text(row.server_secret);
  return std::move(writer).bytes();
}

Result<RootRow> decode_root(std::string_view bytes) {
  storage::RowReader reader(bytes);
  RootRow row;
  row.root.account = reader.text();
  row.root.access_key_id = reader.text();
  row.root.secret_access_key = reader.text();
  row.server_secret = reader.text();
  if (!reader.ok() || row.server_secret.size() < 32)
    return Error(errors::kInternalFailure, "The stored root credentials cannot be read.");
  return row;
}

std::string new_account_id() { return random_text(1, "123456789") + random_text(11, "0123456789"); }

}  // namespace

/// Access keys by id. A generation tells a reader that the row it read may have changed meanwhile.
struct CredentialStore::Cache {
  static constexpr std::size_t kCapacity = 20'000;

  std::optional<Credential> find(const std::string& id) const {
    std::shared_lock lock(mutex);
    const auto found = entries.find(id);
    if (found == entries.end()) return std::nullopt;
    return found->second;
  }
  std::uint64_t current_generation() const {
    std::shared_lock lock(mutex);
    return generation;
  }
  void insert(const std::string& id, const Credential& credential, std::uint64_t read_in) {
    std::unique_lock lock(mutex);
    if (generation != read_in) return;
    if (entries.size() >= kCapacity) entries.clear();
    entries.insert_or_assign(id, credential);
  }
  void forget(std::string_view key) {
    storage::KeyReader reader(key);
    reader.text();
    reader.text();
    const std::optional<std::string> id = reader.text();
    std::unique_lock lock(mutex);
    ++generation;
    if (id) {
      entries.erase(*id);
    } else {
      entries.clear();
    }
  }

  mutable std::shared_mutex mutex;
  std::uint64_t generation = 0;
  std::unordered_map<std::string, Credential> entries;
};

CredentialStore::CredentialStore(storage::Database& database, const Clock& clock, Options options)
    : database_(database), clock_(clock), options_(std::move(options)), cache_(std::make_shared<Cache>()) {
  database_.on_commit(access_keys_prefix(), [cache = cache_](std::string_view key) { cache->forget(key); });
}

CredentialStore::~CredentialStore() = default;

Task<RootCredentials> CredentialStore::open() {
  root_ = co_await load_or_create();
  if (!options_.account_id.empty() && options_.account_id != root_.account) {
    co_return Error("Configuration", 500,
                    "The data directory belongs to account " + root_.account + ", not to " + options_.account_id + ".");
  }
  if (!options_.root_file.empty()) {
    const std::optional<RootCredentials> written = co_await read_root_file(options_.root_file);
    if (!written || written->access_key_id != root_.access_key_id ||
        written->secret_access_key != root_.secret_access_key || written->account != root_.account)
      co_await write_root_file(options_.root_file, root_);
  }
  co_return root_;
}

Task<RootCredentials> CredentialStore::load_or_create() {
  CredentialStore* const self = this;
  auto body = [self](storage::Transaction& transaction) { return self->create(transaction); };
  co_return co_await storage::transact(database_, std::move(body));
}

Task<RootCredentials> CredentialStore::create(storage::Transaction& transaction) {
  const std::optional<std::string> stored = co_await transaction.get(root_key());
  RootRow row;
  if (stored) {
    row = co_await decode_root(*stored);
  } else {
    if (!options_.root_file.empty()) {
      std::optional<RootCredentials> preset = co_await read_root_file(options_.root_file);
      if (preset) row.root = std::move(*preset);
    }
    if (row.root.account.empty())
      row.root.account = options_.account_id.empty() ? new_account_id() : options_.account_id;
    if (row.root.access_key_id.empty()) {
      row.root.access_key_id = unique_id("AKIA", 20);
      row.root.secret_access_key = new_secret();
    }
    row.server_secret = random_bytes(32);
    transaction.put(root_key(), encode_root(row));

    AccessKeyRow key;
    key.id = row.root.access_key_id;
    key.secret = row.root.secret_access_key;
    key.account = row.root.account;
    key.user_id = row.root.account;
    key.user_arn = root_caller(row.root.account).arn;
    key.created = clock_.now_millis();
    transaction.put(access_key_key(key.id), encode(key));
  }
  tokens_ = std::make_unique<SessionTokens>(row.server_secret);
  co_return row.root;
}

Task<std::optional<Credential>> CredentialStore::find(std::string access_key_id, std::string session_token) {
  if (!session_token.empty()) co_return tokens_->open(access_key_id, session_token);
  if (access_key_id.size() > 128) co_return std::optional<Credential>();
  if (std::optional<Credential> cached = cache_->find(access_key_id)) co_return cached;

  const std::uint64_t generation = cache_->current_generation();
  const std::unique_ptr<storage::Transaction> transaction = database_.begin();
  const std::optional<std::string> bytes = co_await transaction->get(access_key_key(access_key_id));
  if (!bytes) co_return std::optional<Credential>();
  const AccessKeyRow row = co_await decode_access_key(access_key_id, *bytes);
  Credential credential;
  credential.secret_access_key = row.secret;
  credential.active = row.active;
  credential.caller.account = row.account;
  credential.caller.arn = row.user_arn;
  credential.caller.unique_id = row.user_id;
  credential.caller.access_key_id = row.id;
  cache_->insert(access_key_id, credential, generation);
  co_return std::optional<Credential>(std::move(credential));
}

TemporaryCredentials CredentialStore::issue(const wire::Caller& caller, std::chrono::seconds duration) const {
  return tokens_->issue(caller, clock_.now() + duration);
}

Task<std::optional<RoleRow>> CredentialStore::role_of(RoleName name) {
  const std::unique_ptr<storage::Transaction> transaction = database_.begin();
  co_return co_await find_role(*transaction, std::move(name.account), std::move(name.name));
}

Task<TemporaryCredentials> CredentialStore::credentials_for_role(std::string role_arn, std::string session_name,
                                                                 std::chrono::seconds duration) {
  const std::optional<RoleName> name = parse_role_arn(role_arn);
  if (!name) co_return Error(errors::kValidationError, role_arn + " is invalid");
  const std::optional<RoleRow> role = co_await role_of(*name);
  if (!role && options_.roles_must_exist)
    co_return Error("NoSuchEntity", 404, "The role with name " + name->name + " cannot be found.");
  // A role that only its ARN knows has an id that stays the same for it.
  std::string id = role ? role->id : "AROA" + to_upper(hex_encode(sha256(role_arn))).substr(0, 17);
  const wire::Caller session = role_session(name->account, role ? role->name : name->name, id, session_name);
  co_return issue(session, duration);
}

Task<bool> CredentialStore::service_may_assume(std::string role_arn, std::string service_principal) {
  const std::optional<RoleName> name = parse_role_arn(role_arn);
  if (!name) co_return false;
  const std::optional<RoleRow> role = co_await role_of(*name);
  if (!role) co_return !options_.roles_must_exist;
  const Result<Policy> policy = parse_policy(role->trust_policy, PolicyKind::kTrust);
  if (!policy) co_return false;
  Question question;
  question.service_principal = std::move(service_principal);
  question.action = "sts:AssumeRole";
  co_return evaluate(*policy, question) == Decision::kAllow;
}

wire::Caller role_session(const std::string& account, const std::string& role_name, const std::string& role_id,
                          const std::string& session_name) {
  wire::Caller caller;
  caller.account = account;
  caller.arn = "arn:aws:sts::" + account + ":assumed-role/" + role_name + "/" + session_name;
  caller.unique_id = role_id + ":" + session_name;
  return caller;
}

}  // namespace cumulet::access
