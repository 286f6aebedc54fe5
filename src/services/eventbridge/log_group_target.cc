#include "services/eventbridge/log_group_target.h"

#include <algorithm>

#include "access/authenticate.h"
#include "base/body.h"
#include "wire/arn.h"
#include "wire/generated/logs.h"

namespace cumulet::eventbridge {
namespace {

namespace logs_api = wire::logs;

/// The name in arn:aws:logs:REGION:ACCOUNT:log-group:NAME[:*].
std::string group_of(const wire::Arn& arn) {
  std::string name(arn.resource_id());
  if (name.ends_with(":*")) name.resize(name.size() - 2);
  return name;
}

}  // namespace

Task<events::Outcome> LogGroupTarget::deliver(const events::Event& event) {
  const std::optional<wire::Arn> arn = wire::parse_arn(event.target_arn);
  if (!arn || arn->resource_type() != "log-group") {
    co_return events::Outcome::dropped("no log group: " + event.target_arn);
  }
  net::Request request;
  request.method = "POST";
  request.body = std::make_unique<StringBody>("");
  wire::Call call(request);
  call.caller = access::root_caller(arn->account);
  call.region = arn->region;
  call.time = clock_.now();

  std::string day = iso8601(event.recorded).substr(0, 10);
  std::replace(day.begin(), day.end(), '-', '/');
  logs_api::CreateLogStreamRequest stream;
  stream.log_group_name = group_of(*arn);
  stream.log_stream_name = day;
  const Result<logs_api::CreateLogStream::Output> made =
      co_await attempt(directory_.call<logs_api::CreateLogStream>("logs", call, stream));
  if (!made.ok() && !made.error().is(logs_api::errors::kResourceAlreadyExistsException)) co_return made.error();

  logs_api::PutLogEventsRequest input;
  input.log_group_name = stream.log_group_name;
  input.log_stream_name = day;
  logs_api::InputLogEvent& line = input.log_events.emplace_back();
  line.timestamp = event.recorded.time_since_epoch().count() / 1000;
  line.message = event.payload;
  co_await directory_.call<logs_api::PutLogEvents>("logs", call, std::move(input));
  co_return events::Outcome::delivered();
}

}  // namespace cumulet::eventbridge
