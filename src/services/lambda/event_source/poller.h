#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/deferred.h"
#include "base/task.h"
#include "events/metric_sink.h"
#include "events/outbox.h"
#include "events/stream_source.h"
#include "net/http.h"
#include "services/lambda/event_source/mapping.h"
#include "storage/database.h"
#include "wire/call.h"
#include "wire/directory.h"

namespace cumulet::lambda {

/// What a function answered to a batch.
struct BatchReply {
  BatchReply() = default;
  std::string payload;
  std::string function_error;  ///< Empty, or "Unhandled".
  std::string request_id;
  std::string executed_version;
};

/// What pollers work with; it outlives them.
struct PollerTools {
  PollerTools(storage::Database& d, events::Outbox& o, const Clock& c, const wire::Directory& s)
      : database(d), outbox(o), clock(c), services(s) {}

  storage::Database& database;
  events::Outbox& outbox;
  const Clock& clock;
  const wire::Directory& services;
  /// Runs the mapping's function on a batch. Fails with Invoke's errors.
  std::function<Task<BatchReply>(const MappingRow& mapping, std::string payload, std::string trace)> invoke;
  /// The role of the mapping's function; empty when the function is gone.
  std::function<Task<std::string>(const MappingRow& mapping)> role;
  /// Null when no such streams are here.
  std::function<events::StreamSource*(SourceKind)> stream;
  /// Keeps what GetEventSourceMapping shows as LastProcessingResult.
  std::function<void(const MappingRow& mapping, std::string result)> report;
  events::MetricSink* metrics = nullptr;
};

/// Reads one mapping's source and gives the function what is in it. Lives on one loop, held by shared_ptr.
class Poller {
 public:
  virtual ~Poller() = default;
  /// Works until `stop`, and ends when nothing of it is under way any more.
  virtual Task<void> run() = 0;
  /// Nothing more is read; what the function is doing is awaited.
  virtual void stop() = 0;
  /// Resolves when what is written to the source from now on will reach the function.
  virtual Deferred<bool> ready() const = 0;
};

std::shared_ptr<Poller> make_queue_poller(const PollerTools& tools, MappingRow mapping);
std::shared_ptr<Poller> make_stream_poller(const PollerTools& tools, MappingRow mapping, events::StreamSource& source);

/// A call that Lambda makes to another service in process, for an account's resource.
struct ServiceCall {
  ServiceCall(const std::string& account, std::string region, Timestamp now);
  net::Request request;
  wire::Call call;
};

/// The error says that trying again later may help, and counts as no attempt: throttles, and the platform's failures.
bool is_passing(const Error& error);

/// Grows from try to try, up to `longest`.
milliseconds growing_pause(std::uint32_t tries, milliseconds first, milliseconds longest);

/// Wakes one waiting task; what comes while nobody waits is kept.
class Wake {
 public:
  void notify() { signal_.resolve(true); }
  /// Returns at the latest at the deadline.
  Task<void> wait_until(SteadyTime deadline) {
    const Deferred<bool> signal = signal_;
    (void)co_await attempt(signal.wait_until(deadline, Error(errors::kRequestTimeout, "nothing came")));
    signal_ = Deferred<bool>();
  }

 private:
  Deferred<bool> signal_;
};

}  // namespace cumulet::lambda
