#include <gtest/gtest.h>

#include "net/http1_head.h"

namespace cumulet::net {
namespace {

struct Parsed {
  Refusal refusal = Refusal::kNone;
  bool complete = false;
  Request request;
  Framing framing;
};

Parsed parse(std::string_view bytes, Limits limits = {}) {
  Parsed parsed;
  HeadParser parser(limits);
  const HeadParser::Progress progress = parser.scan(bytes);
  parsed.complete = progress == HeadParser::Progress::kComplete;
  parsed.refusal = parsed.complete ? parser.parse(bytes, parsed.request, parsed.framing) : parser.refusal();
  return parsed;
}

struct RefusedHead {
  const char* name;
  std::string bytes;
  Refusal refusal;
};

class RefusedHeadTest : public testing::TestWithParam<RefusedHead> {};

TEST_P(RefusedHeadTest, IsRefusedWhole) { EXPECT_EQ(parse(GetParam().bytes).refusal, GetParam().refusal); }

TEST_P(RefusedHeadTest, IsRefusedByteByByte) {
  const Limits limits;
  HeadParser parser(limits);
  const std::string& bytes = GetParam().bytes;
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const HeadParser::Progress progress = parser.scan(std::string_view(bytes).substr(0, size));
    if (progress == HeadParser::Progress::kMore) continue;
    Request request;
    Framing framing;
    const Refusal refusal =
        progress == HeadParser::Progress::kComplete ? parser.parse(bytes, request, framing) : parser.refusal();
    EXPECT_EQ(refusal, GetParam().refusal);
    return;
  }
  FAIL() << "neither complete nor refused";
}

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n";

INSTANTIATE_TEST_SUITE_P(
    Heads, RefusedHeadTest,
    testing::Values(
        RefusedHead{"LengthAndChunked", kGet + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                    Refusal::kFraming},
        RefusedHead{"ChunkedAndLength", kGet + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
                    Refusal::kFraming},
        RefusedHead{"TwoLengths", kGet + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", Refusal::kFraming},
        RefusedHead{"TwoEqualLengths", kGet + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", Refusal::kFraming},
        RefusedHead{"LengthList", kGet + "Content-Length: 3, 3\r\n\r\n", Refusal::kFraming},
        RefusedHead{"NegativeLength", kGet + "Content-Length: -1\r\n\r\n", Refusal::kFraming},
        RefusedHead{"SignedLength", kGet + "Content-Length: +1\r\n\r\n", Refusal::kFraming},
        RefusedHead{"HexLength", kGet + "Content-Length: 0x10\r\n\r\n", Refusal::kFraming},
        RefusedHead{"EmptyLength", kGet + "Content-Length:\r\n\r\n", Refusal::kFraming},
        RefusedHead{"LengthThatOverflows", kGet + "Content-Length: 18446744073709551617\r\n\r\n", Refusal::kFraming},
        RefusedHead{"LengthPastTheLimit", kGet + "Content-Length: 9000000000000000000\r\n\r\n", Refusal::kBodyTooLarge},
        RefusedHead{"TwoCodings", kGet + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                    Refusal::kFraming},
        RefusedHead{"CodingTwice", kGet + "Transfer-Encoding: chunked, chunked\r\n\r\n", Refusal::kCoding},
        RefusedHead{"OtherCoding", kGet + "Transfer-Encoding: gzip, chunked\r\n\r\n", Refusal::kCoding},
        RefusedHead{"Identity", kGet + "Transfer-Encoding: identity\r\n\r\n", Refusal::kCoding},
        RefusedHead{"ObscuredCoding", kGet + "Transfer-Encoding: xchunked\r\n\r\n", Refusal::kCoding},
        RefusedHead{"CodingWithVerticalTab",
                    kGet + "Transfer-Encoding: \x0b"
                           "chunked\r\n\r\n",
                    Refusal::kHeaderSyntax},
        RefusedHead{"ChunkedInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::kFraming},
        RefusedHead{"SpaceBeforeColon", kGet + "Content-Length : 3\r\n\r\n", Refusal::kHeaderSyntax},
        RefusedHead{"TabBeforeColon", kGet + "Transfer-Encoding\t: chunked\r\n\r\n", Refusal::kHeaderSyntax},
        RefusedHead{"Folded", kGet + "X: a\r\n b\r\n\r\n", Refusal::kHeaderSyntax},
        RefusedHead{"FoldedFirstField", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", Refusal::kHeaderSyntax},
        RefusedHead{"NoColon", kGet + "nothing\r\n\r\n", Refusal::kHeaderSyntax},
        RefusedHead{"EmptyName", kGet + ": value\r\n\r\n", Refusal::kHeaderSyntax},
        RefusedHead{"BareLineFeed", "GET / HTTP/1.1\r\nHost: a\n\r\n", Refusal::kHeaderSyntax},
        RefusedHead{"OnlyLineFeeds", "GET / HTTP/1.1\nHost: a\n\n", Refusal::kRequestLine},
        RefusedHead{"BareCarriageReturn", kGet + "X: a\rY: b\r\n\r\n", Refusal::kHeaderSyntax},
        RefusedHead{"Null", kGet + std::string("X: a\0b\r\n\r\n", 10), Refusal::kHeaderSyntax},
        RefusedHead{"NoHost", "GET / HTTP/1.1\r\nX: a\r\n\r\n", Refusal::kHost},
        RefusedHead{"TwoHosts", kGet + "Host: a\r\n\r\n", Refusal::kHost},
        RefusedHead{"HostWithPath", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Refusal::kHost},
        RefusedHead{"HostWithUser", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", Refusal::kHost},
        RefusedHead{"HostWithBadPort", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Refusal::kHost},
        RefusedHead{"HostWithSpace", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Refusal::kHost},
        RefusedHead{"NoVersion", "GET /\r\n\r\n", Refusal::kRequestLine},
        RefusedHead{"LowerCaseVersion", "GET / http/1.1\r\n\r\n", Refusal::kRequestLine},
        RefusedHead{"OldVersion", "GET / HTTP/0.9\r\n\r\n", Refusal::kVersion},
        RefusedHead{"Version12", "GET / HTTP/1.2\r\n\r\n", Refusal::kVersion},
        RefusedHead{"Http2Preface", "PRI * HTTP/2.0\r\n\r\n", Refusal::kVersion},
        RefusedHead{"TwoSpaces", "GET  / HTTP/1.1\r\n\r\n", Refusal::kTarget},
        RefusedHead{"SpaceInTarget", "GET /a b HTTP/1.1\r\n\r\n", Refusal::kTarget},
        RefusedHead{"TrailingSpace", "GET / HTTP/1.1 \r\n\r\n", Refusal::kRequestLine},
        RefusedHead{"TabInRequestLine", "GET\t/ HTTP/1.1\r\n\r\n", Refusal::kRequestLine},
        RefusedHead{"NoTarget", "GET HTTP/1.1\r\n\r\n", Refusal::kRequestLine},
        RefusedHead{"RelativeTarget", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        RefusedHead{"Fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        RefusedHead{"Connect", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        RefusedHead{"OtherScheme", "GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        RefusedHead{"UserInTarget", "GET http://u@a/b HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        RefusedHead{"BadMethod", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kRequestLine},
        RefusedHead{"LongMethod", std::string(40, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kRequestLine},
        RefusedHead{"TlsHello", "\x16\x03\x01\x02", Refusal::kRequestLine},
        RefusedHead{"TwoEmptyLines", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", Refusal::kRequestLine},
        RefusedHead{"OtherExpectation", kGet + "Expect: 200-ok\r\n\r\n", Refusal::kExpectation},
        RefusedHead{"LongLine", "GET /" + std::string(70'000, 'a'), Refusal::kTargetTooLong},
        RefusedHead{"LongField", kGet + "X: " + std::string(70'000, 'a'), Refusal::kHeadTooLarge}),
    [](const testing::TestParamInfo<RefusedHead>& info) { return info.param.name; });

TEST(HeadParserTest, FieldsAreTrimmedAndKeptInOrder) {
  const Parsed parsed =
      parse("GET / HTTP/1.1\r\nHost: a\r\nX-One: \t two words \t\r\nx-two:\r\nX-Utf: \xc3\xa9\r\n\r\n");
  ASSERT_EQ(parsed.refusal, Refusal::kNone);
  ASSERT_TRUE(parsed.complete);
  ASSERT_EQ(parsed.request.headers.size(), 4u);
  EXPECT_EQ(parsed.request.headers.get("x-one"), "two words");
  EXPECT_TRUE(parsed.request.headers.has("X-Two"));
  EXPECT_EQ(parsed.request.headers.get("x-two", "otherwise"), "");
  EXPECT_EQ(parsed.request.headers.get("x-utf"), "\xc3\xa9");
}

TEST(HeadParserTest, TargetInAbsoluteFormNamesTheHost) {
  Parsed parsed = parse("GET HTTP://Example.COM:8080/a/b?c HTTP/1.1\r\nHost: other\r\n\r\n");
  ASSERT_EQ(parsed.refusal, Refusal::kNone);
  EXPECT_EQ(parsed.request.host, "example.com");
  EXPECT_EQ(parsed.request.target, "/a/b?c");
  EXPECT_EQ(parsed.request.path, "/a/b");
  EXPECT_EQ(parsed.request.query, "c");

  parsed = parse("GET https://example.com?c HTTP/1.1\r\nHost: example.com\r\n\r\n");
  ASSERT_EQ(parsed.refusal, Refusal::kNone);
  EXPECT_EQ(parsed.request.path, "/");
  EXPECT_EQ(parsed.request.query, "c");
}

TEST(HeadParserTest, HostLosesItsPortAndItsCase) {
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: B.S3.LocalHost:4566\r\n\r\n").request.host, "b.s3.localhost");
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: [::1]:4566\r\n\r\n").request.host, "[::1]");
  EXPECT_EQ(parse("GET / HTTP/1.0\r\n\r\n").request.host, "");
}

TEST(HeadParserTest, OptionsMayAskForTheServerItself) {
  const Parsed parsed = parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(parsed.refusal, Refusal::kNone);
  EXPECT_EQ(parsed.request.path, "*");
}

TEST(HeadParserTest, OneEmptyLineBeforeTheRequestIsSkipped) {
  const Parsed parsed = parse("\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(parsed.complete);
  EXPECT_EQ(parsed.refusal, Refusal::kNone);
  EXPECT_EQ(parsed.request.path, "/x");
}

TEST(HeadParserTest, AsManyFieldsAsTheLimitAndNoMore) {
  Limits limits;
  limits.header_count = 3;
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\n\r\n", limits).refusal, Refusal::kNone);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\nF: g\r\n\r\n", limits).refusal, Refusal::kHeadTooLarge);
}

TEST(HeadParserTest, SizeTellsWhereTheBodyBegins) {
  const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
  const Limits limits;
  HeadParser parser(limits);
  ASSERT_EQ(parser.scan(bytes), HeadParser::Progress::kComplete);
  EXPECT_EQ(bytes.substr(parser.size()), "body");
}

TEST(RequestTest, QueryParametersAreDecodedInOrder) {
  Request request;
  request.query = "a=1&b=%C3%A9+x&c&a=2&=d&bad=%zz&";
  const std::vector<std::pair<std::string, std::string>> expected{{"a", "1"}, {"b", "\xc3\xa9 x"}, {"c", ""},
                                                                  {"a", "2"}, {"", "d"},           {"bad", "%zz"}};
  EXPECT_EQ(request.query_parameters(), expected);
}

TEST(HeadersTest, NamesCompareWithoutCaseAndValuesJoin) {
  Headers headers{{"Accept", "a"}, {"ACCEPT", "b"}, {"Other", "c"}};
  EXPECT_EQ(headers.joined("accept"), "a, b");
  EXPECT_EQ(headers.joined("none"), std::nullopt);
  headers.set("accept", "d");
  EXPECT_EQ(headers.joined("Accept"), "d");
  headers.erase("OTHER");
  EXPECT_EQ(headers.size(), 1u);
}

}  // namespace
}  // namespace cumulet::net
