#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/ids.h"
#include "compute/engine.h"
#include "compute/sandbox.h"
#include "tests/unit/compute/engine_fake_substrate.h"

namespace cumulet::compute {

/// A substrate's directory, removed when the tests end; file by file, as nothing of the host may be mounted in it then.
struct SubstrateDirectory {
  ~SubstrateDirectory() {
    std::error_code ignored;
    for (const char* name : {"lock", "roots"}) std::filesystem::remove(path / name, ignored);
    std::filesystem::remove(path, ignored);
  }
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("cumulet-substrate-" + random_id(8));
};

/// The process sandbox where the host can make one; else plain processes.
inline std::unique_ptr<Substrate> make_test_substrate() {
  if (std::getenv("CUMULET_TEST_FAKE_SUBSTRATE") == nullptr) {
    static std::deque<SubstrateDirectory> directories;
    auto real = make_process_substrate(directories.emplace_back().path);
    if (real) return std::move(real).value();
  }
  return make_fake_substrate();
}

/// An engine on real loops with a substrate given, and functions written into a fresh directory.
class EngineFixture {
 public:
  explicit EngineFixture(std::unique_ptr<Substrate> substrate, EngineOptions options = {}, std::size_t loops = 2)
      : folder_(std::filesystem::temp_directory_path() / ("cumulet-engine-" + random_id(10))),
        loops_(loops),
        server_(loops_, [](net::Request&) -> Task<net::Response> { co_return net::Response(404); }) {
    std::filesystem::create_directories(folder_);
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
    loops_.run();
    sandboxes_wait_ = substrate->traits({}).waits;
    options.runtimes = std::filesystem::path(CUMULET_SOURCE_DIR) / "runtimes";
    options.state = folder_ / "state";
    EngineHooks hooks;
    hooks.credentials = [](const FunctionVersion&) -> Task<Credentials> {
      Credentials credentials;
      credentials.access_key_id = "ASIAEXAMPLE";
      credentials.secret_access_key = "secret";
      credentials.session_token = "token";
      co_return credentials;
    };
    hooks.log = [this](const FunctionVersion&, const std::string& stream, std::vector<LogLine> lines) {
      const std::lock_guard lock(mutex_);
      for (LogLine& line : lines) log_[stream].push_back(std::move(line.message));
      logged_.notify_all();
    };
    hooks.platform = [this](net::Request& request) -> Task<net::Response> { return answer(request); };
    auto engine = make_engine(loops_, server_, std::move(substrate), clock_, std::move(hooks), std::move(options));
    EXPECT_TRUE(engine.ok()) << (engine.ok() ? "" : engine.error().message());
    engine_ = std::move(engine).value();
  }
  ~EngineFixture() {
    engine_->drain(std::chrono::steady_clock::now() + std::chrono::seconds(5));
    server_.drain(std::chrono::steady_clock::now() + std::chrono::seconds(1));
    loops_.stop();
    engine_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  /// A function whose package is one file.
  std::shared_ptr<FunctionVersion> function(const std::string& runtime, const std::string& handler,
                                            const std::string& file, const std::string& text, bool executable = false) {
    auto version = std::make_shared<FunctionVersion>();
    version->key = random_id(16);
    version->account = "000000000000";
    version->region = "us-east-1";
    version->name = "f-" + version->key;
    version->version = "$LATEST";
    version->arn = "arn:aws:lambda:us-east-1:000000000000:function:" + version->name;
    version->runtime = runtime;
    version->handler = handler;
    version->log_group = "/aws/lambda/" + version->name;
    version->code = folder_ / version->key;
    std::filesystem::create_directories(version->code);
    if (!file.empty()) {
      std::ofstream(version->code / file) << text;
      std::filesystem::permissions(version->code / file, std::filesystem::perms(executable ? 0755 : 0644));
    }
    return version;
  }
  std::shared_ptr<FunctionVersion> python(const std::string& text, const std::string& handler = "app.handler") {
    return function("python3.11", handler, "app.py", text);
  }
  std::shared_ptr<FunctionVersion> node(const std::string& text, const std::string& file = "app.js") {
    return function("nodejs20.x", "app.handler", file, text);
  }

  std::future<Result<InvocationResult>> begin(std::shared_ptr<const FunctionVersion> version,
                                              std::string payload = "{}", std::int64_t reserved = -1,
                                              std::size_t loop = 0, bool tail = false,
                                              std::shared_ptr<ResponseStream> stream = nullptr,
                                              const std::string& tenant = {}) {
    auto promise = std::make_shared<std::promise<Result<InvocationResult>>>();
    Invocation invocation;
    invocation.request_id = uuid();
    invocation.payload = std::move(payload);
    invocation.invoked_arn = version->arn;
    invocation.tail = tail;
    invocation.tenant_id = tenant;
    invocation.stream = std::move(stream);
    loops_.at(loop).post([this, version, invocation, promise, reserved] {
      start(engine_->invoke(version, invocation, Allowance(reserved, taken_)),
            [promise](Result<InvocationResult> result) { promise->set_value(std::move(result)); });
    });
    return promise->get_future();
  }
  InvocationResult invoke(std::shared_ptr<const FunctionVersion> version, std::string payload = "{}",
                          std::size_t loop = 0, bool tail = false, const std::string& tenant = {}) {
    Result<InvocationResult> result = begin(version, std::move(payload), -1, loop, tail, nullptr, tenant).get();
    if (!result) {
      ADD_FAILURE() << result.error().code() << ": " << result.error().message();
      return {};
    }
    return std::move(result).value();
  }

  /// Waits until some line of the log contains `text`; all lines then.
  std::string wait_for_log(const std::string& text) {
    std::unique_lock lock(mutex_);
    std::string all;
    const bool found = logged_.wait_for(lock, std::chrono::seconds(10), [&] {
      all.clear();
      for (const auto& [stream, lines] : log_) {
        for (const std::string& line : lines) all += line + "\n";
      }
      return all.find(text) != std::string::npos;
    });
    EXPECT_TRUE(found) << "no \"" << text << "\" in:\n" << all;
    return all;
  }
  std::size_t log_streams() {
    const std::lock_guard lock(mutex_);
    return log_.size();
  }
  /// The platform: says the path, and how often it was asked.
  Task<net::Response> answer(net::Request& request) {
    co_return net::Response(200, "text/plain", "platform " + request.path + " " + std::to_string(++asked_));
  }
  Engine& engine() { return *engine_; }
  /// Whether its sandboxes can be built before their command is known.
  bool sandboxes_wait() const { return sandboxes_wait_; }
  /// How many sandboxes wait for a function, or are made to: what else is in the folder came with one.
  std::size_t parked() const { return parked_folders().size(); }
  std::set<std::filesystem::path> parked_folders() const {
    std::set<std::filesystem::path> folders;
    std::error_code gone;  // While we look.
    for (std::filesystem::directory_iterator at(folder_ / "state" / "parked", gone), end; !gone && at != end;
         at.increment(gone)) {
      const auto entries = std::distance(std::filesystem::directory_iterator(at->path() / "task", gone), {});
      if (entries == 1 && std::filesystem::is_empty(at->path() / "task" / "lib", gone)) folders.insert(at->path());
    }
    return folders;
  }
  /// Of the account's concurrency, so much is reserved for others from now on.
  void take_concurrency(std::int64_t taken) { taken_ = taken; }
  Loop& loop(std::size_t index) { return loops_.at(index); }

 private:
  std::filesystem::path folder_;
  bool sandboxes_wait_ = false;
  SystemClock clock_;
  net::Loops loops_;
  net::Server server_;
  std::atomic<int> asked_{0};
  std::atomic<std::int64_t> taken_{0};
  std::mutex mutex_;
  std::condition_variable logged_;
  std::map<std::string, std::vector<std::string>> log_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace cumulet::compute
