#include "compute/extensions/extensions.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/ids.h"
#include "base/text.h"
#include "compute/reports.h"

namespace cumulet::compute {
namespace {

constexpr const char* kJson = "application/json";
constexpr milliseconds kInternalGrace{500};
constexpr milliseconds kExternalGrace{2000};

Error forbidden(std::string type, std::string message) { return Error(std::move(type), 403, std::move(message)); }

const char* text_of(ShutdownReason reason) {
  switch (reason) {
    case ShutdownReason::kSpindown:
      return "spindown";
    case ShutdownReason::kTimeout:
      return "timeout";
    case ShutdownReason::kFailure:
      break;
  }
  return "failure";
}

}  // namespace

const char* Extensions::name_of(State state) {
  switch (state) {
    case State::kLaunched:
      return "Started";
    case State::kRegistered:
      return "Registered";
    case State::kReady:
      return "Ready";
    case State::kRunning:
      return "Running";
    case State::kInitError:
      return "InitError";
    case State::kExitError:
      return "ExitError";
    case State::kExited:
      return "Exited";
    case State::kLaunchError:
      break;
  }
  return "LaunchError";
}

bool Extensions::Extension::wants(std::string_view event) const {
  return std::find(events.begin(), events.end(), event) != events.end();
}

void Extensions::expect(const std::vector<std::string>& external) {
  for (const std::string& name : external) {
    Extension extension;
    extension.name = name;
    extension.external = true;
    all_.push_back(std::move(extension));
  }
  external_ = external.size();
  if (external_ == 0) telemetry_.close_subscriptions();
}

Extensions::Extension* Extensions::find(const std::string& id) {
  for (Extension& extension : all_) {
    if (!extension.id.empty() && extension.id == id) return &extension;
  }
  return nullptr;
}

bool Extensions::runtime_may_start() const {
  return std::none_of(all_.begin(), all_.end(), [](const Extension& e) {
    return e.state == State::kLaunched || e.state == State::kLaunchError || e.state == State::kExited;
  });
}

bool Extensions::ready() const {
  return std::all_of(all_.begin(), all_.end(), [](const Extension& e) { return e.state == State::kReady; });
}

void Extensions::seal() {
  sealed_ = true;
  telemetry_.close_subscriptions();
}

std::vector<Extensions::Description> Extensions::describe() const {
  std::vector<Description> descriptions;
  for (const Extension& extension : all_) {
    Description description;
    description.name = extension.name;
    description.state = name_of(extension.state);
    description.events = extension.events;
    description.error_type = extension.error_type;
    descriptions.push_back(std::move(description));
  }
  return descriptions;
}

Result<std::string> Extensions::enroll(const std::string& name, const std::vector<std::string>& events) {
  const auto external =
      std::find_if(all_.begin(), all_.end(), [&](const Extension& e) { return e.external && e.name == name; });
  const bool is_external = external != all_.end();
  for (const std::string& event : events) {
    if (event == "SHUTDOWN" && !is_external) {
      return forbidden("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension");
    }
    if (event != "INVOKE" && event != "SHUTDOWN") {
      return forbidden("Extension.InvalidEventType", event + ": InvalidEventType");
    }
  }
  if (sealed_) return forbidden("Extension.RegistrationClosed", "Extension registration closed already");
  Extension* extension = is_external ? &*external : nullptr;
  if (!extension) {
    const bool taken = std::any_of(all_.begin(), all_.end(), [&](const Extension& e) { return e.name == name; });
    if (taken) return forbidden("Extension.InvalidExtensionState", "Extension with this name already registered");
    if (all_.size() >= kMost) {
      return forbidden("Extension.TooManyExtensions", "Extension limit (" + std::to_string(kMost) + ") reached");
    }
    extension = &all_.emplace_back();
    extension->name = name;
  }
  if (extension->state != State::kLaunched) {
    return forbidden("Extension.InvalidExtensionState", std::string("State transition from ") +
                                                            name_of(extension->state) +
                                                            " to Registered failed for "
                                                            "extension " +
                                                            name + ". Error: State transition is not allowed");
  }
  extension->id = uuid();
  extension->state = State::kRegistered;
  for (const std::string& event : events) {
    if (!extension->wants(event)) extension->events.push_back(event);
  }
  if (owner_) owner_->extensions_progressed();
  return std::string(find(extension->id)->id);
}

Task<net::Response> Extensions::next(std::string id) {
  const std::shared_ptr<Extensions> self = shared_from_this();
  Extension* const extension = find(id);
  if (!extension) {
    co_return net::Response(403, kJson,
                            error_document("Extension.UnknownExtensionIdentifier", "Unknown extension " + id));
  }
  const bool may_wait = extension->state == State::kRegistered || extension->state == State::kReady ||
                        extension->state == State::kRunning;
  if (!may_wait || extension->waiting || !owner_) {
    co_return net::Response(
        403, kJson,
        error_document("Extension.InvalidExtensionState",
                       std::string("State transition from ") + name_of(extension->state) +
                           " to Ready failed for extension " + id + ". Error: State transition is not allowed"));
  }
  if (!extension->shutdown.empty()) co_return rendered(std::exchange(extension->shutdown, {}));
  extension->waiting.emplace();
  const Deferred<net::Response> waiting = *extension->waiting;
  extension->state = State::kReady;
  owner_->extensions_progressed();
  co_return co_await waiting.wait();
}

void Extensions::deliver(Extension& extension, const std::string& event) {
  if (!extension.waiting) return;
  const Deferred<net::Response> waiting = *extension.waiting;
  extension.waiting.reset();
  extension.state = State::kRunning;
  waiting.resolve(rendered(event));
}

net::Response Extensions::rendered(const std::string& event) {
  net::Response response(200, kJson, event);
  response.headers.add("Lambda-Extension-Event-Identifier", uuid());
  return response;
}

void Extensions::invoke(std::int64_t deadline_ms, const std::string& request_id, const std::string& arn,
                        const std::string& trace_id) {
  if (all_.empty()) return;
  std::string event = "{\"eventType\":\"INVOKE\",\"deadlineMs\":" + std::to_string(deadline_ms) + ",\"requestId\":\"" +
                      json_escape(request_id) + "\",\"invokedFunctionArn\":\"" + json_escape(arn) + "\"";
  if (!trace_id.empty()) {
    event += ",\"tracing\":{\"type\":\"X-Amzn-Trace-Id\",\"value\":\"" + json_escape(trace_id) + "\"}";
  }
  event += '}';
  for (Extension& extension : all_) {
    if (extension.wants("INVOKE")) deliver(extension, event);
  }
}

void Extensions::shut_down(ShutdownReason reason, std::int64_t deadline_ms) {
  const std::string event = std::string("{\"eventType\":\"SHUTDOWN\",\"shutdownReason\":\"") + text_of(reason) +
                            "\",\"deadlineMs\":" + std::to_string(deadline_ms) + "}";
  flush_telemetry();
  for (Extension& extension : all_) {
    if (!extension.wants("SHUTDOWN")) continue;
    if (!extension.waiting) extension.shutdown = event;
    deliver(extension, event);
  }
}

milliseconds Extensions::grace() const {
  if (external_ > 0) return kExternalGrace;
  return all_.empty() ? milliseconds(0) : kInternalGrace;
}

void Extensions::close() {
  owner_ = nullptr;
  const auto end = [](std::optional<Deferred<net::Response>>& waiting) {
    if (!waiting) return;
    const Deferred<net::Response> one = *waiting;
    waiting.reset();
    one.resolve(net::Response(500, kJson, error_document("InternalServerError", "The environment has ended")));
  };
  for (Extension& extension : all_) end(extension.waiting);
  end(host_);
}

Result<void> Extensions::report_error(const std::string& id, bool initialising, const std::string& type) {
  Extension* const extension = find(id);
  if (!extension) return forbidden("Extension.UnknownExtensionIdentifier", "Unknown extension " + id);
  const bool allowed = initialising ? extension->state == State::kRegistered && !sealed_
                                    : extension->state == State::kReady || extension->state == State::kRunning ||
                                          extension->state == State::kRegistered;
  if (!allowed) {
    return forbidden("Extension.InvalidExtensionState",
                     std::string("State transition from ") + name_of(extension->state) + " to " +
                         (initialising ? "InitError" : "ExitError") + " failed for extension " + id +
                         ". Error: State transition is not allowed");
  }
  extension->state = initialising ? State::kInitError : State::kExitError;
  extension->error_type = type;
  // An external extension exits now, and that ends the phase; an internal one lives on in the runtime.
  if (!extension->external && owner_) {
    owner_->extension_failed(initialising ? "Extension.InitError" : "Extension.ExitError", type);
  }
  return {};
}

Result<void> Extensions::subscribe(const std::string& id, TelemetrySubscription subscription) {
  Extension* const extension = find(id);
  if (!extension) return forbidden("Extension.UnknownExtensionIdentifier", "Unknown extension " + id);
  if (external_ == 0) {
    return Error("ValidationError", 400, "Only environments with an external extension have telemetry");
  }
  if (sealed_) return forbidden("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already");
  const TelemetrySubscription shown = subscription;
  telemetry_.subscribe(extension->name, std::move(subscription), std::chrono::steady_clock::now());
  subscribed_ = true;
  if (owner_) owner_->extension_subscribed(extension->name, shown);
  wake_later();
  return {};
}

void Extensions::publish(const TelemetryEvent& event) {
  telemetry_.publish(event, std::chrono::steady_clock::now());
  wake_later();
}

void Extensions::flush_telemetry() {
  flushing_ = true;
  wake_host();
}

/// Looks again when the next batch will be due.
void Extensions::wake_later() {
  const std::optional<SteadyTime> due = telemetry_.due();
  if (!due) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (flushing_ || *due <= now) wake_host();
  if (timer_ || !telemetry_.due()) return;
  timer_ = true;
  const std::weak_ptr<Extensions> weak = weak_from_this();
  loop_.at(std::max(*telemetry_.due(), now + milliseconds(5)), [weak] {
    const std::shared_ptr<Extensions> self = weak.lock();
    if (!self) return;
    self->timer_ = false;
    self->wake_host();
    // While the host is busy or frozen, its next request looks.
    if (self->host_) self->wake_later();
  });
}

std::optional<net::Response> Extensions::take_order() {
  std::optional<net::Response> response;
  if (std::exchange(start_ordered_, false)) {
    response.emplace(200, "text/plain", "");
    response->headers.add("Order", "start");
    return response;
  }
  std::optional<Telemetry::Batch> batch = telemetry_.take(std::chrono::steady_clock::now(), flushing_);
  if (!batch) return response;
  response.emplace(200, kJson, std::move(batch->body));
  response->headers.add("Order", "deliver");
  response->headers.add("Port", std::to_string(batch->subscription.port));
  response->headers.add("Method", batch->subscription.method);
  response->headers.add("Path", batch->subscription.path);
  return response;
}

void Extensions::wake_host() {
  if (!host_) return;
  std::optional<net::Response> order = take_order();
  if (!order) return;
  const Deferred<net::Response> waiting = *host_;
  host_.reset();
  waiting.resolve(std::move(*order));
}

void Extensions::start_runtime() {
  start_ordered_ = true;
  wake_host();
}

Task<net::Response> Extensions::order() {
  const std::shared_ptr<Extensions> self = shared_from_this();
  if (external_ == 0 || !owner_ || host_) {
    co_return net::Response(403, kJson, error_document("InvalidStateTransition", "Not now"));
  }
  std::optional<net::Response> now = take_order();
  if (now) co_return std::move(*now);
  host_.emplace();
  const Deferred<net::Response> waiting = *host_;
  wake_later();
  co_return co_await waiting.wait();
}

void Extensions::ended(std::optional<std::size_t> extension, const std::string& how, int value) {
  if (external_ == 0 || !owner_) return;
  if (!extension) {
    if (how == "launch") return owner_->runtime_not_started(system_text_of(value));
    return owner_->runtime_ended(SandboxExit(how == "exit" ? ExitKind::kExited : ExitKind::kSignaled, value));
  }
  if (*extension >= external_) return;
  Extension& one = all_[*extension];
  if (one.state == State::kExited || one.state == State::kLaunchError) return;
  if (how == "launch") {
    one.state = State::kLaunchError;
    one.error_type = value == EACCES ? "PermissionDenied" : "UnknownError";
    return owner_->extension_failed("Extension.LaunchError",
                                    "fork/exec /opt/extensions/" + one.name + ": " + system_text_of(value));
  }
  std::string message = "exit code 0";
  if (how == "signal") {
    message = std::string("signal: ") + (value == SIGKILL ? "killed" : value == SIGTERM ? "terminated" : "crashed");
  } else if (value != 0) {
    message = "exit status " + std::to_string(value);
  }
  const State before = one.state;
  const char* const type = before == State::kInitError   ? "Extension.InitError"
                           : before == State::kExitError ? "Extension.ExitError"
                                                         : "Extension.Crash";
  if (before != State::kInitError && before != State::kExitError) {
    one.state = State::kExited;
    one.error_type = type;
  }
  owner_->extension_failed(type, message);
}

void Extensions::printed(std::string_view bytes) {
  if (external_ > 0 && owner_) owner_->extension_printed(bytes);
}

}  // namespace cumulet::compute
