#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zip.h>

#include "base/ids.h"
#include "base/run.h"
#include "services/lambda/lambda.h"
#include "storage/open.h"

namespace cumulet::lambda {

namespace api = wire::lambda;

/// A zip with these files (name → content); a name with '/' at its end is a folder.
inline std::string make_zip(const std::map<std::string, std::string>& files, zip_uint32_t mode = 0100644) {
  zip_error_t error;
  zip_source_t* source = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_source_keep(source);
  zip_t* archive = zip_open_from_source(source, ZIP_TRUNCATE, &error);
  for (const auto& [name, content] : files) {
    if (name.ends_with('/')) {
      zip_dir_add(archive, name.c_str(), ZIP_FL_ENC_UTF_8);
      continue;
    }
    zip_source_t* data = zip_source_buffer(archive, content.data(), content.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), data, ZIP_FL_ENC_UTF_8);
    zip_file_set_external_attributes(archive, static_cast<zip_uint64_t>(index), 0, ZIP_OPSYS_UNIX, mode << 16);
  }
  zip_close(archive);
  zip_source_open(source);
  zip_source_seek(source, 0, SEEK_END);
  std::string bytes(static_cast<std::size_t>(zip_source_tell(source)), '\0');
  zip_source_seek(source, 0, SEEK_SET);
  zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  zip_source_free(source);
  return bytes;
}

/// Answers invocations as it is told, and remembers them.
class FakeEngine final : public compute::Engine {
 public:
  Task<compute::InvocationResult> invoke(std::shared_ptr<const compute::FunctionVersion> version,
                                         compute::Invocation invocation, compute::Allowance allowance) override {
    versions.push_back(version);
    invocations.push_back(invocation);
    allowances.push_back(allowance);
    if (allowance.reserved == 0) {
      co_return Error("TooManyRequestsException", 429, "Rate Exceeded.")
          .with("Reason", "ReservedFunctionConcurrentInvocationLimitExceeded");
    }
    if (answer) co_return answer(invocation);
    compute::InvocationResult result;
    result.payload = invocation.payload;
    result.log_tail = "START\nEND\n";
    co_return result;
  }
  void retire(const std::string& key) override {
    retired.push_back(key);
    provisions.erase(key);
  }
  void provision(std::shared_ptr<const compute::FunctionVersion> version, std::uint32_t count) override {
    provisions[version->key] = count;
  }
  compute::ProvisionState provisioned(const std::string& key) const override {
    compute::ProvisionState state;
    const auto found = provisions.find(key);
    if (found != provisions.end()) state.ready = std::min(found->second, most_ready);
    return state;
  }
  Task<compute::SnapshotResult> make_snapshot(std::shared_ptr<const compute::FunctionVersion> version) override {
    snapshots.push_back(version);
    co_return snapshot;
  }
  compute::RuntimeStatus find_runtime(const std::string& identifier) override {
    compute::RuntimeStatus status;
    status.supported = identifier != "cobol";
    status.installed = identifier != "java25";
    status.detail = identifier == "python3.14" ? "Python 3.11 serves python3.14" : "apt-get install x";
    return status;
  }
  void drain(SteadyTime) override {}

  std::vector<std::shared_ptr<const compute::FunctionVersion>> versions;
  std::vector<compute::Invocation> invocations;
  std::vector<compute::Allowance> allowances;
  std::vector<std::string> retired;
  std::map<std::string, std::uint32_t> provisions;
  std::uint32_t most_ready = 1000;
  std::vector<std::shared_ptr<const compute::FunctionVersion>> snapshots;
  compute::SnapshotResult snapshot;  ///< How the next one ends.
  std::function<Result<compute::InvocationResult>(const compute::Invocation&)> answer;
};

/// Keeps what is recorded.
class FakeOutbox final : public events::Outbox {
 public:
  void record(storage::Transaction&, events::Event event) override {
    if (event.id.empty()) event.id = uuid();
    recorded.push_back(std::move(event));
  }
  void register_target(std::string, events::Target&) override {}
  void start(Loop&) override {}
  void clock_moved() override {}
  void drain(SteadyTime) override {}
  std::vector<events::Event> recorded;
};

class LambdaTest : public testing::Test {
 protected:
  LambdaTest() {
    auto opened = storage::open_blob_files(folder / "blobs", pool);
    EXPECT_TRUE(opened.ok());
    blobs = std::move(*opened);
    restart();
  }
  ~LambdaTest() override {
    lambda.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  void restart() {
    Options options;
    options.code = folder / "code";
    options.read_object = [this](std::string, std::string, std::string bucket, std::string key,
                                 std::string) -> Task<std::string> { return read_object(bucket, key); };
    options.credentials_for_role = [](std::string, std::string) -> Task<compute::Credentials> {
      co_return compute::Credentials();
    };
    options.services = &services;
    options.may_assume = [](std::string role) -> Task<bool> { co_return !role.ends_with("/other"); };
    lambda = std::make_unique<Lambda>(*database, *blobs, engine, outbox, pool, clock, std::move(options));
  }
  Task<std::string> read_object(std::string bucket, std::string key) {
    const auto found = objects.find(bucket + "/" + key);
    if (found == objects.end()) co_return Error("NoSuchKey", 404, "The specified key does not exist.");
    co_return found->second;
  }

  template <typename Operation>
  Result<typename Operation::Output> call(const typename Operation::Input& input) {
    http = net::Request();
    http.body = std::make_unique<StringBody>("");
    wire::Call c(http);
    c.request_id = uuid();
    c.region = "us-east-1";
    c.caller.account = "000000000000";
    c.time = clock.now();
    c.endpoint = "http://127.0.0.1:4566";
    typename Operation::Output output;
    typename Operation::Input copy = input;
    const wire::Service::Operate* operate = lambda->service().find(Operation::model().name);
    EXPECT_NE(operate, nullptr);
    const Result<void> done = cumulet::run((*operate)(c, &copy, &output));
    reply_headers = c.reply_headers;
    if (!done) return done.error();
    return output;
  }

  api::CreateFunctionRequest function(const std::string& name) {
    api::CreateFunctionRequest input;
    input.function_name = name;
    input.runtime = "python3.11";
    input.role = "arn:aws:iam::000000000000:role/r";
    input.handler = "app.handler";
    input.code.zip_file = make_zip({{"app.py", "def handler(e, c): return e\n"}});
    return input;
  }
  api::FunctionConfiguration create(const std::string& name) {
    auto created = call<api::CreateFunction>(function(name));
    EXPECT_TRUE(created.ok()) << (created.ok() ? "" : created.error().message());
    return created.ok() ? *created : api::FunctionConfiguration();
  }
  Result<api::InvocationResponse> invoke(const std::string& name, const std::string& payload = "{}",
                                         const std::string& type = "RequestResponse") {
    api::InvocationRequest input;
    input.function_name = name;
    input.payload = payload;
    input.invocation_type = type;
    return call<api::Invoke>(input);
  }

  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("cumulet-lambda-" + random_id(10));
  ManualClock clock{Timestamp(std::chrono::microseconds(1'795'000'000'123'456))};
  ThreadPool pool{1};
  std::unique_ptr<storage::Database> database = storage::open_memory();
  std::unique_ptr<storage::BlobStore> blobs;
  FakeEngine engine;
  FakeOutbox outbox;
  wire::Directory services;
  std::map<std::string, std::string> objects;
  std::unique_ptr<Lambda> lambda;
  net::Request http;
  net::Headers reply_headers;
};

#define EXPECT_CODE(result, expected)         \
  do {                                        \
    const auto& r_ = (result);                \
    ASSERT_FALSE(r_.ok()) << "it succeeded";  \
    EXPECT_EQ(r_.error().code(), (expected)); \
  } while (false)

}  // namespace cumulet::lambda
