#include <gtest/gtest.h>

#include "services/lambda/durable/checkpoint.h"
#include "services/lambda/durable/session.h"
#include "services/lambda/durable/store.h"

namespace cumulet::lambda::durable {
namespace {

Timestamp at(std::int64_t second) { return Timestamp(std::chrono::seconds(second)); }

TEST(DurableRowsTest, ExecutionReadsAsItWasWritten) {
  Execution execution;
  execution.id = "id";
  execution.name = "name";
  execution.status = "RUNNING";
  execution.start = at(5);
  execution.timeout_seconds = 60;
  execution.finished = {"a", "b"};
  execution.due = true;
  execution.parent.operation = "op";
  const std::optional<Execution> read = decode_execution(encode_execution(execution));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "name");
  EXPECT_EQ(read->start, at(5));
  EXPECT_FALSE(read->end);
  EXPECT_EQ(read->finished, execution.finished);
  EXPECT_TRUE(read->due);
  EXPECT_EQ(read->parent.operation, "op");
}

TEST(DurableRowsTest, OperationReadsAsItWasWritten) {
  Operation operation;
  operation.sequence = 7;
  operation.shown.id = "w";
  operation.shown.type = "WAIT";
  operation.shown.status = "STARTED";
  operation.shown.wait_details.emplace().scheduled_end_timestamp = at(9);
  operation.due = at(9);
  const std::optional<Operation> read = decode_operation(encode_operation(operation));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->sequence, 7u);
  EXPECT_EQ(read->due, at(9));
  EXPECT_EQ(read->shown.wait_details->scheduled_end_timestamp, at(9));
  EXPECT_FALSE(read->is_over());
}

TEST(DurableRowsTest, DamagedRowsAreRefused) {
  std::string row = encode_execution(Execution());
  row.front() = '\x7f';
  EXPECT_FALSE(decode_execution(row));
  EXPECT_FALSE(decode_operation("\x01\x7f"));
  EXPECT_FALSE(Alarm::parse("\x01\x7f"));
}

TEST(DurableCallbackIdTest, SaysWhichOperationItIs) {
  CallbackId id;
  id.account = "000000000000";
  id.execution = "e";
  id.operation = "o";
  id.secret = std::string("\0\xff", 2);
  const std::optional<CallbackId> read = CallbackId::parse(id.text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->operation, "o");
  EXPECT_EQ(read->secret, id.secret);
  EXPECT_FALSE(CallbackId::parse("no hex"));
  EXPECT_FALSE(CallbackId::parse(id.text() + "00"));
}

}  // namespace
}  // namespace cumulet::lambda::durable
