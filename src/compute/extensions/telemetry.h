#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"

/// The Telemetry API (2022-07-01) and its predecessor, the Logs API (2020-08-15): what extensions subscribe to, and
/// the events that wait to be carried to them.
namespace cumulet::compute {

enum class TelemetryKind { kPlatform, kFunction, kExtension };

/// What one extension wants, and where.
struct TelemetrySubscription {
  bool logs_api = false;  ///< Subscribed through the Logs API: its names of events.
  bool platform = false;
  bool function = false;
  bool extension = false;
  std::string method = "POST";  ///< "POST", "PUT", or "TCP": lines of JSON.
  std::uint16_t port = 0;
  std::string path = "/";
  std::size_t max_items = 1000;
  std::size_t max_bytes = 256 * 1024;
  milliseconds timeout{1000};

  bool wants(TelemetryKind kind) const;
  std::vector<std::string> types() const;  ///< "platform", "function", "extension".
};

/// Reads the document of a subscription: hostile text. Fails with ValidationError (400), all complaints in one message.
Result<TelemetrySubscription> parse_subscription(std::string_view document, bool logs_api);

/// One event, rendered: `record` is JSON.
struct TelemetryEvent {
  TelemetryEvent(TelemetryKind k, Timestamp t, std::string y, std::string r)
      : kind(k), time(t), type(std::move(y)), record(std::move(r)) {}
  TelemetryKind kind;
  Timestamp time;
  std::string type;  ///< "platform.start", "function", …
  std::string record;
};

/// {"time":…,"type":…,"record":…}
std::string telemetry_json(const TelemetryEvent& event);

/// The events that wait for one subscriber. A batch is due when it has `max_items` or `max_bytes`, or when its first
/// event has waited for `timeout`. It holds two batches at most; what does not fit is dropped and counted, and the
/// subscriber is told (platform.logsDropped). Not thread-safe.
class TelemetryQueue {
 public:
  explicit TelemetryQueue(TelemetrySubscription subscription) : subscription_(std::move(subscription)) {}

  void push(const TelemetryEvent& event, SteadyTime now);
  /// The next batch, if one is due (with `all`, if there is any event).
  std::optional<std::string> take(SteadyTime now, bool all);
  /// When the next batch will be due; nothing while nothing waits.
  std::optional<SteadyTime> due() const;
  const TelemetrySubscription& subscription() const { return subscription_; }

 private:
  struct Waiting {
    Waiting(std::string j, SteadyTime s) : json(std::move(j)), since(s) {}
    std::string json;
    SteadyTime since;
  };
  bool full() const;
  void tell_dropped(Timestamp time, SteadyTime now);

  TelemetrySubscription subscription_;
  std::deque<Waiting> waiting_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_records_ = 0;
  std::uint64_t dropped_bytes_ = 0;
};

/// All subscriptions of one environment. Until its initialisation has ended, events are kept for those who subscribe
/// late (within reason); then nobody can subscribe any more. Not thread-safe.
class Telemetry {
 public:
  static constexpr std::size_t kMostSubscribers = 10;

  /// One subscription an extension; another replaces it. False when there are too many.
  bool subscribe(const std::string& extension, TelemetrySubscription subscription, SteadyTime now);
  void close_subscriptions();
  void publish(const TelemetryEvent& event, SteadyTime now);

  struct Batch {
    TelemetrySubscription subscription;
    std::string body;
  };
  std::optional<Batch> take(SteadyTime now, bool all);
  std::optional<SteadyTime> due() const;
  bool open() const { return open_; }
  /// Of what functions and extensions print, if anybody wants that: how long it may wait.
  std::optional<milliseconds> patience() const;

 private:
  struct Subscriber {
    Subscriber(std::string e, TelemetrySubscription s) : extension(std::move(e)), queue(std::move(s)) {}
    std::string extension;
    TelemetryQueue queue;
  };

  std::deque<Subscriber> subscribers_;
  std::vector<TelemetryEvent> early_;
  std::size_t early_bytes_ = 0;
  bool open_ = true;
};

}  // namespace cumulet::compute
