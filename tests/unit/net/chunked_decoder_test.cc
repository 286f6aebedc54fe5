#include <optional>

#include <gtest/gtest.h>

#include "net/http1_chunked.h"

namespace cumulet::net {
namespace {

struct Decoded {
  std::string data;
  std::size_t consumed = 0;
  bool done = false;
  bool bad = false;
};

/// Decodes input that arrives in pieces of `piece` bytes.
Decoded decode(std::string_view input, std::size_t piece) {
  Decoded decoded;
  ChunkedDecoder decoder;
  while (decoded.consumed < input.size()) {
    const ChunkedDecoder::Step step = decoder.decode(input.substr(decoded.consumed, piece));
    decoded.consumed += step.consumed;
    decoded.data.append(step.data);
    decoded.done = step.status == ChunkedDecoder::Status::kDone;
    decoded.bad = step.status == ChunkedDecoder::Status::kBad;
    if (decoded.done || decoded.bad) break;
  }
  return decoded;
}

TEST(ChunkedDecoderTest, DataIsTheSameHoweverItArrives) {
  const std::string body =
      "5\r\nhello\r\n001;name=\"value\"\r\n \r\nA\r\n0123456789\r\n0\r\nX-Trailer: v\r\nY: w\r\n\r\n";
  const std::string next = "GET / HTTP/1.1\r\n";
  for (std::size_t piece = 1; piece <= body.size() + next.size(); ++piece) {
    const Decoded decoded = decode(body + next, piece);
    EXPECT_TRUE(decoded.done) << piece;
    EXPECT_EQ(decoded.data, "hello 0123456789") << piece;
    EXPECT_EQ(decoded.consumed, body.size()) << piece;
  }
}

class BadChunksTest : public testing::TestWithParam<std::string> {};

TEST_P(BadChunksTest, AreRefused) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, GetParam().size()}) {
    const Decoded decoded = decode(GetParam(), piece);
    EXPECT_TRUE(decoded.bad) << piece;
    EXPECT_FALSE(decoded.done) << piece;
  }
}

INSTANTIATE_TEST_SUITE_P(Bodies, BadChunksTest,
                         testing::Values("\r\nhello", "x\r\n", "-1\r\n", "0x5\r\nhello\r\n", " 5\r\nhello\r\n",
                                         "5 \r\nhello\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhelloX\r\n",
                                         "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0", "1000000000000000\r\n",
                                         "5;a\nb\r\nhello\r\n", "5;" + std::string(300, 'a') + "\r\n",
                                         "0\r\nno colon\r\n\r\n", "0\r\n: v\r\n\r\n", "0\r\nX: v\n\r\n",
                                         "0\r\n folded\r\n\r\n", "0\r\nX: " + std::string(70000, 'a') + "\r\n\r\n",
                                         "0\r\n\rX"));

TEST(ChunkedDecoderTest, DataTakenPastTheDecoderIsCounted) {
  ChunkedDecoder decoder;
  (void)decoder.decode("a\r\n");
  EXPECT_EQ(decoder.data_ahead(), 10u);
  decoder.skip_data(4);
  EXPECT_EQ(decoder.data_ahead(), 6u);
  decoder.skip_data(6);
  EXPECT_EQ(decoder.data_ahead(), 0u);
  EXPECT_EQ(decoder.decode("\r\n0\r\n\r\n").status, ChunkedDecoder::Status::kDone);
}

}  // namespace
}  // namespace cumulet::net
