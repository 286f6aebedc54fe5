#pragma once

#include "services/s3/s3.h"

namespace cumulet::s3 {

/// Static website hosting. Readers are anonymous: a site's objects must be public by the bucket's policy.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html
class S3::Website final : public wire::Surface {
 public:
  explicit Website(S3& s3) : s3_(s3) {}
  bool owns(const net::Request& request) const override;
  Task<net::Response> answer(net::Request& request, std::string request_id) override;

 private:
  struct Visit;

  Task<net::Response> serve(Visit& visit);
  Task<net::Response> serve_key(Visit& visit, std::string key, int status);
  Task<net::Response> serve_error(Visit& visit, const Error& error);
  Task<bool> is_readable(Visit& visit, std::string key);

  S3& s3_;
};

}  // namespace cumulet::s3
