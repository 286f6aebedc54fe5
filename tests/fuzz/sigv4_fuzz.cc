#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "access/policy.h"
#include "base/text.h"
#include "wire/chunked_body.h"
#include "wire/sigv4.h"

// The first byte says what the rest is: a request's authorization (header, query, other headers, a line each), an
// aws-chunked body, or a policy document.

using namespace cumulet;

namespace {

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

/// Whatever a request claims, its canonical form is the same when it is computed twice, and reading it never fails
/// badly.
void fuzz_claim(std::string_view input) {
  net::Request request;
  request.method = "GET";
  const std::string_view target = take_line(input);
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  while (!input.empty()) {
    const std::string_view line = take_line(input);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    request.headers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  }
  wire::read_identity(request);
  for (const wire::AuthDialect dialect : {wire::AuthDialect::kS3, wire::AuthDialect::kJson}) {
    const bool s3 = dialect == wire::AuthDialect::kS3;
    const auto claim = wire::read_signature(request, s3 ? "s3" : "dynamodb", dialect);
    if (!claim || !*claim) continue;
    const auto time = wire::check_time(**claim, (*claim)->signed_at, dialect);
    const auto headers = wire::check_signed_headers(request, **claim, dialect);
    if (!time && headers) std::abort();  // at its own time a claim is never out of time
    const std::string canonical = wire::canonical_request(request, **claim, wire::kUnsignedPayload, s3);
    if (canonical != wire::canonical_request(request, **claim, wire::kUnsignedPayload, s3)) std::abort();
    wire::string_to_sign(**claim, canonical);
  }
}

struct Decoded {
  std::string bytes;
  bool complete = false;
};

Decoded decode(const wire::ChunkedRules& rules, std::string_view input, std::size_t piece) {
  wire::ChunkDecoder decoder(rules);
  Decoded decoded;
  while (!input.empty()) {
    const std::string_view part = input.substr(0, piece);
    input.remove_prefix(part.size());
    if (!decoder.feed(part, decoded.bytes)) return decoded;
  }
  decoded.complete = decoder.finish().ok();
  return decoded;
}

/// The pieces in which a body comes change nothing; a complete one has the declared length.
void fuzz_chunks(std::string_view input) {
  if (input.size() < 2) return;
  wire::ChunkedRules rules;
  rules.decoded_length = static_cast<std::uint8_t>(input[0]);
  rules.signed_chunks = (input[1] & 1) != 0;
  rules.trailers = (input[1] & 2) != 0;
  rules.verify = (input[1] & 4) != 0;
  if ((input[1] & 8) != 0) rules.announced_trailers = {"x-amz-checksum-crc32"};
  input.remove_prefix(2);
  const Decoded whole = decode(rules, input, input.size() + 1);
  const Decoded bytes = decode(rules, input, 1);
  if (whole.complete != bytes.complete) std::abort();
  if (whole.complete && (whole.bytes != bytes.bytes || whole.bytes.size() != rules.decoded_length)) std::abort();
  if (whole.bytes.size() > rules.decoded_length) std::abort();
}

void fuzz_policy(std::string_view input) {
  for (const access::PolicyKind kind :
       {access::PolicyKind::kIdentity, access::PolicyKind::kTrust, access::PolicyKind::kResource}) {
    const Result<access::Policy> policy = access::parse_policy(input, kind);
    if (!policy) continue;
    access::Question question;
    question.caller.account = "123456789012";
    question.caller.arn = "arn:aws:sts::123456789012:assumed-role/worker/one";
    question.action = "s3:GetObject";
    question.resource = "arn:aws:s3:::bucket/key";
    question.context["aws:sourceip"] = {"10.0.0.1"};
    access::evaluate(*policy, question);
    access::allows_public(*policy, "s3:GetObject", "arn:aws:s3:::bucket/key");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      fuzz_claim(input);
      break;
    case 1:
      fuzz_chunks(input);
      break;
    default:
      fuzz_policy(input);
  }
  return 0;
}
