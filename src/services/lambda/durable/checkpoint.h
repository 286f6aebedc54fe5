#pragma once

#include <map>
#include <string>
#include <vector>

#include "services/lambda/durable/session.h"

namespace cumulet::lambda::durable {

/// Applies what a function reports (CheckpointDurableExecution) to its execution: all of it, or the first reason why
/// not. Afterwards the session has to be saved.
class Checkpoint {
 public:
  explicit Checkpoint(Session& session) : session_(session) {}

  /// Fails with InvalidParameterValueException.
  Task<void> apply(const std::vector<wire::lambda::OperationUpdate>& updates);
  /// The operations that were changed, in order of their start.
  std::vector<wire::lambda::Operation> changed() const;

 private:
  Task<Operation*> find(std::string id);
  Operation& start(const wire::lambda::OperationUpdate& update);
  Task<void> check_parent(const wire::lambda::OperationUpdate& update);
  Task<void> apply_one(const wire::lambda::OperationUpdate& update);
  Result<void> apply_step(const wire::lambda::OperationUpdate& update, Operation* operation);
  void close_step(const wire::lambda::OperationUpdate& update, Operation& operation);
  void retry_step(const wire::lambda::OperationUpdate& update, Operation& operation);
  Result<void> apply_context(const wire::lambda::OperationUpdate& update, Operation* operation);
  Result<void> apply_wait(const wire::lambda::OperationUpdate& update, Operation* operation);
  Result<void> apply_callback(const wire::lambda::OperationUpdate& update, Operation* operation);
  Result<void> apply_chain(const wire::lambda::OperationUpdate& update, Operation* operation);
  Task<void> apply_execution(const wire::lambda::OperationUpdate& update);

  Session& session_;
  std::map<std::string, Operation> seen_;
  std::map<std::string, std::string> last_action_;
};

/// A callback's id says which operation of which execution it is; hard to guess.
struct CallbackId {
  std::string account;
  std::string region;
  std::string execution;
  std::string operation;
  std::string secret;

  std::string text() const;
  static std::optional<CallbackId> parse(const std::string& text);
};

Error invalid_parameter(std::string message);
/// The bytes of an error's members, together.
std::size_t size_of(const wire::lambda::ErrorObject& error);

inline constexpr std::size_t kMostOperations = 3000;
inline constexpr std::size_t kMostBytes = 100u << 20;
inline constexpr std::size_t kMostPayload = 1u << 20;
inline constexpr std::size_t kMostSyncPayload = 6291456;

}  // namespace cumulet::lambda::durable
