#include "services/sqs/message_rules.h"

#include <gtest/gtest.h>

#include "services/sqs/permissions.h"
#include "services/sqs/queue_attributes.h"
#include "services/sqs/receipt.h"

namespace cumulet::sqs {
namespace {

TEST(MessageRulesTest, AttributeDigestIsThatOfTheDeveloperGuide) {
  std::map<std::string, Attribute> attributes;
  attributes["a"] = Attribute{"String", "b"};
  // MD5 of 00000001 61 00000006 "String" 01 00000001 62.
  EXPECT_EQ(md5_of(attributes)->size(), 32u);
  attributes["b"] = Attribute{"Binary", "b"};
  EXPECT_NE(md5_of(attributes), md5_of({{"a", Attribute{"String", "b"}}}));
  EXPECT_FALSE(md5_of(std::map<std::string, Attribute>()));
}

TEST(MessageRulesTest, CharactersThatXmlAllows) {
  EXPECT_TRUE(has_allowed_characters("tab\t, line\r\n, \xf0\x9f\x98\x80 \xef\xbf\xbd"));
  EXPECT_FALSE(has_allowed_characters(std::string("\0", 1)));
  EXPECT_FALSE(has_allowed_characters("\x0b"));
  EXPECT_FALSE(has_allowed_characters("\xef\xbf\xbe"));
  EXPECT_FALSE(has_allowed_characters("\xff"));
}

TEST(MessageRulesTest, AttributesAreAskedForByNameAndPrefix) {
  EXPECT_TRUE(wants_attribute({"All"}, "x"));
  EXPECT_TRUE(wants_attribute({"foo.*"}, "foo.bar"));
  EXPECT_FALSE(wants_attribute({"foo.*"}, "bar"));
  EXPECT_FALSE(wants_attribute({}, "bar"));
}

TEST(ReceiptTest, ComesBackFromItsHandleAndNothingElseDoes) {
  const Receipt receipt(7, Position(-5, 9), 3);
  const std::string handle = receipt.handle();
  const std::optional<Receipt> parsed = parse_receipt(handle);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->queue, 7u);
  EXPECT_EQ(parsed->position, receipt.position);
  EXPECT_EQ(parsed->receives, 3u);
  for (std::size_t i = 0; i < handle.size(); ++i) {
    std::string damaged = handle;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    const std::optional<Receipt> other = parse_receipt(damaged);
    EXPECT_FALSE(other && other->position == receipt.position && other->receives == 3 && damaged == handle);
  }
  EXPECT_FALSE(parse_receipt(""));
  EXPECT_FALSE(parse_receipt("AAAA"));
}

TEST(PermissionsTest, AreStatementsWithALabel) {
  Permission permission;
  permission.label = "share";
  permission.accounts = {"111122223333"};
  permission.actions = {"SendMessage"};
  const Result<std::string> policy = with_permission("", "arn:aws:sqs:r:000000000000:q", permission);
  ASSERT_TRUE(policy.ok());
  EXPECT_NE(policy->find("arn:aws:iam::111122223333:root"), std::string::npos);
  EXPECT_FALSE(with_permission(*policy, "arn", permission).ok());
  EXPECT_EQ(*without_permission(*policy, "share"), "");
  EXPECT_FALSE(without_permission(*policy, "other").ok());
}

TEST(QueueAttributesTest, RedrivePolicyTakesTheCountAsTextOrNumber) {
  for (const char* count : {"5", "\"5\""}) {
    QueueSettings settings;
    const AttributeMap given{{"RedrivePolicy", std::string("{\"deadLetterTargetArn\":\"arn:aws:sqs:r:000000000000:d\","
                                                           "\"maxReceiveCount\":") +
                                                   count + "}"}};
    ASSERT_TRUE(apply_attributes(given, true, settings).ok());
    EXPECT_EQ(settings.redrive->max_receive_count, 5u);
  }
}

TEST(QueueAttributesTest, WhatIsUnknownOrOutOfRangeIsRefused) {
  QueueSettings settings;
  EXPECT_FALSE(apply_attributes({{"Colour", "red"}}, true, settings).ok());
  EXPECT_FALSE(apply_attributes({{"DelaySeconds", "901"}}, true, settings).ok());
  EXPECT_FALSE(apply_attributes({{"FifoQueue", "true"}}, false, settings).ok());
  EXPECT_FALSE(apply_attributes({{"ContentBasedDeduplication", "true"}}, true, settings).ok());
  EXPECT_FALSE(
      apply_attributes({{"FifoQueue", "true"}, {"FifoThroughputLimit", "perMessageGroupId"}}, true, settings).ok());
}

}  // namespace
}  // namespace cumulet::sqs
