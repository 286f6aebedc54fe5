#include "services/lambda/event_source/poller.h"

#include <algorithm>

#include "access/authenticate.h"
#include "base/ids.h"

namespace cumulet::lambda {

ServiceCall::ServiceCall(const std::string& account, std::string region, Timestamp now) : call(request) {
  request.method = "POST";
  request.body = std::make_unique<StringBody>("");
  call.request_id = cumulet::uuid();
  call.region = std::move(region);
  call.caller = access::root_caller(account);
  call.time = now;
}

bool is_passing(const Error& error) { return error.http_status() == 429 || error.http_status() >= 500; }

milliseconds growing_pause(std::uint32_t tries, milliseconds first, milliseconds longest) {
  return std::min(longest, first * (std::int64_t{1} << std::min(tries, 16u)));
}

}  // namespace cumulet::lambda
