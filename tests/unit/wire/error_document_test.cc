#include "tests/unit/wire/messages.h"
#include "wire/generated/apigatewayv2.h"
#include "wire/generated/dynamodb.h"
#include "wire/generated/iam.h"
#include "wire/generated/lambda.h"
#include "wire/generated/logs.h"
#include "wire/generated/s3.h"

namespace cumulet::wire {
namespace {

const ErrorContext kContext("id-1");

TEST(ErrorDocumentTest, DynamoDbNamesTheFrameworkThatFailed) {
  const net::Response own =
      render(dynamodb::model(), Error(dynamodb::errors::kResourceNotFoundException, "gone"), kContext);
  EXPECT_EQ(own.status, 400);
  EXPECT_EQ(body_of(own),
            R"({"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"gone"})");
  EXPECT_EQ(own.headers.get("content-type"), "application/x-amz-json-1.0");
  EXPECT_TRUE(own.headers.has("x-amz-crc32"));
  EXPECT_EQ(body_of(render(dynamodb::model(), Error(errors::kValidation, "bad"), kContext)),
            R"({"__type":"com.amazon.coral.validate#ValidationException","message":"bad"})");
  EXPECT_EQ(body_of(render(dynamodb::model(), Error("UnrecognizedClientException", 400, "who"), kContext)),
            R"({"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"who"})");
}

TEST(ErrorDocumentTest, RawFieldsStayJson) {
  EXPECT_EQ(body_of(render(dynamodb::model(),
                           Error(dynamodb::errors::kTransactionCanceledException, "no")
                               .with_json("CancellationReasons", R"([{"Code":"None"}])"),
                           kContext)),
            R"({"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"no",)"
            R"("CancellationReasons":[{"Code":"None"}]})");
}

TEST(ErrorDocumentTest, LogsHasShortTypes) {
  EXPECT_EQ(body_of(render(logs::model(), Error(logs::errors::kResourceNotFoundException, "gone"), kContext)),
            R"({"__type":"ResourceNotFoundException","message":"gone"})");
}

TEST(ErrorDocumentTest, RestJsonNamesTheErrorInAHeader) {
  const net::Response response =
      render(lambda::model(), Error(lambda::errors::kResourceNotFoundException, "gone"), kContext);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.headers.get("x-amzn-errortype"), "ResourceNotFoundException");
  EXPECT_EQ(body_of(response), R"({"Type":"User","Message":"gone"})");
  EXPECT_EQ(body_of(render(apigatewayv2::model(), Error(apigatewayv2::errors::kNotFoundException, "gone"), kContext)),
            R"({"message":"gone"})");
}

TEST(ErrorDocumentTest, QueryHasSenderAndReceiver) {
  EXPECT_EQ(body_of(render(iam::model(), Error(iam::errors::kNoSuchEntityException, "no <user>"), kContext)),
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  <Error>\n    <Type>Sender</Type>"
            "<Code>NoSuchEntity</Code><Message>no &lt;user&gt;</Message>\n  </Error>\n  <RequestId>id-1</RequestId>\n"
            "</ErrorResponse>\n");
  const net::Response denied = render(iam::model(), Error(errors::kAccessDenied, "no"), kContext);
  EXPECT_EQ(denied.status, 403);
  EXPECT_NE(body_of(denied).find("<Code>AccessDenied</Code>"), std::string::npos);
}

TEST(ErrorDocumentTest, S3HasItsOwnDocument) {
  ErrorContext context("id-1");
  context.resource = "/b/k";
  const net::Response response =
      render(s3::model(), Error("NoSuchKey", 404, "gone").with("Key", "k").with("header:x-amz-delete-marker", "true"),
             context);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.headers.get("x-amz-delete-marker"), "true");
  EXPECT_EQ(body_of(response).find("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
                                   "<Message>gone</Message><Key>k</Key><RequestId>id-1</RequestId><HostId>"),
            0U);
  EXPECT_NE(body_of(render(s3::model(), Error(errors::kInternalFailure, "disk"), context)).find("InternalError"),
            std::string::npos);
}

TEST(ErrorDocumentTest, InternalFailuresTellNothingOfTheirCause) {
  for (const ServiceModel* service : {&dynamodb::model(), &lambda::model(), &iam::model(), &s3::model()}) {
    const net::Response response = render(*service, Error(errors::kInternalFailure, "secret path"), kContext);
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(body_of(response).find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace cumulet::wire
