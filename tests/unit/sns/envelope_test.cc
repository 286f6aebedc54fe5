#include "services/sns/envelope.h"

#include <gtest/gtest.h>

#include "services/sns/push_payload.h"

namespace cumulet::sns {
namespace {

Notification hello() {
  Notification notification;
  notification.id = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324";
  notification.topic_arn = "arn:aws:sns:us-west-2:123456789012:MyTopic";
  notification.subject = "My First Message";
  notification.message = "Hello \"world\"!";
  notification.time = 1335996886705;
  return notification;
}

TEST(EnvelopeTest, SignedTextNamesItsFieldsInOrder) {
  EXPECT_EQ(signed_text(hello(), "Hello"),
            "Message\nHello\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubject\nMy First Message\n"
            "Timestamp\n2012-05-02T22:14:46.705Z\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\n"
            "Type\nNotification\n");
}

TEST(EnvelopeTest, TheDocumentHasOneMemberALine) {
  Seal seal;
  seal.signature = "c2ln";
  seal.certificate_url = "https://sns.us-west-2.amazonaws.com/x.pem";
  seal.unsubscribe_url = "http://localhost/u";
  const std::string document = notification_document(hello(), "Hello \"world\"!", seal);
  EXPECT_TRUE(document.starts_with("{\n  \"Type\" : \"Notification\",\n  \"MessageId\" : \"22b80b92-"));
  EXPECT_NE(document.find("\n  \"Message\" : \"Hello \\\"world\\\"!\",\n"), std::string::npos);
  EXPECT_TRUE(document.ends_with("\n  \"UnsubscribeURL\" : \"http://localhost/u\"\n}"));
}

TEST(EnvelopeTest, StructuredMessagesHaveATextForEachProtocol) {
  Notification notification = hello();
  notification.message = R"({"default":"d","sqs":"q","GCM":"{\"data\":{\"n\":1}}"})";
  notification.structured = true;
  EXPECT_EQ(message_for(notification, "sqs"), "q");
  EXPECT_EQ(message_for(notification, "lambda"), "d");
}

TEST(EnvelopeTest, NotificationsComeBackFromTheStore) {
  Notification notification = hello();
  notification.attributes["a"] = MessageAttribute("Binary", std::string("\0\1", 2));
  notification.group = "g";
  const std::optional<Notification> read = decode_notification(encode(notification));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->attributes.at("a").value, std::string("\0\1", 2));
  EXPECT_EQ(read->subject, notification.subject);
  EXPECT_EQ(read->group, "g");
  EXPECT_FALSE(decode_notification(encode(notification).substr(0, 20)).has_value());
}

TEST(PushPayloadTest, PlainTextIsWrapped) {
  Notification notification = hello();
  notification.message = "hi";
  EXPECT_EQ(apns_payload(notification, "APNS"), R"({"aps":{"alert":"hi"}})");
  EXPECT_EQ(fcm_payload(notification, "t"), R"({"message":{"token":"t","data":{"default":"hi"}}})");
}

TEST(PushPayloadTest, LegacyMessagesBecomeThoseOfVersion1) {
  Notification notification = hello();
  notification.message =
      R"({"default":"d","GCM":"{\"notification\":{\"title\":\"T\"},\"data\":{\"n\":1},\"time_to_live\":60}"})";
  notification.structured = true;
  EXPECT_EQ(fcm_payload(notification, "t"),
            R"({"message":{"token":"t","notification":{"title":"T"},"data":{"n":"1"},"android":{"ttl":"60s"}}})");
}

TEST(PushPayloadTest, Version1MessagesGoAsTheyAre) {
  Notification notification = hello();
  notification.message =
      R"({"default":"d","GCM":"{\"fcmV1Message\":{\"message\":{\"token\":\"x\",\"data\":{\"a\":\"b\"}}}}"})";
  notification.structured = true;
  EXPECT_EQ(fcm_payload(notification, "t"), R"({"message":{"token":"t","data":{"a":"b"}}})");
}

}  // namespace
}  // namespace cumulet::sns
