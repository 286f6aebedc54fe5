#include "tests/unit/wire/messages.h"
#include "wire/generated/s3.h"

namespace cumulet::wire {
namespace {

std::string operation(std::string method, std::string target, net::Headers headers = {}, std::string bucket = {}) {
  return routed(s3::model(), request_of(std::move(method), std::move(target), {}, std::move(headers)),
                std::move(bucket));
}

TEST(S3RoutingTest, PathAndMethod) {
  EXPECT_EQ(operation("GET", "/"), "ListBuckets");
  EXPECT_EQ(operation("PUT", "/b"), "CreateBucket");
  EXPECT_EQ(operation("PUT", "/b/"), "CreateBucket");
  EXPECT_EQ(operation("HEAD", "/b"), "HeadBucket");
  EXPECT_EQ(operation("GET", "/b"), "ListObjects");
  EXPECT_EQ(operation("GET", "/b/k"), "GetObject");
  EXPECT_EQ(operation("GET", "/b/k/"), "GetObject");
  EXPECT_EQ(operation("GET", "/b//"), "GetObject");
  EXPECT_EQ(operation("DELETE", "/b/k"), "DeleteObject");
  EXPECT_EQ(operation("PATCH", "/b/k"), "MethodNotAllowed");
}

TEST(S3RoutingTest, SubResources) {
  EXPECT_EQ(operation("GET", "/b?list-type=2&prefix=x"), "ListObjectsV2");
  EXPECT_EQ(operation("GET", "/b?list-type=1"), "ListObjects");
  EXPECT_EQ(operation("GET", "/b?versions"), "ListObjectVersions");
  EXPECT_EQ(operation("GET", "/b?location="), "GetBucketLocation");
  EXPECT_EQ(operation("GET", "/b?uploads"), "ListMultipartUploads");
  EXPECT_EQ(operation("POST", "/b/k?uploads"), "CreateMultipartUpload");
  EXPECT_EQ(operation("PUT", "/b/k?partNumber=1&uploadId=u"), "UploadPart");
  EXPECT_EQ(operation("PUT", "/b/k?partNumber=1&uploadId=u", {{"x-amz-copy-source", "c/d"}}), "UploadPartCopy");
  EXPECT_EQ(operation("PUT", "/b/k", {{"x-amz-copy-source", "c/d"}}), "CopyObject");
  EXPECT_EQ(operation("PUT", "/b/k?x-id=PutObject"), "PutObject");
  EXPECT_EQ(operation("POST", "/b/k?uploadId=u"), "CompleteMultipartUpload");
  EXPECT_EQ(operation("DELETE", "/b/k?uploadId=u"), "AbortMultipartUpload");
  EXPECT_EQ(operation("GET", "/b/k?uploadId=u"), "ListParts");
  EXPECT_EQ(operation("POST", "/b?delete"), "DeleteObjects");
  EXPECT_EQ(operation("GET", "/b/k?tagging"), "GetObjectTagging");
  EXPECT_EQ(operation("GET", "/b?lifecycle"), "GetBucketLifecycleConfiguration");
  EXPECT_EQ(operation("PUT", "/b?notification"), "PutBucketNotificationConfiguration");
  EXPECT_EQ(operation("GET", "/b?analytics"), "ListBucketAnalyticsConfigurations");
  EXPECT_EQ(operation("GET", "/b?analytics&id=i"), "GetBucketAnalyticsConfiguration");
}

TEST(S3RoutingTest, SubResourceThatTheMethodDoesNotKnowIsNotTheObjectItself) {
  EXPECT_EQ(operation("DELETE", "/b?acl"), "MethodNotAllowed");
  EXPECT_EQ(operation("DELETE", "/b/k?acl"), "MethodNotAllowed");
  EXPECT_EQ(operation("PUT", "/b/k?uploads"), "MethodNotAllowed");
}

TEST(S3RoutingTest, BucketOfTheHostStandsBeforeThePath) {
  EXPECT_EQ(operation("GET", "/", {}, "b"), "ListObjects");
  EXPECT_EQ(operation("GET", "/k", {}, "b"), "GetObject");
  const auto input = decoded<s3::GetObject>(s3::model(), request_of("GET", "/k%20%2B+/l"), "b.c");
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(input->bucket, "b.c");
  EXPECT_EQ(input->key, "k ++/l");
}

TEST(S3ProtocolTest, KeysKeepTheirSlashes) {
  EXPECT_EQ(decoded<s3::GetObject>(s3::model(), request_of("GET", "/b//k/"))->key, "/k/");
}

TEST(S3ProtocolTest, HeadersBecomeMembersAndTheBodyStreams) {
  const auto input = decoded<s3::PutObject>(s3::model(), request_of("PUT", "/b/k", "content",
                                                                    {{"Content-Length", "7"},
                                                                     {"Content-Type", "text/plain"},
                                                                     {"x-amz-meta-Color", "red"},
                                                                     {"x-amz-meta-Size", "1"},
                                                                     {"x-amz-tagging", "a=b"}}));
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(input->content_type, "text/plain");
  EXPECT_EQ(input->content_length, 7);
  EXPECT_EQ(input->metadata->at("color"), "red");
  EXPECT_EQ(input->metadata->size(), 2U);
  const Result<std::string> body = run(read_all(*input->body, 100, Error("TooLarge", 400, "")));
  EXPECT_EQ(*body, "content");
}

TEST(S3ProtocolTest, WrongHeaderIsAnInvalidArgument) {
  const auto input = decoded<s3::PutObject>(s3::model(), request_of("PUT", "/b/k", "", {{"Content-Length", "x"}}));
  ASSERT_FALSE(input.ok());
  EXPECT_EQ(input.error().code(), "InvalidArgument");
}

TEST(S3ProtocolTest, DocumentsAreRead) {
  const auto input = decoded<s3::DeleteObjects>(
      s3::model(),
      request_of(
          "POST", "/b?delete",
          "<?xml version=\"1.0\"?><Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"
          "<Object><Key>a &amp; b</Key></Object><Object><Key>c</Key><VersionId>v</VersionId></Object></Delete>"));
  ASSERT_TRUE(input.ok()) << message_of(input.error());
  EXPECT_EQ(input->delete_.quiet, true);
  ASSERT_EQ(input->delete_.objects.size(), 2U);
  EXPECT_EQ(input->delete_.objects[0].key, "a & b");
  EXPECT_EQ(input->delete_.objects[1].version_id, "v");
}

TEST(S3ProtocolTest, NamespacePrefixesAndAttributesAreUnderstood) {
  const auto input = decoded<s3::PutBucketAcl>(
      s3::model(),
      request_of("PUT", "/b?acl",
                 "<n:AccessControlPolicy xmlns:n=\"http://s3.amazonaws.com/doc/2006-03-01/\"><n:AccessControlList>"
                 "<n:Grant><n:Grantee xmlns:x=\"http://www.w3.org/2001/XMLSchema-instance\" x:type=\"Group\">"
                 "<n:URI>u</n:URI></n:Grantee><n:Permission>READ</n:Permission></n:Grant></n:AccessControlList>"
                 "</n:AccessControlPolicy>"));
  ASSERT_TRUE(input.ok()) << message_of(input.error());
  const auto& grant = input->access_control_policy->grants->at(0);
  EXPECT_EQ(grant.grantee->type, "Group");
  EXPECT_EQ(grant.grantee->uri, "u");
}

TEST(S3ProtocolTest, BadDocumentsAreMalformedXml) {
  const auto code = [](std::string body) {
    const auto input = decoded<s3::DeleteObjects>(s3::model(), request_of("POST", "/b?delete", std::move(body)));
    return input.ok() ? "ok" : input.error().code();
  };
  EXPECT_EQ(code("<Delete>"), "MalformedXML");
  EXPECT_EQ(code("<Delete></Delete>"), "MalformedXML");
  EXPECT_EQ(code("<Delete><Object></Object></Delete>"), "MalformedXML");
  EXPECT_EQ(code("<Delete><Quiet>maybe</Quiet><Object><Key>k</Key></Object></Delete>"), "MalformedXML");
  EXPECT_EQ(code("<!DOCTYPE d [<!ENTITY e \"x\">]><Delete><Object><Key>&e;</Key></Object></Delete>"), "MalformedXML");
  EXPECT_EQ(code(""), "MissingRequestBodyError");
  const auto input = decoded<s3::PutBucketVersioning>(
      s3::model(),
      request_of("PUT", "/b?versioning", "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>"));
  EXPECT_EQ(input.error().code(), "MalformedXML");
}

TEST(S3ProtocolTest, ListsComeOutFlattenedUnderTheirRoot) {
  s3::ListObjectsV2Output output;
  output.name = "b";
  output.key_count = 1;
  auto& object = output.contents.emplace().emplace_back();
  object.key = "k\x01";
  object.size = 5;
  object.last_modified = Timestamp(std::chrono::seconds(1'700'000'000));
  const net::Response response = encoded<s3::ListObjectsV2>(s3::model(), output);
  EXPECT_EQ(body_of(response),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Contents><Key>k&#x1;</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified><Size>5</Size></Contents>"
            "<Name>b</Name><KeyCount>1</KeyCount></ListBucketResult>");
  EXPECT_EQ(response.headers.get("content-type"), "application/xml");
}

TEST(S3ProtocolTest, ObjectsComeOutAsHeadersAndAStream) {
  s3::GetObjectOutput output;
  output.body = std::make_shared<StringBody>("content");
  output.content_length = 7;
  output.content_type = "text/plain";
  output.last_modified = Timestamp(std::chrono::seconds(1'700'000'000));
  output.metadata.emplace()["color"] = "red\r\nX-Evil: 1";
  const net::Response response = encoded<s3::GetObject>(s3::model(), output);
  EXPECT_EQ(response.headers.get("content-type"), "text/plain");
  EXPECT_EQ(response.headers.get("last-modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(response.headers.get("x-amz-meta-color"), "red  X-Evil: 1");
  EXPECT_FALSE(response.headers.has("content-length"));
  EXPECT_EQ(response.content_length, 7U);
  EXPECT_EQ(body_of(response), "<stream>");
  EXPECT_EQ(response.headers.get("x-amz-request-id"), "id-1");
  EXPECT_TRUE(response.headers.has("x-amz-id-2"));
}

TEST(S3ProtocolTest, PayloadsAreTheirOwnRoots) {
  s3::CopyObjectOutput output;
  output.copy_object_result.emplace().e_tag = "\"e\"";
  EXPECT_EQ(body_of(encoded<s3::CopyObject>(s3::model(), output)),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CopyObjectResult "
            "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><ETag>&quot;e&quot;</ETag></CopyObjectResult>");
  s3::GetBucketPolicyOutput policy;
  policy.policy = "{}";
  EXPECT_EQ(body_of(encoded<s3::GetBucketPolicy>(s3::model(), policy)), "{}");
  s3::GetBucketLocationOutput location;
  location.location_constraint = "eu-west-1";
  EXPECT_EQ(body_of(encoded<s3::GetBucketLocation>(s3::model(), location)),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint "
            "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">eu-west-1</LocationConstraint>");
}

}  // namespace
}  // namespace cumulet::wire
