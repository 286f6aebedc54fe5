#include "access/credential_store.h"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/run.h"
#include "storage/open.h"

namespace cumulet::access {
namespace {

using namespace std::chrono_literals;

class CredentialStoreTest : public testing::Test {
 protected:
  CredentialStoreTest() {
    std::string pattern = testing::TempDir() + "credentialsXXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~CredentialStoreTest() override { std::filesystem::remove_all(directory_); }

  CredentialStore::Options options(std::string account = {}) const {
    CredentialStore::Options options;
    options.account_id = std::move(account);
    options.root_file = directory_ / "root-credentials";
    return options;
  }
  std::unique_ptr<CredentialStore> open(CredentialStore::Options options) {
    auto store = std::make_unique<CredentialStore>(*database_, clock_, std::move(options));
    const Result<RootCredentials> root = run(store->open());
    EXPECT_TRUE(root.ok()) << (root ? "" : root.error().message());
    if (root) root_ = *root;
    return store;
  }
  void put_role(const std::string& trust) {
    RoleRow role;
    role.name = "Worker";
    role.id = "AROAAAAAAAAAAAAAAAAAA";
    role.path = "/";
    role.trust_policy = trust;
    std::unique_ptr<storage::Transaction> transaction = database_->begin();
    transaction->put(role_key("123456789012", "Worker"), encode(role));
    ASSERT_TRUE(run(transaction->commit()).ok());
  }
  void put_key(const AccessKeyRow& row) {
    std::unique_ptr<storage::Transaction> transaction = database_->begin();
    transaction->put(access_key_key(row.id), encode(row));
    ASSERT_TRUE(run(transaction->commit()).ok());
  }
  std::optional<Credential> find(CredentialStore& store, const std::string& id, const std::string& token = {}) {
    Result<std::optional<Credential>> found = run(store.find(id, token));
    EXPECT_TRUE(found.ok());
    return found ? std::move(found).value() : std::nullopt;
  }

  std::filesystem::path directory_;
  std::unique_ptr<storage::Database> database_ = storage::open_memory();
  ManualClock clock_{Timestamp(1'767'225'600s)};
  RootCredentials root_;
};

TEST_F(CredentialStoreTest, FirstStartMakesRootAndKeepsIt) {
  const auto store = open(options());
  const RootCredentials first = root_;
  EXPECT_EQ(first.account.size(), 12u);
  EXPECT_EQ(first.access_key_id.size(), 20u);
  EXPECT_TRUE(first.access_key_id.starts_with("AKIA"));
  EXPECT_EQ(first.secret_access_key.size(), 40u);

  const std::optional<Credential> found = find(*store, first.access_key_id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->secret_access_key, first.secret_access_key);
  EXPECT_EQ(found->caller.arn, "arn:aws:iam::" + first.account + ":root");

  open(options());
  EXPECT_EQ(root_.access_key_id, first.access_key_id);
  EXPECT_EQ(root_.secret_access_key, first.secret_access_key);
}

TEST_F(CredentialStoreTest, RootFileIsPrivateAndComesBackWhenLost) {
  const auto file = directory_ / "root-credentials";
  open(options("123456789012"));
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const Result<std::optional<RootCredentials>> read = read_root_file(file);
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ((*read)->account, "123456789012");
  EXPECT_EQ((*read)->secret_access_key, root_.secret_access_key);

  std::filesystem::remove(file);
  open(options("123456789012"));
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(CredentialStoreTest, RootFilePresetsTheKeys) {
  std::ofstream(directory_ / "root-credentials")
      << "# ours\nAWS_ACCOUNT_ID=210987654321\nAWS_ACCESS_KEY_ID=mine\nAWS_SECRET_ACCESS_KEY=secret\n";
  const auto store = open(options());
  EXPECT_EQ(root_.account, "210987654321");
  EXPECT_EQ(find(*store, "mine")->secret_access_key, "secret");
}

TEST_F(CredentialStoreTest, AnotherAccountIsRefused) {
  open(options("123456789012"));
  CredentialStore other(*database_, clock_, options("999999999999"));
  const Result<RootCredentials> root = run(other.open());
  ASSERT_FALSE(root.ok());
  EXPECT_EQ(root.error().code(), "Configuration");
}

TEST_F(CredentialStoreTest, CacheForgetsWhatACommitChanges) {
  const auto store = open(options("123456789012"));
  EXPECT_FALSE(find(*store, "AKIAUSER"));
  AccessKeyRow key;
  key.id = "AKIAUSER";
  key.secret = "one";
  key.account = "123456789012";
  key.user_arn = "arn:aws:iam::123456789012:user/alice";
  put_key(key);
  EXPECT_EQ(find(*store, "AKIAUSER")->secret_access_key, "one");
  key.active = false;
  put_key(key);
  EXPECT_FALSE(find(*store, "AKIAUSER")->active);
  std::unique_ptr<storage::Transaction> transaction = database_->begin();
  transaction->erase(access_key_key("AKIAUSER"));
  ASSERT_TRUE(run(transaction->commit()).ok());
  EXPECT_FALSE(find(*store, "AKIAUSER"));
}

TEST_F(CredentialStoreTest, RoleCredentialsStandForTheSession) {
  const auto store = open(options("123456789012"));
  put_role("{}");
  const Result<TemporaryCredentials> issued =
      run(store->credentials_for_role("arn:aws:iam::123456789012:role/worker", "fn", 1h));
  ASSERT_TRUE(issued.ok()) << issued.error().message();
  EXPECT_TRUE(issued->access_key_id.starts_with("ASIA"));
  EXPECT_EQ(issued->secret_access_key.size(), 40u);
  EXPECT_EQ(issued->expiration, clock_.now() + 1h);

  const std::optional<Credential> found = find(*store, issued->access_key_id, issued->session_token);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->secret_access_key, issued->secret_access_key);
  EXPECT_EQ(found->caller.arn, "arn:aws:sts::123456789012:assumed-role/Worker/fn");
  EXPECT_EQ(found->caller.unique_id, "AROAAAAAAAAAAAAAAAAAA:fn");
  EXPECT_EQ(found->expires, issued->expiration);

  EXPECT_FALSE(find(*store, "ASIAOTHER", issued->session_token));
  EXPECT_FALSE(find(*store, issued->access_key_id));
  for (const std::size_t at : {std::size_t{0}, issued->session_token.size() / 2, issued->session_token.size() - 3}) {
    std::string damaged = issued->session_token;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(find(*store, issued->access_key_id, damaged)) << at;
  }
}

TEST_F(CredentialStoreTest, TokensOutliveARestart) {
  const auto store = open(options("123456789012"));
  put_role("{}");
  const auto issued = run(store->credentials_for_role("arn:aws:iam::123456789012:role/Worker", "fn"));
  const auto again = open(options("123456789012"));
  EXPECT_TRUE(find(*again, issued->access_key_id, issued->session_token));
}

TEST_F(CredentialStoreTest, UnknownRolesFailUnlessLenient) {
  const std::string arn = "arn:aws:iam::123456789012:role/nobody";
  const auto strict = open(options("123456789012"));
  EXPECT_EQ(run(strict->credentials_for_role(arn, "fn")).error().code(), "NoSuchEntity");
  EXPECT_FALSE(*run(strict->service_may_assume(arn, "lambda.amazonaws.com")));
  CredentialStore::Options lenient_options = options("123456789012");
  lenient_options.roles_must_exist = false;
  const auto lenient = open(lenient_options);
  EXPECT_EQ(run(lenient->credentials_for_role(arn, "fn"))->caller_arn,
            "arn:aws:sts::123456789012:assumed-role/nobody/fn");
  EXPECT_TRUE(*run(lenient->service_may_assume(arn, "lambda.amazonaws.com")));
}

TEST_F(CredentialStoreTest, TrustPolicySaysWhichServiceMayAssume) {
  const auto store = open(options("123456789012"));
  put_role(
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]})");
  const std::string arn = "arn:aws:iam::123456789012:role/Worker";
  EXPECT_TRUE(*run(store->service_may_assume(arn, "lambda.amazonaws.com")));
  EXPECT_FALSE(*run(store->service_may_assume(arn, "events.amazonaws.com")));
}

}  // namespace
}  // namespace cumulet::access
