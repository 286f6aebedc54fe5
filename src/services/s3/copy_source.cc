#include "services/s3/copy_source.h"

#include "base/text.h"
#include "services/s3/errors.h"
#include "services/s3/versions.h"

namespace cumulet::s3 {

Result<CopySource> parse_copy_source(const std::string& header) {
  const auto invalid = [&header] {
    return invalid_argument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                            "x-amz-copy-source", header);
  };
  std::string_view text = header;
  std::optional<std::string> version_id;
  const std::size_t query = text.find("?versionId=");
  if (query != std::string_view::npos) {
    version_id = std::string(text.substr(query + 11));
    if (Result<void> valid = check_version_id(version_id); !valid.ok()) return std::move(valid).error();
    text = text.substr(0, query);
  }
  const std::optional<std::string> decoded = uri_decode(text);
  if (!decoded) return invalid();
  std::string_view rest = *decoded;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const std::size_t slash = rest.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == rest.size()) return invalid();
  CopySource source;
  source.bucket = rest.substr(0, slash);
  source.key = rest.substr(slash + 1);
  source.version_id = std::move(version_id);
  return source;
}

Result<void> CopyConditions::check_copy(const Object& object) const {
  Result<void> checked = conditions.check(object);
  if (checked.ok() || checked.error().http_status() != 304) return checked;
  return precondition_failed(conditions.if_none_match ? "x-amz-copy-source-If-None-Match"
                                                      : "x-amz-copy-source-If-Modified-Since");
}

}  // namespace cumulet::s3
