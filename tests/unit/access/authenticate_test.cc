#include "access/authenticate.h"

#include <map>

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/run.h"
#include "base/text.h"
#include "wire/chunked_body.h"

namespace cumulet::access {
namespace {

using namespace std::chrono_literals;
using wire::AuthDialect;

class FixedCredentials final : public CredentialSource {
 public:
  FixedCredentials() {
    Credential root;
    root.secret_access_key = "secret";
    root.caller = root_caller("123456789012");
    root.caller.access_key_id = "AKIAROOT";
    known["AKIAROOT"] = root;
    Credential session = root;
    session.caller.arn = "arn:aws:sts::123456789012:assumed-role/worker/one";
    session.caller.access_key_id = "ASIASESSION";
    session.expires = Timestamp(1'767'225'600s) + 1h;
    known["ASIASESSION/token"] = session;
  }
  Task<std::optional<Credential>> find(std::string id, std::string token) override {
    const auto found = known.find(token.empty() ? id : id + "/" + token);
    if (found == known.end()) co_return std::optional<Credential>();
    co_return std::optional<Credential>(found->second);
  }
  std::map<std::string, Credential> known;
};

class AuthenticateTest : public testing::Test {
 protected:
  AuthenticateTest() {
    identity_.access_key_id = "AKIAROOT";
    identity_.secret_access_key = "secret";
    identity_.region = "eu-west-1";
  }

  net::Request request(std::string method, std::string path, std::string body = {}) {
    net::Request request;
    request.method = std::move(method);
    request.path = path;
    request.target = path;
    request.headers.add("Host", "localhost:4566");
    body_ = body;
    request.body = std::make_unique<StringBody>(std::move(body));
    return request;
  }
  net::Request signed_request(const std::string& service, std::string method, std::string path, std::string body = {}) {
    net::Request made = request(std::move(method), std::move(path), std::move(body));
    identity_.service = service;
    wire::sign_headers(made, identity_, clock_.now(), hex_encode(sha256(body_)));
    return made;
  }
  Result<wire::Caller> authenticate(net::Request& request, const std::string& service, AuthDialect dialect) {
    Audience audience(service, dialect);
    audience.allows_anonymous = dialect == AuthDialect::kS3;
    audience.body_limit = 1000;
    return run(strict_.authenticate(request, audience));
  }
  static std::string failure(const Result<wire::Caller>& result) {
    return result ? "none" : result.error().code() + " " + std::to_string(result.error().http_status());
  }
  static std::string body_of(net::Request& request) {
    const Result<std::string> body = run(read_all(*request.body, 1 << 20, Error("TooLarge", 400, "")));
    return body ? *body : body.error().code();
  }

  FixedCredentials source_;
  ManualClock clock_{Timestamp(1'767'225'600s)};
  Authenticator strict_{source_, clock_, Authenticator::Mode::kStrict};
  Authenticator lenient_{source_, clock_, Authenticator::Mode::kLenient};
  wire::SigningIdentity identity_;
  std::string body_;
};

TEST_F(AuthenticateTest, SignedRequestIsItsCallersAndKeepsItsBody) {
  net::Request made = signed_request("dynamodb", "POST", "/", "{\"a\":1}");
  const Result<wire::Caller> caller = authenticate(made, "dynamodb", AuthDialect::kJson);
  ASSERT_TRUE(caller.ok()) << caller.error().message();
  EXPECT_EQ(caller->account, "123456789012");
  EXPECT_EQ(caller->access_key_id, "AKIAROOT");
  EXPECT_FALSE(caller->anonymous);
  EXPECT_EQ(body_of(made), "{\"a\":1}");
}

TEST_F(AuthenticateTest, AnyChangeBreaksTheSignature) {
  const auto changed = [this](const std::function<void(net::Request&)>& change) {
    net::Request made = signed_request("lambda", "POST", "/2015-03-31/functions/a%3Ab/invocations", "{}");
    change(made);
    return failure(authenticate(made, "lambda", AuthDialect::kRestJson));
  };
  EXPECT_EQ(changed([](net::Request&) {}), "none");
  const std::string mismatch = "InvalidSignatureException 403";
  EXPECT_EQ(changed([](net::Request& r) { r.method = "PUT"; }), mismatch);
  EXPECT_EQ(changed([](net::Request& r) { r.path = "/2015-03-31/functions/b/invocations"; }), mismatch);
  EXPECT_EQ(changed([](net::Request& r) { r.query = "Qualifier=1"; }), mismatch);
  EXPECT_EQ(changed([](net::Request& r) { r.headers.set("Host", "other"); }), mismatch);
  EXPECT_EQ(changed([](net::Request& r) { r.body = std::make_unique<StringBody>("[]"); }), mismatch);
}

TEST_F(AuthenticateTest, FailuresAreInTheServicesWords) {
  net::Request bare = request("POST", "/");
  EXPECT_EQ(failure(authenticate(bare, "dynamodb", AuthDialect::kJson)), "MissingAuthenticationTokenException 400");
  EXPECT_EQ(authenticate(bare, "lambda", AuthDialect::kRestJson).error().message(), "Missing Authentication Token");
  EXPECT_EQ(failure(authenticate(bare, "sts", AuthDialect::kQuery)), "MissingAuthenticationToken 403");

  identity_.access_key_id = "AKIAOTHER";
  net::Request unknown = signed_request("dynamodb", "POST", "/");
  EXPECT_EQ(failure(authenticate(unknown, "dynamodb", AuthDialect::kJson)), "UnrecognizedClientException 400");
  unknown = signed_request("sts", "POST", "/");
  EXPECT_EQ(failure(authenticate(unknown, "sts", AuthDialect::kQuery)), "InvalidClientTokenId 403");
  unknown = signed_request("s3", "GET", "/b/k");
  EXPECT_EQ(failure(authenticate(unknown, "s3", AuthDialect::kS3)), "InvalidAccessKeyId 403");

  identity_.access_key_id = "AKIAROOT";
  identity_.secret_access_key = "wrong";
  net::Request wrong = signed_request("sts", "POST", "/");
  EXPECT_EQ(failure(authenticate(wrong, "sts", AuthDialect::kQuery)), "SignatureDoesNotMatch 403");
  wrong = signed_request("s3", "GET", "/b/k");
  const Result<wire::Caller> s3 = authenticate(wrong, "s3", AuthDialect::kS3);
  EXPECT_EQ(failure(s3), "SignatureDoesNotMatch 403");
  std::vector<std::string> names;
  for (const Error::Field& field : s3.error().fields()) names.push_back(field.name);
  EXPECT_EQ(join(names, " "),
            "AWSAccessKeyId StringToSign SignatureProvided StringToSignBytes CanonicalRequest CanonicalRequestBytes");
}

TEST_F(AuthenticateTest, SessionTokensBelongToTheirKeyAndExpire) {
  identity_.access_key_id = "ASIASESSION";
  identity_.session_token = "token";
  net::Request made = signed_request("sts", "POST", "/");
  EXPECT_EQ(authenticate(made, "sts", AuthDialect::kQuery)->arn, "arn:aws:sts::123456789012:assumed-role/worker/one");

  identity_.session_token = "forged";
  made = signed_request("s3", "GET", "/b/k");
  EXPECT_EQ(failure(authenticate(made, "s3", AuthDialect::kS3)), "InvalidToken 400");

  identity_.session_token = "token";
  clock_.advance(1h);
  made = signed_request("dynamodb", "POST", "/");
  EXPECT_EQ(failure(authenticate(made, "dynamodb", AuthDialect::kJson)), "ExpiredTokenException 400");
  made = signed_request("s3", "GET", "/b/k");
  EXPECT_EQ(failure(authenticate(made, "s3", AuthDialect::kS3)), "ExpiredToken 400");
}

TEST_F(AuthenticateTest, SwitchedOffKeysAreUnknown) {
  source_.known["AKIAROOT"].active = false;
  net::Request made = signed_request("sts", "POST", "/");
  EXPECT_EQ(failure(authenticate(made, "sts", AuthDialect::kQuery)), "InvalidClientTokenId 403");
}

TEST_F(AuthenticateTest, BodiesPastTheLimitAreRefused) {
  net::Request made = signed_request("dynamodb", "POST", "/", std::string(1001, 'a'));
  EXPECT_EQ(failure(authenticate(made, "dynamodb", AuthDialect::kJson)), "RequestEntityTooLargeException 413");
}

TEST_F(AuthenticateTest, S3BodyIsHeldToItsHashWhileItIsRead) {
  net::Request made = signed_request("s3", "PUT", "/b/k", "hello");
  ASSERT_TRUE(authenticate(made, "s3", AuthDialect::kS3).ok());
  EXPECT_EQ(body_of(made), "hello");
  made = signed_request("s3", "PUT", "/b/k", "hello");
  made.body = std::make_unique<StringBody>("jello");
  ASSERT_TRUE(authenticate(made, "s3", AuthDialect::kS3).ok());
  EXPECT_EQ(body_of(made), "XAmzContentSHA256Mismatch");
}

TEST_F(AuthenticateTest, PresignedUrlWorksUntilItExpires) {
  const auto presigned = [this] {
    net::Request made = request("GET", "/b/some%20key");
    made.query = "versionId=1";
    identity_.service = "s3";
    made.query = wire::presigned_query(made, identity_, Timestamp(1'767'225'600s), 3600);
    return made;
  };
  net::Request made = presigned();
  EXPECT_EQ(failure(authenticate(made, "s3", AuthDialect::kS3)), "none");
  made = presigned();
  made.method = "DELETE";
  EXPECT_EQ(failure(authenticate(made, "s3", AuthDialect::kS3)), "SignatureDoesNotMatch 403");
  clock_.advance(3601s);
  made = presigned();
  const Result<wire::Caller> late = authenticate(made, "s3", AuthDialect::kS3);
  EXPECT_EQ(failure(late), "AccessDenied 403");
  EXPECT_EQ(late.error().message(), "Request has expired");
}

TEST_F(AuthenticateTest, PresignedUrlsOfVersion2AreVerified) {
  // Made by botocore's signer for keys AKIAROOT/secret.
  struct Row {
    std::string method, host, path, query;
  };
  const std::vector<Row> rows{
      {"GET", "localhost", "/b/k%20e%20y",
       "versionId=1&x-id=GetObject&response-content-type=text%2Fplain&AWSAccessKeyId=AKIAROOT&Signature="
       "e21PwriBIauQOyGhBE4OYOAuzDw%3D&Expires=1767229200"},
      {"PUT", "b.s3.localhost", "/key",
       "AWSAccessKeyId=ASIASESSION&Signature=ijgE%2BBPc2f7uS5WEGQ91lOAThBw%3D&x-amz-acl=public-read&content-type="
       "text%2Fplain&x-amz-security-token=token&Expires=1767229200"},
      {"POST", "localhost", "/b/key",
       "uploads&AWSAccessKeyId=AKIAROOT&Signature=IbO2F8GvwO5nAQlAlAQPFa2ko%2FE%3D&Expires=1767229200"}};
  const auto made = [this](const Row& row) {
    net::Request presigned = request(row.method, row.path);
    presigned.host = row.host;
    presigned.query = row.query;
    return presigned;
  };
  for (const Row& row : rows) {
    net::Request good = made(row);
    EXPECT_EQ(failure(authenticate(good, "s3", AuthDialect::kS3)), "none") << row.query;
    net::Request other_method = made(row);
    other_method.method = "DELETE";
    EXPECT_EQ(failure(authenticate(other_method, "s3", AuthDialect::kS3)), "SignatureDoesNotMatch 403");
    net::Request more_headers = made(row);
    more_headers.headers.add("x-amz-tagging", "a=b");
    EXPECT_EQ(failure(authenticate(more_headers, "s3", AuthDialect::kS3)), "SignatureDoesNotMatch 403");
  }
  net::Request incomplete = request("GET", "/b/k");
  incomplete.query = "AWSAccessKeyId=AKIAROOT";
  EXPECT_EQ(failure(authenticate(incomplete, "s3", AuthDialect::kS3)), "AccessDenied 403");
  clock_.advance(3601s);
  net::Request late = made(rows[0]);
  EXPECT_EQ(authenticate(late, "s3", AuthDialect::kS3).error().message(), "Request has expired");
}

TEST_F(AuthenticateTest, ChunkedUploadIsDecodedAndItsEncodingForgotten) {
  const std::string encoded = "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
  net::Request made = request("PUT", "/b/k", encoded);
  made.headers.add("Content-Encoding", "gzip, aws-chunked");
  made.headers.add("x-amz-decoded-content-length", "11");
  made.headers.add("x-amz-trailer", "x-amz-checksum-crc32");
  identity_.service = "s3";
  wire::sign_headers(made, identity_, clock_.now(), wire::kStreamingUnsignedTrailer);
  ASSERT_EQ(failure(authenticate(made, "s3", AuthDialect::kS3)), "none");
  EXPECT_EQ(made.headers.get("content-encoding"), "gzip");
  EXPECT_EQ(made.body->size(), 11u);
  EXPECT_EQ(body_of(made), "hello world");
  EXPECT_EQ(wire::trailers_of(*made.body)->get("x-amz-checksum-crc32"), "DUoRhQ==");
}

TEST_F(AuthenticateTest, UnsignedS3RequestIsAnonymous) {
  net::Request made = request("GET", "/b/k");
  const Result<wire::Caller> caller = authenticate(made, "s3", AuthDialect::kS3);
  ASSERT_TRUE(caller.ok());
  EXPECT_TRUE(caller->anonymous);
  EXPECT_EQ(caller->account, "");
}

TEST_F(AuthenticateTest, LenientModeTakesTheAccountFromTheKey) {
  const auto account = [this](const std::string& authorization) {
    net::Request made = request("POST", "/");
    if (!authorization.empty()) made.headers.add("Authorization", authorization);
    const Result<wire::Caller> caller = run(lenient_.authenticate(made, Audience("sqs", AuthDialect::kJson)));
    return caller ? caller->arn : caller.error().code();
  };
  EXPECT_EQ(account(""), "arn:aws:iam::000000000000:root");
  EXPECT_EQ(account("AWS4-HMAC-SHA256 Credential=test/x/y/z/aws4_request, SignedHeaders=, Signature=no"),
            "arn:aws:iam::000000000000:root");
  EXPECT_EQ(account("AWS4-HMAC-SHA256 Credential=111122223333/20260101/us-east-1/sqs/aws4_request"),
            "arn:aws:iam::111122223333:root");
  EXPECT_EQ(account("AWS4-HMAC-SHA256 Credential=AKIAROOT/20260101/us-east-1/sqs/aws4_request"),
            "arn:aws:iam::123456789012:root");
}

}  // namespace
}  // namespace cumulet::access
