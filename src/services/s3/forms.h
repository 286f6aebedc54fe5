#pragma once

#include "access/authenticate_form.h"
#include "services/s3/form_data.h"
#include "services/s3/post_policy.h"
#include "services/s3/s3.h"

namespace cumulet::s3 {

/// Uploads from browsers' forms: the fields say what PutObject's headers say, a signed policy says what is allowed, and
/// what comes after the file is ignored. https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
class S3::Forms final : public wire::Surface {
 public:
  Forms(S3& s3, access::FormAuthenticator& authenticator) : s3_(s3), authenticator_(authenticator) {}
  bool owns(const net::Request& request) const override;
  Task<net::Response> answer(net::Request& request, std::string request_id) override;

 private:
  struct Upload;

  Task<net::Response> upload(net::Request& request, Call& call);
  Task<void> read_fields(FormReader& reader, Upload& upload);
  Task<void> authorize(Call& call, Upload& upload);
  Task<wire::s3::PutObjectRequest> put_request(Upload& upload, FormReader& reader);

  S3& s3_;
  access::FormAuthenticator& authenticator_;
};

}  // namespace cumulet::s3
