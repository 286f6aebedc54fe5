#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "events/outbox.h"
#include "events/timetable.h"
#include "services/lambda/durable/store.h"

namespace cumulet::lambda::durable {

/// What every change of an execution needs.
struct Ledger {
  Ledger(const Clock& c, events::Outbox& o) : clock(c), outbox(o) {}
  const Clock& clock;
  events::Outbox& outbox;
  const events::Timetable* timetable = nullptr;  ///< Ids: `Alarm`.
};

/// What falls due, and for whom.
struct Alarm {
  enum class Kind : std::uint8_t { kOperation = 'o', kHeartbeat = 'b', kExecution = 't', kRetention = 'd' };
  Kind kind = Kind::kOperation;
  std::string account;
  std::string region;
  std::string execution;
  std::string operation;

  std::string bytes() const;
  static std::optional<Alarm> parse(std::string_view bytes);
};

/// Attributes of the outbox's events that concern executions; the target is a function.
inline constexpr const char* kExecutionAttribute = "@DurableExecution";  ///< Invoke the function: its next part.
inline constexpr const char* kChainAttribute = "@DurableChain";          ///< Run it for an operation of an execution.
inline constexpr const char* kChainOperation = "@DurableOperation";

/// Changes one execution within a transaction; `save` writes what changed. History and alarms go along.
class Session {
 public:
  Session(const Ledger& ledger, storage::Transaction& txn, Store store, Execution execution);

  Execution& execution() { return execution_; }
  const Store& store() const { return store_; }
  storage::Transaction& txn() { return txn_; }
  Timestamp now() const { return now_; }

  /// A new execution: its first operation, its alarm, and the first invocation.
  void begin(const std::string& payload);
  /// Adds to the history. For an operation's event, with its names.
  void record(wire::lambda::Event event);
  void record(wire::lambda::Event event, const wire::lambda::Operation& operation);
  void put(const Operation& operation);
  void alarm(Alarm::Kind kind, Timestamp due, const std::string& operation) const;
  void silence(Alarm::Kind kind, Timestamp due, const std::string& operation) const;
  void silence_all(const Operation& operation) const;

  /// No invocation from now on, until `resume`.
  void pause();
  /// Ends the invocation that is due or under way, for a pause. With `wake`, there is one after it.
  void put_off(bool wake);
  void resume(const std::string& reason);
  /// The function has to be invoked (again).
  void wake();
  void invoke_again();
  /// Another function, whose end `operation` waits for.
  void run_function(const std::string& arn, const std::string& payload, const std::string& operation,
                    const std::string& tenant);
  /// An operation ended, or may be tried again, without the function's doing.
  void settle(Operation& operation, std::string status);
  /// The end of the execution, in `ending.status`. Also ends the operation that waits for it.
  Task<void> complete(Ending ending);
  void save();
  /// The execution and everything of it.
  Task<void> erase();

 private:
  Task<void> tell_parent(const Ending& ending);

  const Ledger& ledger_;
  storage::Transaction& txn_;
  Store store_;
  Execution execution_;
  Timestamp now_;
};

/// Ends an operation that waited for another function, with what came of that.
void settle_chain(Session& session, Operation& operation, const Ending& ending);

wire::lambda::ErrorObject error_object(std::string type, std::string message);
/// For a checkpoint; hard to guess.
std::string new_token();
/// The time to the millisecond, which is what clients see.
Timestamp shown_now(const Clock& clock);

}  // namespace cumulet::lambda::durable
