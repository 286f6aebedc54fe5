#include "services/s3/forms.h"

#include <algorithm>
#include <array>

#include "access/authorize.h"
#include "base/text.h"
#include "services/s3/errors.h"
#include "wire/protocol.h"
#include "wire/virtual_host.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kFieldsLimit = 20'000;  ///< Bytes of all fields before the file, as on AWS.

/// The file of a form, held to the policy's content-length-range while it is read.
class FileOfForm final : public BodySource {
 public:
  FileOfForm(FormReader& reader, const std::optional<PostPolicy>& policy) : reader_(reader), policy_(policy) {}

  Task<std::string> read() override {
    std::string bytes = co_await reader_.read();
    size_ += bytes.size();
    if (policy_) co_await policy_->check_size(size_, bytes.empty());
    co_return bytes;
  }

 private:
  FormReader& reader_;
  const std::optional<PostPolicy>& policy_;
  std::uint64_t size_ = 0;
};

Error missing_field(const std::string& name) {
  return invalid_argument("Bucket POST must contain a field named '" + name +
                              "'.  If it is specified, please check the order of the fields.",
                          name, "");
}

/// The bucket that a POST goes to; empty when its path names more than a bucket.
std::string posted_bucket(const net::Request& request) {
  const std::string host = wire::virtual_host_bucket(request.host);
  if (!host.empty()) return request.path == "/" ? host : std::string();
  const std::string_view path = std::string_view(request.path).substr(1);
  const std::size_t slash = path.find('/');
  if (path.empty() || (slash != std::string_view::npos && slash + 1 != path.size())) return {};
  return uri_decode(path.substr(0, slash)).value_or("");
}

/// Fields that are headers of PutObject.
bool is_header(const std::string& field) {
  static constexpr std::array<std::string_view, 6> kPlain{"cache-control",    "content-type",     "content-disposition",
                                                          "content-encoding", "content-language", "expires"};
  static constexpr std::array<std::string_view, 5> kProof{"x-amz-algorithm", "x-amz-credential", "x-amz-date",
                                                          "x-amz-signature", "x-amz-security-token"};
  if (std::find(kPlain.begin(), kPlain.end(), field) != kPlain.end()) return true;
  return field.starts_with("x-amz-") && std::find(kProof.begin(), kProof.end(), field) == kProof.end();
}

/// A value that becomes a header must not end it.
bool fits_header(const std::string& value) {
  return std::none_of(value.begin(), value.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

void replace_filename(std::string& value, const std::string& filename) {
  constexpr std::string_view kVariable = "${filename}";
  for (std::size_t at = 0; (at = value.find(kVariable, at)) != std::string::npos; at += filename.size()) {
    value.replace(at, kVariable.size(), filename);
  }
}

/// keyid/YYYYMMDD/region/s3/aws4_request
std::optional<wire::CredentialScope> read_scope(std::string_view credential) {
  const std::vector<std::string_view> parts = split(credential, '/');
  if (parts.size() != 5 || parts[3] != "s3" || parts[4] != "aws4_request") return std::nullopt;
  wire::CredentialScope scope;
  scope.access_key_id = parts[0];
  scope.date = parts[1];
  scope.region = parts[2];
  scope.service = parts[3];
  return scope;
}

Task<std::string> tags_header(const wire::ServiceModel& model, std::string xml) {
  net::Request request;
  request.method = "PUT";
  request.path = request.target = "/bucket/key";
  request.query = "tagging";
  request.body = std::make_unique<StringBody>(std::move(xml));
  const wire::Instance input = co_await wire::decode(model, api::PutObjectTagging::model(), request, "");
  const auto& typed = *static_cast<const api::PutObjectTaggingRequest*>(input.get());
  std::string header;
  for (const api::Tag& tag : typed.tagging.tag_set) {
    if (!header.empty()) header += '&';
    header += uri_encode(tag.key) + "=" + uri_encode(tag.value);
  }
  co_return header;
}

bool is_web_address(const std::string& text) {
  return (text.starts_with("http://") || text.starts_with("https://")) && fits_header(text) &&
         text.find_first_of(" \"<>") == std::string::npos;
}

}  // namespace

struct S3::Forms::Upload {
  Upload() = default;
  std::string bucket;
  FormFields fields;
  std::optional<PostPolicy> policy;

  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
};

bool S3::Forms::owns(const net::Request& request) const {
  return request.method == "POST" && request.query.empty() && form_boundary(request.headers.get("content-type")) &&
         !posted_bucket(request).empty();
}

Task<net::Response> S3::Forms::answer(net::Request& request, std::string request_id) {
  Call call(request);
  call.request_id = request_id;
  call.service = "s3";
  call.operation = "PostObject";
  call.time = s3_.clock_.now();
  call.endpoint = (request.secure ? "https://" : "http://") + std::string(request.headers.get("host"));
  Result<net::Response> response = co_await attempt(upload(request, call));
  if (!response.ok()) {
    wire::ErrorContext context(request_id);
    context.resource = request.path;
    response = wire::render(s3_.service_.model(), response.error(), context);
  }
  for (const auto& [name, value] : call.reply_headers) response->headers.add(name, value);
  response->headers.set("x-amz-request-id", request_id);
  co_return std::move(*response);
}

Task<void> S3::Forms::read_fields(FormReader& reader, Upload& upload) {
  std::size_t bytes = 0;
  while (true) {
    const std::optional<FormPart> part = co_await reader.next();
    if (!part) {
      co_await fail(invalid_argument("POST requires exactly one file upload per request.", "file", "0"));
      co_return;
    }
    const std::string name = to_lower(part->name);
    if (name == "file") {
      const std::size_t slash = part->filename.find_last_of("/\\");
      const std::string filename = slash == std::string::npos ? part->filename : part->filename.substr(slash + 1);
      for (auto& [field, value] : upload.fields) replace_filename(value, filename);
      co_return;
    }
    std::string value;
    while (true) {
      const std::string piece = co_await reader.read();
      if (piece.empty()) break;
      bytes += piece.size();
      if (bytes + name.size() > kFieldsLimit) {
        co_await fail(Error("MaxPostPreDataLengthExceeded", 400,
                            "Your POST request fields preceding the upload file were too large.")
                          .with("MaxPostPreDataLengthExceeded", std::to_string(kFieldsLimit)));
      }
      value += piece;
    }
    bytes += name.size();
    upload.fields[name] = std::move(value);
  }
}

/// Who uploads, and whether the policy lets the fields pass. Without a policy the form is anonymous.
Task<void> S3::Forms::authorize(Call& call, Upload& upload) {
  if (!upload.fields.contains("policy")) {
    call.caller.anonymous = true;
    co_return;
  }
  access::FormSignature signature;
  signature.policy = upload.field("policy");
  signature.session_token = upload.field("x-amz-security-token");
  if (upload.fields.contains("x-amz-algorithm")) {
    for (const char* name : {"x-amz-credential", "x-amz-date", "x-amz-signature"}) {
      if (!upload.fields.contains(name)) co_await fail(missing_field(name));
    }
    if (upload.field("x-amz-algorithm") != wire::kSigV4Algorithm) {
      co_await fail(invalid_argument("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"", "x-amz-algorithm",
                                     upload.field("x-amz-algorithm")));
    }
    signature.scope = read_scope(upload.field("x-amz-credential"));
    if (!signature.scope) {
      co_await fail(invalid_argument(
          "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
          "x-amz-credential", upload.field("x-amz-credential")));
    }
    signature.signature = upload.field("x-amz-signature");
    call.region = signature.scope->region;
  } else {
    for (const char* name : {"awsaccesskeyid", "signature"}) {
      if (!upload.fields.contains(name)) {
        co_await fail(missing_field(std::string(name) == "signature" ? "signature" : "AWSAccessKeyId"));
      }
    }
    signature.access_key_id = upload.field("awsaccesskeyid");
    signature.signature = upload.field("signature");
  }
  call.caller = co_await authenticator_.authenticate(signature);
  const std::optional<std::string> json = base64_decode(signature.policy);
  upload.policy = co_await PostPolicy::parse(json.value_or(""));
  co_await upload.policy->check(upload.fields, upload.bucket, call.time);
}

/// What PutObject would have been asked for with the same words in headers.
Task<api::PutObjectRequest> S3::Forms::put_request(Upload& upload, FormReader& reader) {
  const wire::ServiceModel& model = s3_.service_.model();
  net::Request put;
  put.method = "PUT";
  put.path = put.target = "/" + uri_encode(upload.bucket) + "/" + uri_encode(upload.field("key"), true);
  for (const auto& [name, value] : upload.fields) {
    if (!is_header(name)) continue;
    if (!fits_header(value)) co_return invalid_argument("Invalid header value.", name, "");
    put.headers.add(name, value);
  }
  if (upload.fields.contains("acl")) put.headers.set("x-amz-acl", upload.field("acl"));
  if (upload.fields.contains("tagging")) {
    put.headers.set("x-amz-tagging", co_await tags_header(model, upload.field("tagging")));
  }
  put.body = std::make_unique<FileOfForm>(reader, upload.policy);
  const wire::Instance input = co_await wire::decode(model, api::PutObject::model(), put, "");
  co_return std::move(*static_cast<api::PutObjectRequest*>(input.get()));
}

Task<net::Response> S3::Forms::upload(net::Request& request, Call& call) {
  FormReader reader(*request.body, form_boundary(request.headers.get("content-type")).value_or(""));
  Upload upload;
  upload.bucket = posted_bucket(request);
  co_await read_fields(reader, upload);
  if (upload.field("key").empty()) co_return missing_field("key");
  co_await authorize(call, upload);
  co_await access::authorize(call);
  const api::PutObjectRequest input = co_await put_request(upload, reader);
  const api::PutObjectOutput output = co_await s3_.put_content(call, input);

  const std::string etag = output.e_tag.value_or("");
  const bool by_host = !wire::virtual_host_bucket(request.host).empty();
  const std::string location =
      call.endpoint + "/" + (by_host ? "" : upload.bucket + "/") + uri_encode(upload.field("key"), true);
  std::string redirect = upload.field("success_action_redirect");
  if (redirect.empty()) redirect = upload.field("redirect");
  net::Response response(204);
  if (is_web_address(redirect)) {
    response.status = 303;
    response.headers.set("location", redirect + (redirect.find('?') == std::string::npos ? "?" : "&") +
                                         "bucket=" + uri_encode(upload.bucket) +
                                         "&key=" + uri_encode(upload.field("key")) + "&etag=" + uri_encode(etag));
  } else {
    response.headers.set("location", location);
    const std::string status = upload.field("success_action_status");
    if (status == "200") response.status = 200;
    if (status == "201") {
      response = net::Response(201, "application/xml",
                               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>" +
                                   xml_escape(location) + "</Location><Bucket>" + xml_escape(upload.bucket) +
                                   "</Bucket><Key>" + xml_escape(upload.field("key")) + "</Key><ETag>" +
                                   xml_escape(etag) + "</ETag></PostResponse>");
      response.headers.set("location", location);
    }
  }
  response.headers.set("etag", etag);
  if (output.version_id) response.headers.set("x-amz-version-id", *output.version_id);
  co_return response;
}

}  // namespace cumulet::s3
