#pragma once

#include <cstdint>
#include <string>

#include "compute/engine.h"
#include "events/outbox.h"
#include "services/lambda/function_name.h"

namespace cumulet::lambda {

/// What is told of an asynchronous invocation that came to its end: to destinations, and in dead letters.
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
struct InvocationRecord {
  InvocationRecord(const events::Event& event, const FunctionName& name);

  void set_answer(const compute::InvocationResult& answer, std::string version);

  /// The event that carries the record to a function, queue, topic, event bus or bucket.
  events::Event to_destination(const std::string& arn, Timestamp now) const;
  /// The event that carries the payload to a dead-letter queue or topic.
  events::Event dead_letter(const std::string& arn) const;

  std::string condition;  ///< Success, RetriesExhausted, EventAgeExceeded, ZeroReservedConcurrency …
  std::uint32_t invocations = 0;
  int error_code = 429;  ///< For dead letters of what never ran.
  std::string trace;

 private:
  std::string document(Timestamp now) const;
  events::Event addressed_to(const std::string& arn) const;

  FunctionName name_;
  std::string account_;
  std::string request_id_;
  std::string request_;
  bool answered_ = false;
  std::string answer_;
  std::string function_error_;
  std::string version_;
};

}  // namespace cumulet::lambda
