#include "services/s3/access_log_line.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <map>
#include <string_view>

#include "base/text.h"

namespace cumulet::s3 {
namespace {

constexpr std::size_t kFieldLimit = 1024;

/// What stands for an operation's resource, and for its method where that is not HTTP's.
struct Named {
  const char* resource;
  const char* method = nullptr;
};

const std::map<std::string_view, Named>& names() {
  static const std::map<std::string_view, Named> kNames{
      {"AbortMultipartUpload", {"UPLOAD"}},
      {"CompleteMultipartUpload", {"UPLOAD"}},
      {"CopyObject", {"OBJECT", "COPY"}},
      {"CreateBucket", {"BUCKET"}},
      {"CreateMultipartUpload", {"UPLOADS"}},
      {"DeleteBucket", {"BUCKET"}},
      {"DeleteObject", {"OBJECT"}},
      {"DeleteObjects", {"MULTI_OBJECT_DELETE"}},
      {"GetBucketAcl", {"ACL"}},
      {"GetBucketLocation", {"LOCATION"}},
      {"GetBucketLogging", {"LOGGING_STATUS"}},
      {"GetBucketRequestPayment", {"REQUEST_PAYMENT"}},
      {"GetObject", {"OBJECT"}},
      {"GetObjectAcl", {"ACL"}},
      {"HeadBucket", {"BUCKET"}},
      {"HeadObject", {"OBJECT"}},
      {"ListMultipartUploads", {"UPLOADS"}},
      {"ListObjectVersions", {"BUCKETVERSIONS"}},
      {"ListObjects", {"BUCKET"}},
      {"ListObjectsV2", {"BUCKET"}},
      {"ListParts", {"UPLOAD"}},
      {"PutBucketAcl", {"ACL"}},
      {"PutBucketLogging", {"LOGGING_STATUS"}},
      {"PutBucketRequestPayment", {"REQUEST_PAYMENT"}},
      {"PutObject", {"OBJECT"}},
      {"PutObjectAcl", {"ACL"}},
      {"SelectObjectContent", {"SELECT"}},
      {"UploadPart", {"PART"}},
      {"UploadPartCopy", {"PART", "COPY"}},
  };
  return kNames;
}

/// "PutBucketLifecycleConfiguration" → "LIFECYCLE_CONFIGURATION", "GetObjectTagging" → "OBJECT_TAGGING".
std::string resource_of(std::string_view operation) {
  for (const std::string_view verb : {"Put", "Get", "Delete", "List", "Head"}) {
    if (!operation.starts_with(verb)) continue;
    operation.remove_prefix(verb.size());
    break;
  }
  if (operation.starts_with("Bucket")) operation.remove_prefix(6);
  std::string resource;
  for (const char c : operation) {
    if (c >= 'A' && c <= 'Z' && !resource.empty()) resource += '_';
    resource += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return resource;
}

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }
std::string or_dash(const std::optional<std::uint64_t>& number) {
  return number && *number > 0 ? std::to_string(*number) : "-";
}

/// What a client said, where a space would end the field.
std::string bare(std::string_view text) { return or_dash(uri_encode(text.substr(0, kFieldLimit), true)); }

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kFieldLimit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '"') {
      std::array<char, 4> code{};
      std::snprintf(code.data(), code.size(), "%%%02X", byte);
      out += code.data();
    } else {
      out += c;
    }
  }
  if (out.size() == 1) out += '-';
  return out + "\"";
}

/// [06/Feb/2019:00:00:38 +0000]
std::string bracketed(Timestamp time) {
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t second = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm parts{};
  ::gmtime_r(&second, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "[%02d/%s/%04d:%02d:%02d:%02d +0000]", parts.tm_mday,
                kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                parts.tm_sec);
  return text.data();
}

}  // namespace

std::string access_log_operation(const std::string& operation, const std::string& method) {
  if (operation.empty()) return "WEBSITE." + method + ".OBJECT";
  const auto found = names().find(operation);
  if (found == names().end()) return "REST." + method + "." + resource_of(operation);
  const std::string verb = found->second.method == nullptr ? method : found->second.method;
  return "REST." + verb + "." + found->second.resource;
}

std::string access_log_line(const AccessRecord& record) {
  std::string line;
  line.reserve(512);
  const auto add = [&line](const std::string& field) { line.append(line.empty() ? "" : " ").append(field); };
  add(or_dash(record.bucket_owner));
  add(or_dash(record.bucket));
  add(bracketed(record.time));
  add(or_dash(record.remote));
  add(or_dash(record.requester));
  add(or_dash(record.request_id));
  add(or_dash(record.operation));
  add(bare(record.key));
  add(in_quotes(record.request_line));
  add(std::to_string(record.status));
  add(or_dash(record.error));
  add(or_dash(record.bytes_sent));
  add(or_dash(record.object_size));
  add(std::to_string(record.total_millis));
  add(record.turn_around_millis > 0 ? std::to_string(record.turn_around_millis) : "-");
  add(in_quotes(record.referer));
  add(in_quotes(record.user_agent));
  add(or_dash(record.version));
  add(or_dash(record.host_id));
  add(or_dash(record.signature));
  add("-");  // The cipher suite.
  add(or_dash(record.authentication));
  add(bare(record.host));
  add("-");  // The version of TLS.
  add("-");  // The access point.
  add("-");  // Whether an ACL was needed.
  add(or_dash(record.source_region));
  line += '\n';
  return line;
}

}  // namespace cumulet::s3
