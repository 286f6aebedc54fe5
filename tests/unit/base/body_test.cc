#include "base/body.h"

#include <gtest/gtest.h>

#include "base/run.h"

namespace cumulet {
namespace {

const Error kTooLarge("TooLarge", 413, "too large");

/// Gives its pieces one after the other, and does not know its length.
class Pieces final : public BodySource {
 public:
  explicit Pieces(int count) : left_(count) {}
  Task<std::string> read() override { co_return left_-- > 0 ? std::string("1234567890") : std::string(); }

 private:
  int left_;
};

TEST(BodyTest, AStringComesInPiecesOfLimitedSize) {
  const std::string text(BodySource::kPiece * 2 + 5, 'x');
  StringBody body(text);
  EXPECT_EQ(body.size(), text.size());
  LocalLoop loop;
  EXPECT_EQ(loop.run(body.read())->size(), BodySource::kPiece);
  EXPECT_EQ(loop.run(body.read())->size(), BodySource::kPiece);
  EXPECT_EQ(*loop.run(body.read()), "xxxxx");
  EXPECT_EQ(*loop.run(body.read()), "");
}

TEST(ReadAllTest, GivesEverythingUpToTheLimit) {
  StringBody large(std::string(BodySource::kPiece * 3, 'y'));
  EXPECT_EQ(run(read_all(large, BodySource::kPiece * 3, kTooLarge))->size(), BodySource::kPiece * 3);
  Pieces pieces(3);
  EXPECT_EQ(run(read_all(pieces, 30, kTooLarge))->size(), 30u);
  StringBody empty("");
  EXPECT_EQ(*run(read_all(empty, 0, kTooLarge)), "");
}

TEST(ReadAllTest, OneByteMoreFailsWithTheGivenError) {
  StringBody known("12345");
  EXPECT_EQ(run(read_all(known, 4, kTooLarge)).error().code(), "TooLarge");
  Pieces pieces(3);
  EXPECT_EQ(run(read_all(pieces, 29, kTooLarge)).error().http_status(), 413);
}

}  // namespace
}  // namespace cumulet
