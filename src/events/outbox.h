#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "storage/database.h"

/// What happened, on its way to whom it concerns. An operation records an event in its own transaction; delivery reads
/// it back, hands it to the target that its ARN names, retries with backoff, and deletes it. After a crash nothing
/// acknowledged is lost; duplicates are possible.
namespace cumulet::events {

struct Event {
  Event() = default;
  std::string id;  ///< UUID; the same through all retries. Empty: `record` makes one.
  std::string account;
  std::string region;
  std::string target_arn;
  std::string source_arn;  ///< What caused it; may be empty.
  std::string payload;
  std::map<std::string, std::string> attributes;  ///< README.md says what they mean to each target.
  std::uint32_t attempt = 0;                      ///< How often delivery was tried before.
  Timestamp recorded;                             ///< Set by `record`.
};

/// How delivery goes on after a try.
struct Outcome {
  enum class Kind { kDelivered, kRetry, kDropped };
  Outcome() = default;
  Outcome(Kind k, std::chrono::milliseconds in, std::string why) : kind(k), retry_in(in), reason(std::move(why)) {}
  static Outcome delivered() { return Outcome(); }
  static Outcome retry(std::chrono::milliseconds in, std::string why) {
    return Outcome(Kind::kRetry, in, std::move(why));
  }
  static Outcome dropped(std::string why) { return Outcome(Kind::kDropped, milliseconds(0), std::move(why)); }

  Kind kind = Kind::kDelivered;
  std::chrono::milliseconds retry_in{0};  ///< For kRetry.
  std::string reason;                     ///< For the log, when it was not delivered.
  /// For kRetry: attributes that the event has at the next try, kept with it. A target counts there what it must know.
  std::map<std::string, std::string> notes;
};

/// Something that takes an event: a function, later a queue, a topic, a stream, an HTTP endpoint. It decides on retry
/// and dead letters by its own rules. When it fails with an Error instead of an Outcome, delivery tries again with
/// backoff until the event is six hours old.
class Target {
 public:
  virtual ~Target() = default;
  virtual Task<Outcome> deliver(const Event& event) = 0;
};

class Outbox {
 public:
  virtual ~Outbox() = default;
  /// Writes the event in the caller's transaction; delivery starts after its commit. Any thread.
  virtual void record(storage::Transaction& transaction, Event event) = 0;
  /// Targets whose ARN's service part is `service` ("lambda"). At start-up.
  virtual void register_target(std::string service, Target& target) = 0;
  /// Begins delivery on that loop, first with what an earlier run left. Up to 256 deliveries at once, up to 64 of them
  /// to one target, and one to each target at the least: a slow one does not hold the others up. Any thread.
  virtual void start(Loop& loop) = 0;
  /// The clock was moved: looks again at what is due. Any thread.
  virtual void clock_moved() = 0;
  /// No new deliveries; those under way end until the deadline. Blocks; not on a loop.
  virtual void drain(SteadyTime deadline) = 0;
};

/// The database, the clock and the targets must outlive it.
std::unique_ptr<Outbox> make_outbox(storage::Database& database, const Clock& clock);

}  // namespace cumulet::events
