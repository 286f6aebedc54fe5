#include "base/text.h"
#include "services/cloudformation/cloudformation.h"
#include "services/cloudformation/parse_limits.h"
#include "wire/generated/s3.h"
#include "wire/virtual_host.h"

namespace cumulet::cloudformation {

Task<std::string> CloudFormation::template_body(Call& call, std::optional<std::string> body,
                                                std::optional<std::string> url) {
  if (body && url) co_return validation_error("Either Template URL or Template Body must be specified, not both.");
  if (body) co_return std::move(*body);
  if (url) co_return co_await read_url(call, std::move(*url));
  co_return validation_error("Either Template URL or Template Body must be specified.");
}

Task<std::string> CloudFormation::read_url(Call& call, std::string url) {
  const auto invalid = [] { return validation_error("TemplateURL must be a supported URL."); };
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) co_return invalid();
  const std::string rest = url.substr(scheme + 3, url.find('?') - scheme - 3);
  const std::size_t slash = rest.find('/');
  if (slash == std::string::npos) co_return invalid();
  std::string host = rest.substr(0, slash);
  host.resize(std::min(host.find(':'), host.size()));
  const std::optional<std::string> path = uri_decode(rest.substr(slash + 1));
  if (!path) co_return invalid();

  // s3://bucket/key, http://bucket.s3…/key or http://host/bucket/key: always an object of ours.
  wire::s3::GetObjectRequest input;
  const std::string virtual_bucket = wire::virtual_host_bucket(host);
  if (url.starts_with("s3://")) {
    input.bucket = host;
    input.key = *path;
  } else if (!virtual_bucket.empty()) {
    input.bucket = virtual_bucket;
    input.key = *path;
  } else {
    const std::size_t separator = path->find('/');
    if (separator == std::string::npos) co_return invalid();
    input.bucket = path->substr(0, separator);
    input.key = path->substr(separator + 1);
  }
  const Result<wire::s3::GetObjectOutput> object =
      co_await attempt(directory_.call<wire::s3::GetObject>("s3", call, std::move(input)));
  if (!object.ok()) co_return validation_error("S3 error: " + object.error().message());
  co_return co_await read_all(*object->body, kDocumentLimit, too_large());
}

}  // namespace cumulet::cloudformation
