#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "storage/database.h"
#include "wire/generated/lambda.h"

/// Durable functions: executions that outlive their invocations.
namespace cumulet::lambda::durable {

/// An operation of another execution that waits for this one to end.
struct ChainLink {
  std::string execution;
  std::string operation;
};

/// What PauseDurableExecution asked for.
struct Pause {
  Timestamp requested;
  std::optional<Timestamp> began;  ///< Empty while an invocation is under way: PAUSING.
  std::string reason;
  bool stops_timeout = true;
};

/// A request that changed an execution, by its client token: the same one again is answered alike.
struct Repeatable {
  std::string token;
  Timestamp at;
};

/// One durable execution, without its data. `due` and `wake` say how it goes on: while `due`, an event to invoke the
/// function lies in the outbox (or is being carried out); what happens meanwhile sets `wake`, for one more invocation.
struct Execution {
  std::string id;
  std::string name;
  std::string function;
  std::string version;
  std::string invoked_arn;  ///< The function's ARN with the qualifier that the caller gave.
  std::string status;
  Timestamp start;
  std::optional<Timestamp> end;
  std::int64_t timeout_seconds = 0;
  std::int64_t retention_days = 0;
  std::string payload_digest;
  std::string trace;
  bool asynchronous = false;

  std::string token;  ///< The one that the next checkpoint must bring.
  std::string last_token;
  std::string last_client_token;
  Timestamp last_checkpoint;

  std::uint64_t next_operation = 0;
  std::uint64_t next_event = 1;
  std::uint64_t bytes = 0;    ///< Written by checkpoints, all together.
  std::uint64_t pending = 0;  ///< Operations that end by themselves or from outside.
  bool due = false;
  bool wake = false;
  std::string invocation;             ///< The id of the outbox event while `due`.
  std::vector<std::string> finished;  ///< Ids of operations that ended outside the function, and it was not told yet.
  ChainLink parent;                   ///< Empty for an execution of its own.

  std::optional<Pause> pause;
  std::chrono::milliseconds extension{0};  ///< Of the execution's time, by pauses that are over.
  Repeatable last_pause;
  Repeatable last_resumption;

  bool is_over() const { return end.has_value(); }
  bool is_paused() const { return pause && pause->began; }
  /// When the execution times out, as things stand.
  Timestamp deadline() const;
};

struct Operation {
  std::uint64_t sequence = 0;
  wire::lambda::Operation shown;
  std::int64_t seconds = 0;            ///< Of a wait: how long.
  std::optional<Timestamp> due;        ///< When a wait or pause ends, or a callback times out.
  std::int64_t heartbeat_seconds = 0;  ///< Of a callback.
  std::optional<Timestamp> next_beat;  ///< When the callback times out unless it is heard of.

  bool is_over() const;
};

/// What tells where an operation stands without reading its data.
struct OperationPlace {
  std::uint64_t sequence = 0;
  std::string parent;
  bool is_context = false;
  bool hides_children = false;  ///< A context that is over, whose children need no replay.
};

/// What an execution ended with.
struct Ending {
  std::string status;
  std::optional<std::string> result;
  std::optional<wire::lambda::ErrorObject> error;
};

/// The keys of one account and region. Layout, all below ("lambda-durable", account, region):
///   ("x", id)                         execution
///   ("n", function, name)             id of the execution of that name
///   ("l", function, start, id)        the executions of a function in order of their start
///   ("o", id, sequence)               operation; 0 is the execution itself, with its input
///   ("i", id, operation)              the operation's place
///   ("h", id, number)                 event of the history
/// and beside them ("lambda-durable-end", account, region, id): how it ended.
class Store {
 public:
  Store(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}
  const std::string& account() const { return account_; }
  const std::string& region() const { return region_; }

  Task<std::optional<Execution>> find(storage::Transaction& txn, std::string id) const;
  void put(storage::Transaction& txn, const Execution& execution) const;
  /// A new execution: also under its name and in its function's list.
  void add(storage::Transaction& txn, const Execution& execution) const;
  /// The execution and everything of it.
  Task<void> erase(storage::Transaction& txn, const Execution& execution) const;
  Task<std::optional<std::string>> find_name(storage::Transaction& txn, std::string function, std::string name) const;
  /// Up to `limit` ids with their list keys, from `after` (a list key; excluded) on, the newest first or the oldest.
  Task<std::vector<std::pair<std::string, std::string>>> list(storage::Transaction& txn, std::string function,
                                                              std::string after, bool oldest_first,
                                                              std::size_t limit) const;

  Task<std::optional<Operation>> find_operation(storage::Transaction& txn, std::string id, std::string operation) const;
  Task<std::vector<Operation>> operations(storage::Transaction& txn, std::string id, std::uint64_t from,
                                          std::size_t limit, std::size_t bytes) const;
  /// The row's size.
  std::size_t put_operation(storage::Transaction& txn, const std::string& id, const Operation& operation) const;
  Task<std::map<std::string, OperationPlace>> places(storage::Transaction& txn, std::string id) const;

  std::size_t put_event(storage::Transaction& txn, const std::string& id, const wire::lambda::Event& event) const;
  Task<std::vector<wire::lambda::Event>> events(storage::Transaction& txn, std::string id, std::uint64_t from,
                                                bool reverse, std::size_t limit) const;

  void put_ending(storage::Transaction& txn, const std::string& id, const Ending& ending) const;
  Task<std::optional<Ending>> find_ending(storage::Transaction& txn, std::string id) const;

 private:
  std::string account_;
  std::string region_;
};

/// The prefix of all endings, and the id in such a key.
std::string endings_prefix();
std::optional<std::string> id_of_ending(std::string_view key);

/// Rows as bytes, for who reads what may be damaged. nullopt when it is.
std::optional<Execution> decode_execution(std::string_view bytes);
std::string encode_execution(const Execution& execution);
std::optional<Operation> decode_operation(std::string_view bytes);
std::string encode_operation(const Operation& operation);

}  // namespace cumulet::lambda::durable
