#include <gtest/gtest.h>

#include "services/s3/access_log_line.h"
#include "services/s3/log_target.h"

namespace cumulet::s3 {
namespace {

AccessRecord request() {
  AccessRecord record;
  record.bucket_owner = "111122223333";
  record.bucket = "photos";
  record.time = Timestamp(std::chrono::seconds(1'549'411'238));
  record.remote = "192.0.2.3";
  record.request_id = "3E57427F3EXAMPLE";
  record.operation = access_log_operation("GetObject", "GET");
  record.key = "a b";
  record.request_line = "GET /photos/a%20b HTTP/1.1";
  record.status = 200;
  return record;
}

TEST(AccessLogLine, HasAllFieldsInOrder) {
  EXPECT_EQ(access_log_line(request()),
            "111122223333 photos [06/Feb/2019:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT a%20b "
            "\"GET /photos/a%20b HTTP/1.1\" 200 - - - 0 - \"-\" \"-\" - - - - - - - - - -\n");
}

TEST(AccessLogLine, ClientsCannotForgeLinesOrFields) {
  AccessRecord record = request();
  record.user_agent = "curl\" 200\n111122223333 photos";
  record.referer = std::string(5000, 'r');
  record.key = "x y\nz";
  const std::string line = access_log_line(record);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_NE(line.find("\"curl%22 200%0A111122223333 photos\""), std::string::npos);
  EXPECT_NE(line.find(" x%20y%0Az "), std::string::npos);
  EXPECT_LT(line.size(), 1500u);
}

TEST(AccessLogOperation, IsNamedAsInAws) {
  EXPECT_EQ(access_log_operation("CopyObject", "PUT"), "REST.COPY.OBJECT");
  EXPECT_EQ(access_log_operation("ListObjectsV2", "GET"), "REST.GET.BUCKET");
  EXPECT_EQ(access_log_operation("PutObjectTagging", "PUT"), "REST.PUT.OBJECT_TAGGING");
  EXPECT_EQ(access_log_operation("GetBucketVersioning", "GET"), "REST.GET.VERSIONING");
  EXPECT_EQ(access_log_operation("", "GET"), "WEBSITE.GET.OBJECT");
}

TEST(LogKey, FollowsTheFormat) {
  LogStream stream;
  stream.bucket = "photos";
  stream.account = "111122223333";
  stream.region = "eu-central-1";
  wire::s3::LoggingEnabled wanted;
  wanted.target_prefix = "logs/";
  const Timestamp now(std::chrono::seconds(1'549'411'238));
  const Timestamp day(std::chrono::seconds(1'549'324'800));
  const std::string simple = log_key(wanted, stream, now, day);
  EXPECT_TRUE(simple.starts_with("logs/2019-02-06-00-00-38-")) << simple;
  wanted.target_object_key_format.emplace().partitioned_prefix.emplace().partition_date_source = "EventTime";
  const std::string partitioned = log_key(wanted, stream, now, day);
  EXPECT_TRUE(partitioned.starts_with("logs/111122223333/eu-central-1/photos/2019/02/05/2019-02-05-00-00-00-"))
      << partitioned;
}

}  // namespace
}  // namespace cumulet::s3
