#include "services/s3/errors.h"

#include "services/s3/model.h"

namespace cumulet::s3 {

Error no_such_bucket(const std::string& bucket) {
  return Error("NoSuchBucket", 404, "The specified bucket does not exist").with("BucketName", bucket);
}

Error no_such_key(const std::string& key) {
  return Error("NoSuchKey", 404, "The specified key does not exist.").with("Key", key);
}

Error no_such_version(const std::string& key, const std::string& version_id) {
  return Error("NoSuchVersion", 404, "The specified version does not exist.")
      .with("Key", key)
      .with("VersionId", version_id);
}

Error is_delete_marker() {
  return Error("MethodNotAllowed", 405, "The specified method is not allowed against this resource.")
      .with("ResourceType", "DeleteMarker");
}

Error no_such_upload(const std::string& upload_id) {
  return Error("NoSuchUpload", 404,
               "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
               "or completed.")
      .with("UploadId", upload_id);
}

Error access_denied() { return Error("AccessDenied", 403, "Access Denied"); }

Error precondition_failed(const std::string& condition) {
  return Error("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold")
      .with("Condition", condition);
}

Error not_modified() { return Error("NotModified", 304, "Not Modified"); }

Error entity_too_large(std::uint64_t size) {
  return Error("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size")
      .with("ProposedSize", std::to_string(size))
      .with("MaxSizeAllowed", std::to_string(kObjectLimit));
}

Error invalid_argument(std::string message, std::string name, std::string value) {
  return Error("InvalidArgument", 400, std::move(message))
      .with("ArgumentName", std::move(name))
      .with("ArgumentValue", std::move(value));
}

Error invalid_request(std::string message) { return Error("InvalidRequest", 400, std::move(message)); }

Error malformed_xml() {
  return Error("MalformedXML", 400,
               "The XML you provided was not well-formed or did not validate against our published schema");
}

Error no_such_configuration() {
  return Error("NoSuchConfiguration", 404, "The specified configuration does not exist.");
}

Error not_configured(std::string code, std::string message, const std::string& bucket) {
  return Error(std::move(code), 404, std::move(message)).with("BucketName", bucket);
}

}  // namespace cumulet::s3
