#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "storage/database.h"

/// What happened, on its way to whom it concerns. An operation records an event in its own transaction; delivery reads it
/// back, hands it to the target that its ARN names, retries with backoff, and deletes it. After a crash nothing
/// acknowledged is lost; duplicates are possible.
namespace cumulet::events {

struct Event {
  std::string id;               ///< UUID; the same through all retries.
  std::string account;
  std::string region;
  std::string target_arn;
  std::string source_arn;       ///< What caused it; may be empty.
  std::string payload;
  std::map<std::string, std::string> attributes;
  std::uint32_t attempt = 0;    ///< How often delivery was tried before.
  Timestamp recorded;
};

/// How delivery goes on after a try.
struct Outcome {
  enum class Kind { kDelivered, kRetry, kDropped };
  Kind kind = Kind::kDelivered;
  std::chrono::milliseconds retry_in{0};  ///< For kRetry.
  std::string reason;                     ///< For the log, when it was not delivered.
};

/// Something that takes an event: a function, later a queue, a topic, a stream, an HTTP endpoint. It decides on retry and
/// dead letters by its own rules.
class Target {
 public:
  virtual ~Target() = default;
  virtual Task<Outcome> deliver(const Event& event) = 0;
};

class Outbox {
 public:
  virtual ~Outbox() = default;
  /// Writes the event in the caller's transaction; delivery starts after its commit.
  virtual void record(storage::Transaction& transaction, Event event) = 0;
  /// Targets whose ARN's service part is `service` ("lambda"). At start-up.
  virtual void register_target(std::string service, Target& target) = 0;
  /// Begins delivery on that loop, first with what an earlier run left.
  virtual void start(Loop& loop) = 0;
  /// No new deliveries; those under way end until the deadline. Blocks; not on a loop.
  virtual void drain(SteadyTime deadline) = 0;
};

std::unique_ptr<Outbox> make_outbox(storage::Database& database, const Clock& clock);

}  // namespace cumulet::events
