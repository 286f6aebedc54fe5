#include "services/s3/object_lock.h"

#include <gtest/gtest.h>

#include "wire/document.h"

namespace cumulet::s3 {
namespace {

constexpr std::int64_t kNow = 1'709'208'000'000;  // 2024-02-29T12:00:00Z
constexpr std::int64_t kDay = 86'400'000;

ObjectLock lock(std::string mode, std::int64_t until, std::string hold = "") {
  ObjectLock made;
  made.mode = std::move(mode);
  made.retain_until = until;
  made.legal_hold = std::move(hold);
  return made;
}

Bucket bucket_with(std::optional<std::int32_t> days, std::optional<std::int32_t> years) {
  wire::s3::PutObjectLockConfigurationRequest input;
  input.object_lock_configuration.emplace().object_lock_enabled = "Enabled";
  wire::s3::DefaultRetention& given = input.object_lock_configuration->rule.emplace().default_retention.emplace();
  given.mode = "GOVERNANCE";
  given.days = days;
  given.years = years;
  Bucket bucket;
  bucket.object_lock = wire::input_document<wire::s3::PutObjectLockConfiguration>(input);
  return bucket;
}

TEST(S3ObjectLock, ProtectsUntilItsDate) {
  EXPECT_FALSE(is_protected(ObjectLock(), kNow, false));
  EXPECT_TRUE(is_protected(lock("GOVERNANCE", kNow + 1), kNow, false));
  EXPECT_FALSE(is_protected(lock("GOVERNANCE", kNow + 1), kNow, true));
  EXPECT_TRUE(is_protected(lock("COMPLIANCE", kNow + 1), kNow, true));
  EXPECT_FALSE(is_protected(lock("COMPLIANCE", kNow), kNow, false));
  EXPECT_TRUE(is_protected(lock("", 0, "ON"), kNow, true));
  EXPECT_FALSE(is_protected(lock("", 0, "OFF"), kNow, false));
}

TEST(S3ObjectLock, RetentionOnlyGrows) {
  const ObjectLock compliance = lock("COMPLIANCE", kNow + 10);
  EXPECT_TRUE(check_retention_change(compliance, lock("COMPLIANCE", kNow + 11), kNow, false).ok());
  EXPECT_FALSE(check_retention_change(compliance, lock("COMPLIANCE", kNow + 9), kNow, true).ok());
  EXPECT_FALSE(check_retention_change(compliance, ObjectLock(), kNow, true).ok());
  EXPECT_TRUE(check_retention_change(compliance, ObjectLock(), kNow + 10, false).ok());
  const ObjectLock governance = lock("GOVERNANCE", kNow + 10);
  EXPECT_FALSE(check_retention_change(governance, ObjectLock(), kNow, false).ok());
  EXPECT_TRUE(check_retention_change(governance, ObjectLock(), kNow, true).ok());
}

TEST(S3ObjectLock, DefaultsCountDaysAndYears) {
  ObjectLock days;
  apply_default_lock(bucket_with(2, std::nullopt), kNow, days);
  EXPECT_EQ(days.retain_until, kNow + 2 * kDay);
  ObjectLock year;
  apply_default_lock(bucket_with(std::nullopt, 1), kNow, year);
  EXPECT_EQ(year.retain_until, kNow + 366 * kDay);  // 2025-03-01: there is no 29 February
  ObjectLock own = lock("COMPLIANCE", kNow + 1);
  apply_default_lock(bucket_with(2, std::nullopt), kNow, own);
  EXPECT_EQ(own.retain_until, kNow + 1);
}

}  // namespace
}  // namespace cumulet::s3
