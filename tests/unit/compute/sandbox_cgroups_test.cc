#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <unistd.h>

#include "compute/sandbox/cgroups.h"
#include "compute/sandbox/system.h"
#include "tests/unit/compute/sandbox_fixture.h"

namespace cumulet::compute::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(HierarchiesTest, HybridHostHasItsV1ControllersAndAV2Tree) {
  const std::vector<Hierarchy> found = find_hierarchies(
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
      "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n",
      "4:memory:/jobs/one\n3:cpu,cpuacct:/\n1:name=systemd:/\n0::/init.scope\n");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].path, "/sys/fs/cgroup/memory/jobs/one");
  EXPECT_THAT(found[0].controllers, ElementsAre("memory"));
  EXPECT_EQ(found[1].path, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_THAT(found[1].controllers, ElementsAre("cpu", "cpuacct"));
  EXPECT_TRUE(found[2].unified);
  EXPECT_EQ(found[2].path, "/sys/fs/cgroup/unified/init.scope");
}

TEST(HierarchiesTest, V2HostNamesItsControllers) {
  const ScratchDirectory tree;
  std::ofstream(tree.path() / "cgroup.controllers") << "cpuset cpu io memory pids\n";
  const std::vector<Hierarchy> found =
      find_hierarchies("30 24 0:26 / " + tree.path().string() + " rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
                       "0::/system.slice/cumulet.service\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].unified);
  EXPECT_EQ(found[0].path, tree.path().string() + "/system.slice/cumulet.service");
  EXPECT_THAT(found[0].controllers, ElementsAre("cpuset", "cpu", "io", "memory", "pids"));
}

TEST(HierarchiesTest, ContainerSeesItsOwnGroupAsTheRoot) {
  const std::vector<Hierarchy> found = find_hierarchies(
      "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
      "36 31 0:33 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n",
      "4:memory:/docker/abc/inner\n5:pids:/elsewhere\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].path, "/sys/fs/cgroup/memory/inner");
  EXPECT_EQ(found[1].path, "/sys/fs/cgroup/pids");
}

TEST(HierarchiesTest, NonsenseGivesNothing) {
  EXPECT_TRUE(find_hierarchies("", "").empty());
  EXPECT_TRUE(find_hierarchies("a b c\n - cgroup\n1 2 3 - cgroup2\n", ":::\nx\n").empty());
}

TEST(GroupForestTest, MissingControllerIsNamed) {
  const Result<std::unique_ptr<GroupForest>> forest = GroupForest::make({}, "cumulet-none");
  ASSERT_FALSE(forest.ok());
  EXPECT_THAT(forest.error().message(), HasSubstr("\"memory\""));
}

TEST(GroupForestTest, ServersThatStartAtOnceDoNotSweepOneAnotherAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "control groups are made by root";
  const std::vector<Hierarchy> hierarchies =
      find_hierarchies(read_file("/proc/self/mountinfo"), read_file("/proc/self/cgroup"));
  std::vector<std::thread> servers;
  std::vector<std::string> failures(8);
  for (std::size_t i = 0; i < failures.size(); ++i) {
    servers.emplace_back([&, i] {
      const std::string name = "cumulet-sandboxes-test-" + std::to_string(::getpid()) + "-" + std::to_string(i);
      for (int turn = 0; turn < 20 && failures[i].empty(); ++turn) {
        const Result<std::unique_ptr<GroupForest>> forest = GroupForest::make(hierarchies, name);
        if (!forest.ok()) failures[i] = forest.error().message();
      }
    });
  }
  for (std::thread& server : servers) server.join();
  EXPECT_THAT(failures, testing::Each(""));
}

}  // namespace
}  // namespace cumulet::compute::sandbox
