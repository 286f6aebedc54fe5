#pragma once

#include "services/s3/s3.h"

namespace cumulet::s3 {

/// A browser's question before it sends a request across origins, answered by the bucket's CORS rules.
class S3::Preflight final : public wire::Surface {
 public:
  explicit Preflight(S3& s3) : s3_(s3) {}
  bool owns(const net::Request& request) const override;
  Task<net::Response> answer(net::Request& request, std::string request_id) override;

 private:
  S3& s3_;
};

}  // namespace cumulet::s3
