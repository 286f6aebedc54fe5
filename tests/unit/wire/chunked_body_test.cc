#include "wire/chunked_body.h"

#include <gtest/gtest.h>

#include "base/run.h"
#include "base/text.h"
#include "wire/sigv4.h"

namespace cumulet::wire {
namespace {

/// Hands out its text in pieces of a given size.
class PiecesBody final : public BodySource {
 public:
  PiecesBody(std::string bytes, std::size_t piece) : bytes_(std::move(bytes)), piece_(piece) {}
  Task<std::string> read() override {
    std::string next = bytes_.substr(at_, piece_);
    at_ += next.size();
    co_return next;
  }

 private:
  std::string bytes_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

Task<std::string> drain(BodySource& body) {
  std::string all;
  while (true) {
    const std::string piece = co_await body.read();
    if (piece.empty()) break;
    all += piece;
  }
  co_return all;
}

Result<std::string> decode(const ChunkedRules& rules, const std::string& encoded, std::size_t piece = 1000) {
  ChunkedBody body(std::make_unique<PiecesBody>(encoded, piece), rules);
  return run(drain(body));
}

std::string code(const Result<std::string>& result) { return result ? "none" : result.error().code(); }

/// The example of the S3 API Reference: 66,560 times 'a' in chunks of 64 KiB and the rest.
constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

ChunkedRules example_rules(std::string_view seed) {
  ChunkedRules rules;
  rules.signed_chunks = true;
  rules.decoded_length = 66560;
  rules.seed_signature = seed;
  rules.timestamp = "20130524T000000Z";
  CredentialScope scope;
  scope.date = "20130524";
  scope.region = "us-east-1";
  scope.service = "s3";
  rules.scope = scope.text();
  rules.signing_key = signing_key(kSecret, scope);
  return rules;
}

std::string example_body(std::string_view first, std::string_view second, std::string_view last) {
  return "10000;chunk-signature=" + std::string(first) + "\r\n" + std::string(65536, 'a') +
         "\r\n400;chunk-signature=" + std::string(second) + "\r\n" + std::string(1024, 'a') +
         "\r\n0;chunk-signature=" + std::string(last) + "\r\n";
}

constexpr std::string_view kSeed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
constexpr std::string_view kFirst = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
constexpr std::string_view kSecond = "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497";
constexpr std::string_view kLast = "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9";

TEST(ChunkedBodyTest, SignedChunksOfS3sExampleDecode) {
  const std::string encoded = example_body(kFirst, kSecond, kLast) + "\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{65536}, encoded.size()}) {
    const Result<std::string> decoded = decode(example_rules(kSeed), encoded, piece);
    ASSERT_TRUE(decoded.ok()) << decoded.error().message();
    EXPECT_EQ(*decoded, std::string(66560, 'a'));
  }
}

TEST(ChunkedBodyTest, WrongChunkSignatureFailsBeforeTheLastBytes) {
  std::string encoded = example_body(kFirst, kSecond, kLast) + "\r\n";
  encoded[encoded.find("\r\n") + 100] = 'b';
  EXPECT_EQ(code(decode(example_rules(kSeed), encoded)), "SignatureDoesNotMatch");
  EXPECT_EQ(code(decode(example_rules(kSeed), example_body(kFirst, kSecond, kFirst) + "\r\n")),
            "SignatureDoesNotMatch");
  EXPECT_EQ(code(decode(example_rules(kFirst), example_body(kFirst, kSecond, kLast) + "\r\n")),
            "SignatureDoesNotMatch");
}

TEST(ChunkedBodyTest, LastPieceWaitsForTheFinalChunk) {
  const std::string encoded = example_body(kFirst, kSecond, kFirst) + "\r\n";
  ChunkedBody body(std::make_unique<PiecesBody>(encoded, 5000), example_rules(kSeed));
  std::size_t handed_out = 0;
  while (true) {
    const Result<std::string> piece = run(body.read());
    if (!piece) break;
    handed_out += piece->size();
    ASSERT_LT(handed_out, 66560u);
  }
}

TEST(ChunkedBodyTest, SignedTrailerOfS3sExampleIsVerified) {
  ChunkedRules rules = example_rules("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
  rules.trailers = true;
  rules.announced_trailers = {"x-amz-checksum-crc32c"};
  const std::string chunks = example_body("b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                                          "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                                          "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992");
  const std::string trailer =
      "x-amz-checksum-crc32c:sOO8/Q==\r\n"
      "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";
  ChunkedBody body(std::make_unique<PiecesBody>(chunks + trailer, 4096), rules);
  const Result<std::string> decoded = run(drain(body));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message();
  EXPECT_EQ(decoded->size(), 66560u);
  EXPECT_EQ(trailers_of(body)->get("x-amz-checksum-crc32c"), "sOO8/Q==");

  std::string tampered = trailer;
  tampered[tampered.find("signature:") + 10] = 'e';
  EXPECT_EQ(code(decode(rules, chunks + tampered)), "SignatureDoesNotMatch");
  EXPECT_EQ(code(decode(rules, chunks + "x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n")), "MalformedTrailerError");
}

ChunkedRules unsigned_rules(std::uint64_t length, std::vector<std::string> trailers) {
  ChunkedRules rules;
  rules.trailers = true;
  rules.decoded_length = length;
  rules.announced_trailers = std::move(trailers);
  return rules;
}

TEST(ChunkedBodyTest, EveryTrailingChecksumIsVerified) {
  const std::vector<std::pair<std::string, std::string>> of_hello{
      {"crc32", "DUoRhQ=="},
      {"crc32c", "yZRlqg=="},
      {"crc64nvme", "jSnVw/bqjr4="},
      {"sha1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0="},
      {"sha256", "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="}};
  for (const auto& [algorithm, value] : of_hello) {
    const std::string header = "x-amz-checksum-" + algorithm;
    const ChunkedRules rules = unsigned_rules(11, {header});
    const std::string good = "b\r\nhello world\r\n0\r\n" + header + ":" + value + "\r\n\r\n";
    const Result<std::string> decoded = decode(rules, good);
    ASSERT_TRUE(decoded.ok()) << algorithm << ": " << decoded.error().message();
    EXPECT_EQ(*decoded, "hello world");
    std::string bad = good;
    bad.replace(3, 5, "jello");
    EXPECT_EQ(code(decode(rules, bad)), "BadDigest") << algorithm;
    EXPECT_EQ(code(decode(rules, "b\r\nhello world\r\n0\r\n" + header + ":AAA\r\n\r\n")), "InvalidRequest");
  }
}

TEST(ChunkedBodyTest, LengthMustBeTheDeclaredOne) {
  EXPECT_EQ(code(decode(unsigned_rules(12, {}), "b\r\nhello world\r\n0\r\n\r\n")), "IncompleteBody");
  EXPECT_EQ(code(decode(unsigned_rules(10, {}), "b\r\nhello world\r\n0\r\n\r\n")), "IncompleteBody");
  EXPECT_EQ(code(decode(unsigned_rules(0, {}), "0\r\n\r\n")), "none");
}

TEST(ChunkedBodyTest, TruncatedBodiesAreIncomplete) {
  const std::string encoded = "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
  const ChunkedRules rules = unsigned_rules(11, {"x-amz-checksum-crc32"});
  for (std::size_t length = 0; length < encoded.size(); ++length)
    EXPECT_EQ(code(decode(rules, encoded.substr(0, length))), "IncompleteBody") << length;
  EXPECT_EQ(code(decode(rules, encoded)), "none");
}

TEST(ChunkedBodyTest, MalformedFramingFails) {
  const ChunkedRules rules = unsigned_rules(11, {});
  for (const char* encoded : {"hello world", "\r\n", "-1\r\n", "0x1\r\n", "b;other=1\r\nhello world\r\n0\r\n\r\n",
                              "b\r\nhello world!\r\n0\r\n\r\n", "ffffffffffffffffff\r\n",
                              "b\r\nhello world\r\n0\r\nx:y\r\n\r\n", "b\r\nhello world\r\n0\r\n\r\nmore"}) {
    const Result<std::string> decoded = decode(rules, encoded);
    EXPECT_FALSE(decoded.ok()) << encoded;
  }
  EXPECT_EQ(code(decode(rules, std::string(100'000, '0'))), "InvalidRequest");
}

TEST(ChunkedBodyTest, AnnouncedTrailersMustComeAndNoOthers) {
  const std::string chunks = "b\r\nhello world\r\n0\r\n";
  EXPECT_EQ(code(decode(unsigned_rules(11, {"x-amz-checksum-crc32"}), chunks + "\r\n")), "MalformedTrailerError");
  EXPECT_EQ(code(decode(unsigned_rules(11, {}), chunks + "x-amz-checksum-crc32:DUoRhQ==\r\n\r\n")),
            "MalformedTrailerError");
}

TEST(ChunkedBodyTest, OnlyTheLastChunkMayBeSmall) {
  EXPECT_EQ(code(decode(unsigned_rules(4, {}), "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")), "InvalidChunkSizeError");
}

TEST(HashedBodyTest, MismatchComesInsteadOfTheLastPiece) {
  const std::string hash = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
  HashedBody right(std::make_unique<StringBody>("hello world"), hash);
  EXPECT_EQ(*run(drain(right)), "hello world");
  HashedBody wrong(std::make_unique<StringBody>("jello world"), hash);
  EXPECT_EQ(code(run(wrong.read())), "XAmzContentSHA256Mismatch");
  HashedBody unsized(std::make_unique<PiecesBody>("jello world", 4), hash);
  EXPECT_EQ(code(run(drain(unsized))), "XAmzContentSHA256Mismatch");
}

}  // namespace
}  // namespace cumulet::wire
