#include "tests/unit/dynamodb/fixture.h"

namespace cumulet::dynamodb {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class BackupsTest : public DynamoDbTest {
 protected:
  std::string back_up(const std::string& table) {
    shapes::CreateBackupInput input;
    input.table_name = table;
    input.backup_name = "nightly";
    const Result<shapes::CreateBackupOutput> made = call<shapes::CreateBackup>(input);
    EXPECT_TRUE(made.ok()) << made.error().message();
    return made.ok() ? made->backup_details->backup_arn : "";
  }
  static shapes::RestoreTableFromBackupInput restore_input(const std::string& arn, const std::string& target) {
    shapes::RestoreTableFromBackupInput input;
    input.backup_arn = arn;
    input.target_table_name = target;
    return input;
  }
  static shapes::RestoreTableToPointInTimeInput moment_input(const std::string& source, const std::string& target,
                                                             std::optional<Timestamp> moment) {
    shapes::RestoreTableToPointInTimeInput input;
    input.source_table_name = source;
    input.target_table_name = target;
    input.restore_date_time = moment;
    if (!moment) input.use_latest_restorable_time = true;
    return input;
  }
  void set_recovery(const std::string& table, bool enabled, std::optional<int> days = std::nullopt) {
    shapes::UpdateContinuousBackupsInput input;
    input.table_name = table;
    input.point_in_time_recovery_specification.point_in_time_recovery_enabled = enabled;
    input.point_in_time_recovery_specification.recovery_period_in_days = days;
    ASSERT_EQ(fault<shapes::UpdateContinuousBackups>(input), "");
  }
  shapes::TableDescription describe(const std::string& table) {
    shapes::DescribeTableInput input;
    input.table_name = table;
    const Result<shapes::DescribeTableOutput> described = call<shapes::DescribeTable>(input);
    EXPECT_TRUE(described.ok());
    return *described->table;
  }
  void remove(const std::string& table, const std::string& id) {
    shapes::DeleteItemInput input;
    input.table_name = table;
    input.key = {{"id", s(id)}};
    ASSERT_EQ(fault<shapes::DeleteItem>(input), "");
  }
  /// The ids of all items, with their n.
  std::map<std::string, std::string> items(const std::string& table) {
    std::map<std::string, std::string> found;
    shapes::ScanInput input;
    input.table_name = table;
    while (true) {
      const Result<shapes::ScanOutput> page = call<shapes::Scan>(input);
      EXPECT_TRUE(page.ok()) << page.error().message();
      if (!page.ok()) return found;
      for (const Item& item : *page->items) found[item.at("id").text()] = item.at("n").text();
      if (!page->last_evaluated_key) return found;
      input.exclusive_start_key = page->last_evaluated_key;
    }
  }
  void put_n(const std::string& table, const std::string& id, int value) {
    put(table, {{"id", s(id)}, {"n", n(std::to_string(value))}});
  }
};

TEST_F(BackupsTest, BackupIsTheTableAsItWasAsked) {
  create(table_input("jobs"));
  for (int i = 0; i < 1500; ++i) put_n("jobs", std::to_string(i), 1);
  const std::string arn = back_up("jobs");
  // Before its rows are copied, the table goes on changing.
  put_n("jobs", "0", 2);
  put_n("jobs", "0", 3);
  put_n("jobs", "new", 1);
  remove("jobs", "1");
  EXPECT_EQ(code<shapes::DeleteTable>([] {
              shapes::DeleteTableInput input;
              input.table_name = "jobs";
              return input;
            }()),
            "ResourceInUseException");
  restart();
  settle();
  ASSERT_EQ(fault<shapes::RestoreTableFromBackup>(restore_input(arn, "restored")), "");
  EXPECT_EQ(describe("restored").table_status, "CREATING");
  EXPECT_EQ(code<shapes::PutItem>(put_input("restored", {{"id", s("x")}})), "ResourceNotFoundException");
  settle();
  EXPECT_EQ(describe("restored").table_status, "ACTIVE");
  const std::map<std::string, std::string> found = items("restored");
  EXPECT_EQ(found.size(), 1500u);
  EXPECT_EQ(found.at("0"), "1");
  EXPECT_TRUE(found.contains("1"));
  EXPECT_FALSE(found.contains("new"));

  shapes::DescribeBackupInput input;
  input.backup_arn = arn;
  const Result<shapes::DescribeBackupOutput> described = call<shapes::DescribeBackup>(input);
  ASSERT_TRUE(described.ok());
  EXPECT_EQ(described->backup_description->backup_details->backup_status, "AVAILABLE");
  EXPECT_EQ(described->backup_description->source_table_details->item_count, 1500);
}

TEST_F(BackupsTest, RestoredTableHasItsIndexes) {
  shapes::CreateTableInput input = table_input("jobs");
  input.attribute_definitions->push_back(definition("n", "N"));
  shapes::GlobalSecondaryIndex& index = input.global_secondary_indexes.emplace().emplace_back();
  index.index_name = "by-n";
  index.key_schema = {element("n", "HASH")};
  index.projection.projection_type = "ALL";
  create(input);
  put_n("jobs", "a", 7);
  const std::string arn = back_up("jobs");
  settle();
  ASSERT_EQ(fault<shapes::RestoreTableFromBackup>(restore_input(arn, "with")), "");
  shapes::RestoreTableFromBackupInput without = restore_input(arn, "without");
  without.global_secondary_index_override.emplace();
  ASSERT_EQ(fault<shapes::RestoreTableFromBackup>(without), "");
  settle();
  shapes::QueryInput question = query_input("with", "n = :n", {{":n", n("7")}});
  question.index_name = "by-n";
  EXPECT_EQ(query(question).items->size(), 1u);
  EXPECT_EQ(describe("with").table_status, "ACTIVE");
  EXPECT_FALSE(describe("without").global_secondary_indexes);
  EXPECT_EQ(describe("without").attribute_definitions->size(), 1u);
}

TEST_F(BackupsTest, TableIsRestoredToAnySecond) {
  create(table_input("jobs"));
  put_n("jobs", "old", 0);
  EXPECT_EQ(code<shapes::RestoreTableToPointInTime>(moment_input("jobs", "other", std::nullopt)),
            "PointInTimeRecoveryUnavailableException");
  set_recovery("jobs", true);
  const Timestamp begin = clock_.now();
  for (int i = 1; i <= 20; ++i) {
    clock_.advance(seconds(1));
    put_n("jobs", "counter", i);
    put_n("jobs", "item-" + std::to_string(i), i);
    if (i > 10) remove("jobs", "item-" + std::to_string(i - 10));
  }
  for (const int moment : {0, 1, 7, 13, 20}) {
    const std::string target = "at-" + std::to_string(moment);
    const Timestamp time = begin + seconds(moment) + std::chrono::milliseconds(500);
    clock_.advance(seconds(1));
    ASSERT_EQ(fault<shapes::RestoreTableToPointInTime>(moment_input("jobs", target, time)), "");
    put_n("jobs", "late", moment);
    settle();
    const std::map<std::string, std::string> found = items(target);
    EXPECT_EQ(found.contains("counter") ? std::stoi(found.at("counter")) : 0, moment);
    EXPECT_EQ(found.at("old"), "0");
    EXPECT_EQ(found.size(), 1u + (moment > 0 ? 1 : 0) + static_cast<std::size_t>(std::min(moment, 10)));
    EXPECT_FALSE(found.contains("late"));
  }
  ASSERT_EQ(fault<shapes::RestoreTableToPointInTime>(moment_input("jobs", "latest", std::nullopt)), "");
  put_n("jobs", "counter", 99);
  settle();
  EXPECT_EQ(items("latest").at("counter"), "20");
  EXPECT_EQ(code<shapes::RestoreTableToPointInTime>(moment_input("jobs", "other", begin - seconds(5))),
            "InvalidRestoreTimeException");
  EXPECT_EQ(code<shapes::RestoreTableToPointInTime>(moment_input("jobs", "other", clock_.now() + seconds(5))),
            "InvalidRestoreTimeException");
  EXPECT_EQ(code<shapes::RestoreTableToPointInTime>(moment_input("jobs", "latest", std::nullopt)),
            "TableAlreadyExistsException");
}

TEST_F(BackupsTest, LogIsKeptForTheRecoveryPeriodOnly) {
  create(table_input("jobs"));
  set_recovery("jobs", true, 1);
  for (int i = 0; i < 10; ++i) put_n("jobs", "a", i);
  const auto rows = [this] { return run(database_->begin()->scan(storage::KeyRange("", "")))->size(); };
  const std::size_t before = rows();
  clock_.advance(hours(25));
  settle();
  EXPECT_EQ(before - rows(), 10u);
  put_n("jobs", "a", 11);
  set_recovery("jobs", false);
  settle();
  EXPECT_EQ(rows(), 2u);  // The table and its item.
}

TEST_F(BackupsTest, DeletedTableWithRecoveryLeavesASystemBackup) {
  create(table_input("jobs"));
  set_recovery("jobs", true);
  put_n("jobs", "a", 1);
  shapes::DeleteTableInput input;
  input.table_name = "jobs";
  ASSERT_EQ(fault<shapes::DeleteTable>(input), "");
  settle();
  shapes::ListBackupsInput list;
  list.backup_type = "SYSTEM";
  const Result<shapes::ListBackupsOutput> listed = call<shapes::ListBackups>(list);
  ASSERT_EQ(listed->backup_summaries->size(), 1u);
  const std::string arn = *listed->backup_summaries->front().backup_arn;
  ASSERT_EQ(fault<shapes::RestoreTableFromBackup>(restore_input(arn, "jobs")), "");
  settle();
  EXPECT_EQ(items("jobs").at("a"), "1");
  clock_.advance(hours(24 * 36));
  settle();
  EXPECT_EQ(call<shapes::ListBackups>(list)->backup_summaries->size(), 0u);
}

TEST_F(BackupsTest, DeletedBackupLeavesNothing) {
  create(table_input("jobs"));
  put_n("jobs", "a", 1);
  const std::string arn = back_up("jobs");
  shapes::DeleteBackupInput input;
  input.backup_arn = arn;
  EXPECT_EQ(code<shapes::DeleteBackup>(input), "BackupInUseException");
  settle();
  EXPECT_EQ(fault<shapes::DeleteBackup>(input), "");
  EXPECT_EQ(code<shapes::DeleteBackup>(input), "BackupNotFoundException");
  settle();
  EXPECT_EQ(run(database_->begin()->scan(storage::KeyRange("", "")))->size(), 2u);
}

}  // namespace
}  // namespace cumulet::dynamodb
