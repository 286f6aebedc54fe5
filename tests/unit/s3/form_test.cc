#include <gtest/gtest.h>

#include "base/run.h"
#include "services/s3/form_data.h"
#include "services/s3/post_policy.h"

namespace cumulet::s3 {
namespace {

class Pieces final : public BodySource {
 public:
  Pieces(std::string bytes, std::size_t size) : bytes_(std::move(bytes)), size_(size) {}
  Task<std::string> read() override {
    std::string piece = bytes_.substr(0, size_);
    bytes_.erase(0, piece.size());
    co_return piece;
  }

 private:
  std::string bytes_;
  std::size_t size_;
};

Task<std::string> read_form(BodySource& body, std::string boundary) {
  FormReader reader(body, std::move(boundary));
  std::string all;
  while (true) {
    const std::optional<FormPart> part = co_await reader.next();
    if (!part) co_return all;
    all += part->name + "(" + part->filename + ")=";
    while (true) {
      const std::string piece = co_await reader.read();
      if (piece.empty()) break;
      all += piece;
    }
    all += ";";
  }
}

Result<std::string> form(const std::string& text, std::size_t piece) {
  Pieces body(text, piece);
  return run(read_form(body, "b0"));
}

TEST(FormReaderTest, PartsComeOutHoweverTheBytesAreCut) {
  const std::string text =
      "--b0\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na/${filename}\r\n"
      "--b0\r\ncontent-disposition: form-data; name=file; filename=\"C:\\x \\\"y\\\";z.txt\"\r\nContent-Type: "
      "text/plain\r\n\r\nline\r\n--b\r\n--b1\r\n\r\n--b0\r\nContent-Disposition: form-data; "
      "name=\"e\"\r\n\r\n\r\n--b0--\r\n";
  for (std::size_t piece = 1; piece < 80; ++piece) {
    const Result<std::string> parts = form(text, piece);
    ASSERT_TRUE(parts.ok()) << parts.error().message();
    EXPECT_EQ(*parts, "key()=a/${filename};file(C:\\x \"y\";z.txt)=line\r\n--b\r\n--b1\r\n;e()=;");
  }
}

TEST(FormReaderTest, WhatEndsTooEarlyIsMalformed) {
  const std::string text = "--b0\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nvalue\r\n--b0--";
  ASSERT_TRUE(form(text, 7).ok());
  for (std::size_t length = 0; length < text.size(); ++length) {
    const Result<std::string> parts = form(text.substr(0, length), 7);
    ASSERT_FALSE(parts.ok()) << length;
    EXPECT_EQ(parts.error().code(), "MalformedPOSTRequest");
  }
}

TEST(FormReaderTest, BoundariesAreTakenFromFormsOnly) {
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(form_boundary("Multipart/Form-Data; charset=utf-8; boundary=\"a b\""), "a b");
  EXPECT_FALSE(form_boundary("multipart/mixed; boundary=abc"));
  EXPECT_FALSE(form_boundary("multipart/form-data"));
  EXPECT_FALSE(form_boundary("multipart/form-data; boundary=" + std::string(71, 'x')));
}

constexpr const char* kHead = R"({"expiration": "2030-01-01T00:00:00Z", "conditions": [)";

Result<void> check(const std::string& conditions, FormFields fields) {
  const Result<PostPolicy> policy = PostPolicy::parse(kHead + conditions + "]}");
  if (!policy.ok()) return policy.error();
  return policy->check(fields, "bucket", Timestamp());
}

std::string code(const Result<void>& result) { return result.ok() ? "" : result.error().code(); }

TEST(PostPolicyTest, EveryFieldNeedsAConditionThatHolds) {
  const std::string bucket = R"({"bucket": "bucket"},)";
  EXPECT_EQ(code(check(bucket + R"(["starts-with", "$key", "a/"])", {{"key", "a/b"}})), "");
  EXPECT_EQ(code(check(bucket + R"(["Starts-With", "$Key", ""])", {{"key", "a/b"}})), "");
  EXPECT_EQ(code(check(bucket + R"(["eq", "$key", "a/b"])", {{"key", "a/b"}, {"x-ignore-this", "x"}})), "");
  EXPECT_EQ(code(check(bucket + R"(["starts-with", "$key", "b/"])", {{"key", "a/b"}})), "AccessDenied");
  EXPECT_EQ(code(check(bucket + R"({"key": "a"}, {"acl": "private"})", {{"key", "a"}})), "AccessDenied");
  EXPECT_EQ(code(check(bucket + R"({"key": "a"})", {{"key", "a"}, {"acl", "private"}})), "AccessDenied");
  EXPECT_EQ(code(check(R"({"bucket": "other"}, {"key": "a"})", {{"key", "a"}})), "AccessDenied");
  EXPECT_EQ(code(check(R"({"key": "a"})", {{"key", "a"}})), "AccessDenied");
}

TEST(PostPolicyTest, DocumentsThatSayNothingClearAreRefused) {
  for (const char* conditions :
       {"{}", R"({"a": "b", "c": "d"})", R"(["eq", "$key"])", R"(["like", "$key", "a"])", R"(["eq", "key", "a"])",
        R"(["content-length-range", -1, 5])", "7", R"(["content-length-range", 5])", R"({"key": 5})", "[]"}) {
    EXPECT_EQ(code(check(conditions, {})), "InvalidPolicyDocument") << conditions;
  }
  for (const char* document : {"", "[]", "{}", R"({"expiration": "2030-01-01T00:00:00Z"})", R"({"conditions": []})",
                               R"({"expiration": "tomorrow", "conditions": []})"}) {
    EXPECT_FALSE(PostPolicy::parse(document).ok()) << document;
  }
}

TEST(PostPolicyTest, ExpiryAndSizeAreHeld) {
  const Result<PostPolicy> policy =
      PostPolicy::parse(kHead + std::string(R"({"bucket": "bucket"}, ["content-length-range", 2, 5]]})"));
  ASSERT_TRUE(policy.ok());
  Timestamp late;
  ASSERT_TRUE(parse_iso8601("2030-01-01T00:00:00Z", late));
  EXPECT_EQ(code(policy->check({}, "bucket", late)), "AccessDenied");
  EXPECT_EQ(code(policy->check_size(1, true)), "EntityTooSmall");
  EXPECT_EQ(code(policy->check_size(1, false)), "");
  EXPECT_EQ(code(policy->check_size(5, true)), "");
  EXPECT_EQ(code(policy->check_size(6, false)), "EntityTooLarge");
}

}  // namespace
}  // namespace cumulet::s3
