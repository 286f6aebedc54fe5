#include "services/lambda/bucket_target.h"

#include <algorithm>

#include "base/ids.h"
#include "services/lambda/event_source/poller.h"
#include "wire/generated/s3.h"

namespace cumulet::lambda {
namespace {

constexpr std::string_view kBucketArn = "arn:aws:s3:::";

}  // namespace

bool is_bucket(const std::string& arn) { return arn.starts_with(kBucketArn) && arn.find('/') == std::string::npos; }

std::string dated_name(Timestamp now) {
  std::string time = iso8601(now);
  time.pop_back();
  std::string day = time.substr(0, 10);
  std::replace(day.begin(), day.end(), '-', '/');
  std::replace(time.begin(), time.end(), ':', '.');
  return day + "/" + time + "-" + uuid();
}

Task<events::Outcome> BucketTarget::deliver(const events::Event& event) {
  if (!is_bucket(event.target_arn)) co_return events::Outcome::dropped("not a bucket: " + event.target_arn);
  const auto key = event.attributes.find("@Key");
  if (key == event.attributes.end()) co_return events::Outcome::dropped("the object has no key");
  ServiceCall made(event.account, event.region, clock_.now());
  wire::s3::PutObjectRequest input;
  input.bucket = event.target_arn.substr(kBucketArn.size());
  input.key = key->second;
  const auto type = event.attributes.find("@ContentType");
  if (type != event.attributes.end()) input.content_type = type->second;
  input.content_length = static_cast<std::int64_t>(event.payload.size());
  input.body = std::make_shared<StringBody>(event.payload);
  const Result<wire::s3::PutObjectOutput> put =
      co_await attempt(services_.call<wire::s3::PutObject>("s3", made.call, std::move(input)));
  if (put.ok()) co_return events::Outcome::delivered();
  if (is_passing(put.error())) co_return put.error();
  co_return events::Outcome::dropped(put.error().message());
}

}  // namespace cumulet::lambda
