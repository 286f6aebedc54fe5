#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deferred.h"
#include "compute/engine.h"
#include "compute/extensions/telemetry.h"
#include "compute/sandbox.h"
#include "net/http.h"

namespace cumulet::compute {

/// The environment that the extensions belong to, as they see it.
class ExtensionsOwner {
 public:
  virtual ~ExtensionsOwner() = default;
  /// One registered, or asked for its next event.
  virtual void extensions_progressed() = 0;
  /// One failed so that the environment cannot go on. `message` is what stands behind "Error: ".
  virtual void extension_failed(const std::string& type, const std::string& message) = 0;
  /// The runtime, which the extension host started, has ended.
  virtual void runtime_ended(SandboxExit how) = 0;
  virtual void runtime_not_started(const std::string& why) = 0;
  virtual void extension_printed(std::string_view bytes) = 0;
  virtual void extension_subscribed(const std::string& name, const TelemetrySubscription& subscription) = 0;
};

/// Why an environment ends; what SHUTDOWN events say.
enum class ShutdownReason { kSpindown, kTimeout, kFailure };

/// The extensions of one environment: external ones, which the extension host starts before the runtime, and internal
/// ones, which live in the runtime's process. Keeps who is registered for what and in which state, hands out events,
/// and gives the host its orders. States and errors are those of the Extensions API, version 2020-01-01. On the
/// environment's loop.
class Extensions : public std::enable_shared_from_this<Extensions> {
 public:
  static constexpr std::size_t kMost = 10;

  Extensions(ExtensionsOwner& owner, std::shared_ptr<const FunctionVersion> version, Loop& loop)
      : owner_(&owner), version_(std::move(version)), loop_(loop) {}

  // For the environment.
  void expect(const std::vector<std::string>& external);
  bool any() const { return !all_.empty(); }
  bool any_external() const { return external_ > 0; }
  bool runtime_may_start() const;  ///< All external ones have registered.
  void start_runtime();
  bool ready() const;  ///< All wait for their next event.
  /// The initialisation is over: no more registrations and subscriptions.
  void seal();
  void invoke(std::int64_t deadline_ms, const std::string& request_id, const std::string& arn,
              const std::string& trace_id);
  /// What is left of telemetry goes out, and those that subscribed to SHUTDOWN are told.
  void shut_down(ShutdownReason reason, std::int64_t deadline_ms);
  void flush_telemetry();
  /// What the documented Shutdown phase grants: nothing, 500 ms, or 2 s.
  milliseconds grace() const;
  /// Everybody who waits is told that it is over; the owner is not called any more.
  void close();

  struct Description {
    std::string name;
    std::string state;
    std::vector<std::string> events;
    std::string error_type;
  };
  std::vector<Description> describe() const;

  // For the journal.
  bool listened_to() const { return telemetry_.open() || subscribed_; }
  void publish(const TelemetryEvent& event);
  std::optional<milliseconds> patience() const { return telemetry_.patience(); }

  // What comes from inside (extensions_api.cc). Fails with the documented errors (403).
  /// Registers; gives the identifier.
  Result<std::string> enroll(const std::string& name, const std::vector<std::string>& events);
  Task<net::Response> next(std::string id);
  Result<void> report_error(const std::string& id, bool initialising, const std::string& type);
  Result<void> subscribe(const std::string& id, TelemetrySubscription subscription);
  const FunctionVersion& version() const { return *version_; }

  // The host's requests. It lives where the function lives, so it is believed only about this environment.
  Task<net::Response> order();
  void ended(std::optional<std::size_t> extension, const std::string& how, int value);  ///< No number: the runtime.
  void printed(std::string_view bytes);

 private:
  enum class State { kLaunched, kRegistered, kReady, kRunning, kInitError, kExitError, kExited, kLaunchError };
  struct Extension {
    std::string name;
    std::string id;
    bool external = false;
    State state = State::kLaunched;
    std::vector<std::string> events;
    std::string error_type;
    std::optional<Deferred<net::Response>> waiting;
    std::string shutdown;  ///< The SHUTDOWN event, until it asks for it.
    bool wants(std::string_view event) const;
  };

  static const char* name_of(State state);
  Extension* find(const std::string& id);
  static void deliver(Extension& extension, const std::string& event);
  static net::Response rendered(const std::string& event);
  void wake_host();
  void wake_later();
  std::optional<net::Response> take_order();

  ExtensionsOwner* owner_;
  const std::shared_ptr<const FunctionVersion> version_;
  Loop& loop_;
  std::vector<Extension> all_;
  std::size_t external_ = 0;
  bool sealed_ = false;
  bool start_ordered_ = false;  ///< The host has not fetched it yet.
  std::optional<Deferred<net::Response>> host_;
  Telemetry telemetry_;
  bool subscribed_ = false;
  bool flushing_ = false;
  bool timer_ = false;
};

}  // namespace cumulet::compute
