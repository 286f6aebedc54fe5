#include <cstdio>

#include "base/text.h"
#include "cli/payload.h"
#include "cli/session.h"
#include "wire/generated/lambda.h"

namespace cumulet::cli {
namespace {

constexpr const char* kUsage = R"(Usage: cumulet invoke FUNCTION [options]

Calls a function, prints its result on stdout and its log on stderr. The status is 1
when the function failed.

  --payload JSON    the event (default {}); '@FILE' reads a file, '-' stdin
  --async           leave the event to the function and return
  --quiet           no log
  --endpoint URL, --region REGION, --data-dir DIR   as for 'cumulet env'
)";

}  // namespace

int invoke(const std::vector<std::string>& words) {
  std::vector<std::string> valued = Session::options();
  valued.push_back("payload");
  const Result<Arguments> arguments = Arguments::parse(words, valued, {"async", "quiet"});
  if (!arguments.ok()) return report("invoke", arguments.error());
  if (arguments->has("help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (arguments->positional().size() != 1) return report("invoke", usage_error("name one function"));
  Result<std::string> payload = read_payload(*arguments);
  if (!payload.ok()) return report("invoke", payload.error());
  const Result<Session> session = Session::open(*arguments);
  if (!session.ok()) return report("invoke", session.error());

  wire::lambda::InvocationRequest input;
  input.function_name = arguments->positional().front();
  input.payload = std::move(*payload);
  input.invocation_type = arguments->has("async") ? "Event" : "RequestResponse";
  if (!arguments->has("async") && !arguments->has("quiet")) input.log_type = "Tail";
  const auto answer = session->call<wire::lambda::Invoke>(wire::lambda::model(), input);
  if (!answer.ok()) return report("invoke", answer.error());
  if (answer->log_result) {
    const std::string log = base64_decode(*answer->log_result).value_or("");
    std::fwrite(log.data(), 1, log.size(), stderr);
  }
  if (answer->payload && !answer->payload->empty()) std::printf("%s\n", answer->payload->c_str());
  return answer->function_error ? 1 : 0;
}

}  // namespace cumulet::cli
