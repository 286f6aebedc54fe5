#include "base/ids.h"
#include "base/log.h"
#include "services/firehose/firehose.h"

/// Records on their way through a function.
namespace cumulet::firehose {
namespace {

FailedAttempt failure_of_call(const Error& error) {
  FailedAttempt failure;
  failure.message = error.message();
  if (error.code() == "ResourceNotFoundException") {
    failure.code = "Lambda.ResourceNotFound";
  } else if (error.code() == "TooManyRequestsException") {
    failure.code = "Lambda.InvokeLimitExceeded";
  } else {
    failure.code = "Lambda.FunctionError";
  }
  return failure;
}

}  // namespace

/// Calls the function, again as often as it may fail. A server that stops is no failure of the function: the delivery
/// begins again with the next start.
Task<events::FunctionReply> Firehose::call_function(const DeliveryStream& stream, Processor processor,
                                                    std::string payload, std::optional<FailedAttempt>& failure) {
  for (int attempt_number = 1;; ++attempt_number) {
    Task<events::FunctionReply> call = functions_->invoke(processor.function, payload, stream.arn());
    Result<events::FunctionReply> reply = co_await attempt(std::move(call));
    if (reply.ok() && reply->function_error.empty()) co_return std::move(*reply);
    if (stopping()) co_await fail(errors::kServiceUnavailable, "The server is stopping.");
    if (attempt_number > processor.retries) {
      if (reply.ok()) {
        failure.emplace();
        failure->code = "Lambda.FunctionError";
        failure->message = "The Lambda function was successfully invoked but it returned an error result.";
      } else {
        failure = failure_of_call(reply.error());
      }
      failure->attempts = attempt_number;
      failure->ended = clock_.now();
      co_return events::FunctionReply();
    }
    log::debug("a function that transforms records failed",
               {{"stream", stream.name}, {"function", processor.function}});
    co_await sleep_for(kRetryFunctionAfter);
  }
}

Task<void> Firehose::process_batch(const DeliveryStream& stream, Processor processor,
                                   const std::vector<BufferedRecord>& records, Processed& out) {
  std::optional<FailedAttempt> failure;
  const events::FunctionReply reply =
      co_await call_function(stream, processor, transform_event(stream, uuid(), records), failure);
  if (failure) {
    log::warning("records could not be transformed", {{"stream", stream.name}, {"reason", failure->message}});
    for (const BufferedRecord& record : records) out.failures += failure_line(record, processor.function, *failure);
    co_return;
  }
  const std::vector<Transformed> all = read_transformed(reply.payload, records);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].result == Transformed::Result::kOk) out.content += all[i].data;
    if (all[i].result != Transformed::Result::kFailed) continue;
    FailedAttempt of_record;
    of_record.ended = clock_.now();
    of_record.code = all[i].error_code;
    of_record.message = all[i].error_message;
    out.failures += failure_line(records[i], processor.function, of_record);
  }
}

Task<Firehose::Processed> Firehose::process(const DeliveryStream& stream, BufferPtr buffer, Position end,
                                            Processor processor) {
  Processed out;
  Position next = 0;
  while (true) {
    const std::vector<BufferedRecord> records = co_await buffer->records(next, end, processor.batch_bytes);
    if (records.empty()) co_return out;
    next = records.back().at + 1;
    co_await process_batch(stream, processor, records, out);
  }
}

}  // namespace cumulet::firehose
