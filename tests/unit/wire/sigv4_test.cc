#include "wire/sigv4.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/text.h"
#include "tests/unit/wire/sigv4_vectors.h"

namespace cumulet::wire {
namespace {

constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kDate = "20150830T123600Z";
constexpr std::string_view kScope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";

Timestamp at(std::string_view text) {
  Timestamp time{};
  EXPECT_TRUE(parse_iso8601_basic(text, time));
  return time;
}

void set_target(net::Request& request, std::string_view target) {
  request.target = target;
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  request.query = question == std::string_view::npos ? "" : target.substr(question + 1);
}

net::Request request_of(const SigV4Vector& vector) {
  net::Request request;
  request.method = vector.method;
  set_target(request, vector.target);
  request.headers.add("Host", "example.amazonaws.com");
  for (const std::string_view line : split(vector.headers, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos)
      request.headers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  }
  return request;
}

SignatureClaim claim_of(const net::Request& request) {
  Result<std::optional<SignatureClaim>> claim = read_signature(request, "service", AuthDialect::kJson);
  EXPECT_TRUE(claim.ok()) << (claim.ok() ? "" : claim.error().message());
  return claim.ok() && *claim ? **claim : SignatureClaim();
}

void expect_vector(const net::Request& request, const SigV4Vector& vector, std::string_view canonical_sha256,
                   std::string_view signature) {
  const SignatureClaim claim = claim_of(request);
  const std::string canonical = canonical_request(request, claim, hex_encode(sha256(vector.body)), !vector.normalised);
  EXPECT_EQ(hex_encode(sha256(canonical)), canonical_sha256) << canonical;
  EXPECT_EQ(signature_of(signing_key(kSecret, claim.scope), string_to_sign(claim, canonical)), signature);
  EXPECT_EQ(claim.signature, signature);
}

class SigV4SuiteTest : public testing::TestWithParam<SigV4Vector> {};

TEST_P(SigV4SuiteTest, HeaderSignatureIsThePublishedOne) {
  const SigV4Vector& vector = GetParam();
  net::Request request = request_of(vector);
  request.headers.add("X-Amz-Date", std::string(kDate));
  request.headers.add("Authorization", "AWS4-HMAC-SHA256 Credential=" + std::string(kScope) +
                                           ", SignedHeaders=" + std::string(vector.signed_headers) +
                                           ", Signature=" + std::string(vector.signature));
  expect_vector(request, vector, vector.canonical_sha256, vector.signature);
}

TEST_P(SigV4SuiteTest, QuerySignatureIsThePublishedOne) {
  const SigV4Vector& vector = GetParam();
  if (vector.query_signature.empty()) return;
  net::Request request = request_of(vector);
  std::string signed_headers;
  for (const std::string_view name : split(vector.signed_headers, ';')) {
    if (name.starts_with("x-amz-")) continue;
    if (!signed_headers.empty()) signed_headers += ';';
    signed_headers += name;
  }
  request.headers.erase("x-amz-content-sha256");
  if (!request.query.empty()) request.query += '&';
  request.query += "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + uri_encode(kScope) +
                   "&X-Amz-Date=" + std::string(kDate) + "&X-Amz-SignedHeaders=" + uri_encode(signed_headers) +
                   "&X-Amz-Expires=3600&X-Amz-Signature=" + std::string(vector.query_signature);
  expect_vector(request, vector, vector.query_canonical_sha256, vector.query_signature);
}

INSTANTIATE_TEST_SUITE_P(Published, SigV4SuiteTest, testing::ValuesIn(kSigV4Vectors), [](const auto& info) {
  std::string name(info.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// --- S3's own examples (S3 API Reference, "Examples: Signature calculations") --------------------------------------

constexpr std::string_view kS3Secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

SigningIdentity s3_identity() {
  SigningIdentity identity;
  identity.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  identity.secret_access_key = kS3Secret;
  identity.region = "us-east-1";
  identity.service = "s3";
  return identity;
}

net::Request s3_request(std::string_view method, std::string_view target) {
  net::Request request;
  request.method = method;
  set_target(request, target);
  request.headers.add("Host", "examplebucket.s3.amazonaws.com");
  return request;
}

TEST(SigV4SignTest, GetObjectWithRangeIsS3sExample) {
  net::Request request = s3_request("GET", "/test.txt");
  request.headers.add("Range", "bytes=0-9");
  sign_headers(request, s3_identity(), at("20130524T000000Z"), kEmptySha256);
  EXPECT_TRUE(request.headers.get("authorization")
                  .ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"))
      << request.headers.get("authorization");
}

TEST(SigV4SignTest, PutObjectWithDollarInKeyIsS3sExample) {
  net::Request request = s3_request("PUT", "/test$file.text");
  request.headers.add("Date", "Fri, 24 May 2013 00:00:00 GMT");
  request.headers.add("x-amz-storage-class", "REDUCED_REDUNDANCY");
  sign_headers(request, s3_identity(), at("20130524T000000Z"),
               "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  EXPECT_TRUE(request.headers.get("authorization")
                  .ends_with("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(SigV4SignTest, ListObjectsIsS3sExample) {
  net::Request request = s3_request("GET", "/?max-keys=2&prefix=J");
  sign_headers(request, s3_identity(), at("20130524T000000Z"), kEmptySha256);
  EXPECT_TRUE(request.headers.get("authorization")
                  .ends_with("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(SigV4SignTest, PresignedUrlIsS3sExample) {
  const net::Request request = s3_request("GET", "/test.txt");
  EXPECT_EQ(presigned_query(request, s3_identity(), at("20130524T000000Z"), 86400),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
            "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

// --- reading claims ------------------------------------------------------------------------------------------------

net::Request with_authorization(std::string authorization) {
  net::Request request = s3_request("GET", "/key");
  request.headers.add("X-Amz-Date", "20130524T000000Z");
  request.headers.add("x-amz-content-sha256", std::string(kUnsignedPayload));
  request.headers.add("Authorization", std::move(authorization));
  return request;
}

std::string failure(const net::Request& request, std::string_view service, AuthDialect dialect) {
  const Result<std::optional<SignatureClaim>> claim = read_signature(request, service, dialect);
  if (claim) return "none";
  return claim.error().code() + " " + std::to_string(claim.error().http_status()) + ": " + claim.error().message();
}

TEST(SignatureClaimTest, UnsignedRequestHasNone) {
  const Result<std::optional<SignatureClaim>> claim =
      read_signature(s3_request("GET", "/a?b=c"), "s3", AuthDialect::kS3);
  ASSERT_TRUE(claim.ok());
  EXPECT_FALSE(claim->has_value());
}

TEST(SignatureClaimTest, MissingPartsAreListedInOneSentenceEach) {
  EXPECT_EQ(failure(with_authorization("AWS4-HMAC-SHA256 SignedHeaders=host"), "dynamodb", AuthDialect::kJson),
            "IncompleteSignatureException 400: Authorization header requires 'Credential' parameter. Authorization "
            "header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 SignedHeaders=host");
  EXPECT_EQ(
      failure(with_authorization("AWS4-HMAC-SHA256"), "s3", AuthDialect::kS3),
      "AuthorizationHeaderMalformed 400: The authorization header is malformed; the authorization header requires "
      "three components: Credential, SignedHeaders, and Signature.");
}

TEST(SignatureClaimTest, ScopeOfAnotherServiceFails) {
  const std::string authorization =
      "AWS4-HMAC-SHA256 Credential=AKID/20130524/us-east-1/sqs/aws4_request,SignedHeaders=host,Signature=00";
  EXPECT_EQ(failure(with_authorization(authorization), "sts", AuthDialect::kQuery),
            "SignatureDoesNotMatch 403: Credential should be scoped to correct service: 'sts'.");
  EXPECT_EQ(failure(with_authorization(authorization), "s3", AuthDialect::kS3),
            "AuthorizationHeaderMalformed 400: The authorization header is malformed; incorrect service \"sqs\". This "
            "endpoint belongs to \"s3\".");
}

TEST(SignatureClaimTest, ScopeOfAnotherDayFails) {
  const std::string authorization =
      "AWS4-HMAC-SHA256 Credential=AKID/20130525/us-east-1/sts/aws4_request,SignedHeaders=host,Signature=00";
  EXPECT_EQ(failure(with_authorization(authorization), "sts", AuthDialect::kQuery),
            "SignatureDoesNotMatch 403: Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
            "from HTTP: '20130525' != '20130524', from '20130524T000000Z'.");
}

TEST(SignatureClaimTest, OtherAlgorithmsFail) {
  EXPECT_EQ(failure(with_authorization("AWS AKID:abc="), "s3", AuthDialect::kS3),
            "InvalidRequest 400: The authorization mechanism you have provided is not supported. Please use "
            "AWS4-HMAC-SHA256.");
  EXPECT_EQ(failure(with_authorization("Basic abc"), "s3", AuthDialect::kS3),
            "InvalidArgument 400: Unsupported Authorization Type");
}

TEST(SignatureClaimTest, PresignedParametersAreChecked) {
  const std::string rest =
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&"
      "X-Amz-Date=20130524T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
  const auto with_expires = [&](const std::string& expires) {
    return failure(s3_request("GET", "/key?" + rest + expires), "s3", AuthDialect::kS3);
  };
  EXPECT_EQ(with_expires("&X-Amz-Expires=604800"), "none");
  EXPECT_EQ(with_expires("&X-Amz-Expires=604801"),
            "AuthorizationQueryParametersError 400: X-Amz-Expires must be less than a week (in seconds); that is, the "
            "given X-Amz-Expires must be less than 604800 seconds");
  EXPECT_EQ(with_expires("&X-Amz-Expires=-1"),
            "AuthorizationQueryParametersError 400: X-Amz-Expires must be non-negative");
  EXPECT_EQ(with_expires("&X-Amz-Expires=soon"),
            "AuthorizationQueryParametersError 400: X-Amz-Expires should be a number");
  EXPECT_TRUE(
      with_expires("").starts_with("AuthorizationQueryParametersError 400: Query-string authentication version 4"));
}

TEST(SignatureClaimTest, HeaderAndQueryTogetherFailForS3) {
  net::Request request = with_authorization("AWS4-HMAC-SHA256 Credential=a");
  request.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256";
  EXPECT_TRUE(failure(request, "s3", AuthDialect::kS3).starts_with("InvalidArgument 400: Only one auth mechanism"));
}

TEST(SignatureClaimTest, S3WantsEveryAmzHeaderSigned) {
  net::Request request = with_authorization("");
  request.headers.add("x-amz-acl", "public-read");
  SignatureClaim claim;
  claim.signed_headers = {"host", "x-amz-content-sha256", "x-amz-date"};
  const Result<void> checked = check_signed_headers(request, claim, AuthDialect::kS3);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code(), "AccessDenied");
  EXPECT_EQ(checked.error().fields()[0].value, "x-amz-acl");
  claim.signed_headers = {"host", "x-amz-acl", "x-amz-content-sha256", "x-amz-date"};
  EXPECT_TRUE(check_signed_headers(request, claim, AuthDialect::kS3).ok());
}

/// Clients of HTTP/2 may sign ":authority" instead of "host", which is the same text.
TEST(SignatureClaimTest, AuthorityStandsForTheHost) {
  net::Request request = with_authorization("");
  SignatureClaim claim;
  claim.signed_headers = {":authority", "x-amz-content-sha256", "x-amz-date"};
  EXPECT_TRUE(check_signed_headers(request, claim, AuthDialect::kQuery).ok());
  const std::string host(request.headers.get("host"));
  EXPECT_NE(canonical_request(request, claim, "", false).find("\n:authority:" + host + "\n"), std::string::npos);
}

// --- time ----------------------------------------------------------------------------------------------------------

SignatureClaim claim_at(std::string_view time, SignatureClaim::Place place = SignatureClaim::Place::kHeader) {
  SignatureClaim claim;
  claim.place = place;
  claim.timestamp = time;
  claim.signed_at = at(time);
  claim.expires_seconds = 60;
  return claim;
}

std::string time_failure(const SignatureClaim& claim, std::string_view now, AuthDialect dialect) {
  const Result<void> checked = check_time(claim, at(now), dialect);
  return checked ? "none" : checked.error().code() + ": " + checked.error().message();
}

TEST(CheckTimeTest, FifteenMinutesEitherWayPass) {
  EXPECT_EQ(time_failure(claim_at("20260102T120000Z"), "20260102T121500Z", AuthDialect::kJson), "none");
  EXPECT_EQ(time_failure(claim_at("20260102T121500Z"), "20260102T120000Z", AuthDialect::kS3), "none");
}

TEST(CheckTimeTest, OlderIsExpiredInTheServicesWords) {
  EXPECT_EQ(time_failure(claim_at("20260102T120000Z"), "20260102T121501Z", AuthDialect::kQuery),
            "SignatureDoesNotMatch: Signature expired: 20260102T120000Z is now earlier than 20260102T120001Z "
            "(20260102T121501Z - 15 min.)");
  EXPECT_EQ(time_failure(claim_at("20260102T120000Z"), "20260102T121501Z", AuthDialect::kRestJson).substr(0, 26),
            "InvalidSignatureException:");
  EXPECT_EQ(time_failure(claim_at("20260102T120000Z"), "20260102T121501Z", AuthDialect::kS3),
            "RequestTimeTooSkewed: The difference between the request time and the current time is too large.");
}

TEST(CheckTimeTest, FutureIsNotYetCurrent) {
  EXPECT_EQ(time_failure(claim_at("20260102T121501Z"), "20260102T120000Z", AuthDialect::kJson),
            "InvalidSignatureException: Signature not yet current: 20260102T121501Z is still later than "
            "20260102T121500Z (20260102T120000Z + 15 min.)");
}

TEST(CheckTimeTest, PresignedUrlLivesAsLongAsItSays) {
  const SignatureClaim claim = claim_at("20260102T120000Z", SignatureClaim::Place::kQuery);
  EXPECT_EQ(time_failure(claim, "20260102T120100Z", AuthDialect::kS3), "none");
  EXPECT_EQ(time_failure(claim, "20260102T120101Z", AuthDialect::kS3), "AccessDenied: Request has expired");
}

TEST(SigningKeyCacheTest, GivesTheKeyOfTheSecretEvenAfterItChanged) {
  SigningKeyCache cache(2);
  CredentialScope scope;
  scope.access_key_id = "AKID";
  scope.date = "20260102";
  scope.region = "eu-west-1";
  scope.service = "s3";
  EXPECT_EQ(cache.get("one", scope), signing_key("one", scope));
  EXPECT_EQ(cache.get("one", scope), signing_key("one", scope));
  EXPECT_EQ(cache.get("two", scope), signing_key("two", scope));
  for (const char* date : {"20260103", "20260104", "20260105"}) {
    scope.date = date;
    EXPECT_EQ(cache.get("two", scope), signing_key("two", scope));
  }
}

}  // namespace
}  // namespace cumulet::wire
