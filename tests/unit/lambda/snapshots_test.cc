#include "services/lambda/snapshots.h"

#include <gtest/gtest.h>

#include "services/lambda/configuration.h"

namespace cumulet::lambda {
namespace {

wire::lambda::FunctionConfiguration with_snap_start(const std::string& runtime) {
  wire::lambda::FunctionConfiguration c = default_configuration(FunctionName("000000000000", "us-east-1", "f"));
  c.runtime = runtime;
  c.snap_start->apply_on = "PublishedVersions";
  return c;
}

TEST(SnapshotsTest, RuntimesThatHaveThem) {
  for (const char* runtime : {"java11", "java21", "python3.12", "python3.14", "dotnet8", "dotnet10"}) {
    EXPECT_TRUE(check_snap_start(with_snap_start(runtime)).ok()) << runtime;
  }
  for (const char* runtime : {"java8", "java8.al2", "python3.9", "python3.11", "dotnet6", "nodejs22.x", "ruby3.3",
                              "provided.al2023", "python2.7", ""}) {
    const Result<void> checked = check_snap_start(with_snap_start(runtime));
    ASSERT_FALSE(checked.ok()) << runtime;
    EXPECT_EQ(checked.error().message(), std::string(runtime) + " is not supported for SnapStart enabled functions.");
  }
  wire::lambda::FunctionConfiguration without = with_snap_start("ruby3.3");
  without.snap_start->apply_on = "None";
  EXPECT_TRUE(check_snap_start(without).ok());
}

TEST(SnapshotsTest, DoNotGoWithImagesAndMuchEphemeralStorage) {
  wire::lambda::FunctionConfiguration c = with_snap_start("python3.12");
  c.ephemeral_storage->size = 513;
  EXPECT_FALSE(check_snap_start(c).ok());
  c.ephemeral_storage->size = 512;
  EXPECT_TRUE(check_snap_start(c).ok());
  c.package_type = "Image";
  EXPECT_EQ(check_snap_start(c).error().message(), "ContainerImage is not supported for SnapStart enabled functions.");
}

TEST(SnapshotsTest, OnlyPublishedVersionsStartFromOne) {
  wire::lambda::FunctionConfiguration c = with_snap_start("python3.12");
  EXPECT_FALSE(starts_from_snapshot(c));
  c.version = "1";
  EXPECT_FALSE(starts_from_snapshot(c)) << "published when there were none";
  await_snapshot(c);
  EXPECT_EQ(c.state, "Pending");
  EXPECT_TRUE(starts_from_snapshot(c));
  c.state = "Active";
  c.snap_start->optimization_status = "On";
  EXPECT_TRUE(starts_from_snapshot(c));
}

TEST(SnapshotsTest, ReasonsWhyAVersionFailed) {
  EXPECT_EQ(reason_code_of("", true), "FunctionError.InitTimeout");
  EXPECT_EQ(reason_code_of("Runtime.ImportModuleError", false), "FunctionError.RuntimeInitError");
  EXPECT_EQ(reason_code_of("Runtime.OutOfMemory", false), "FunctionError.InitResourceExhausted");
  EXPECT_EQ(reason_code_of("Extension.Crash", false), "FunctionError.ExtensionInitError");
  EXPECT_EQ(reason_code_of("", false), "InternalError");
}

}  // namespace
}  // namespace cumulet::lambda
