#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

/// S3's errors, in its words. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
namespace cumulet::s3 {

Error no_such_bucket(const std::string& bucket);
Error no_such_key(const std::string& key);
Error no_such_version(const std::string& key, const std::string& version_id);
Error is_delete_marker();
Error no_such_upload(const std::string& upload_id);
Error access_denied();
Error precondition_failed(const std::string& condition);
Error not_modified();
Error entity_too_large(std::uint64_t size);
Error invalid_argument(std::string message, std::string name, std::string value);
Error invalid_request(std::string message);
Error malformed_xml();
Error no_such_configuration();
Error not_configured(std::string code, std::string message, const std::string& bucket);

}  // namespace cumulet::s3
