#include <algorithm>

#include <gtest/gtest.h>

#include "compute/egress/policy.h"
#include "compute/egress/resolvers.h"

namespace cumulet::compute::egress {
namespace {

std::uint32_t address(const char* text) { return parse_range(text)->address; }

TEST(EgressPolicyTest, RangesAreReadStrictly) {
  EXPECT_EQ(parse_range("10.1.0.0/16")->length, 16u);
  EXPECT_EQ(parse_range("203.0.113.9")->length, 32u);
  EXPECT_EQ(to_text(parse_range("203.0.113.9")->address), "203.0.113.9");
  EXPECT_TRUE(parse_range("0.0.0.0/0"));
  for (const char* text : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.1/8", "10.0.0/8", "::1",
                           "10.0.0.0/008", "10.0.0.0/8 ", "a.b.c.d", "10.0.0.0/8/8"}) {
    EXPECT_FALSE(parse_range(text)) << text;
  }
}

TEST(EgressPolicyTest, OnlyThePublicInternetIsOpen) {
  const Policy policy;
  for (const char* open : {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255",
                           "172.32.0.0", "192.167.255.255", "203.0.113.1", "223.255.255.255"}) {
    EXPECT_TRUE(policy.permits(address(open), 443, true)) << open;
  }
  for (const char* closed :
       {"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "192.0.0.1", "198.19.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"}) {
    EXPECT_FALSE(policy.permits(address(closed), 443, true)) << closed;
  }
  EXPECT_FALSE(policy.permits(address("1.1.1.1"), 25, true));
  EXPECT_TRUE(policy.permits(address("1.1.1.1"), 25, false));
  EXPECT_FALSE(policy.permits(address("1.1.1.1"), 0, true));
}

TEST(EgressPolicyTest, WhatIsOpenedIsOpenAndTheRestStaysFenced) {
  const Policy policy({*parse_range("10.1.0.0/16"), *parse_range("192.168.0.0/16"), *parse_range("169.254.169.254")});
  EXPECT_TRUE(policy.permits(address("10.1.2.3"), 5432, true));
  EXPECT_FALSE(policy.permits(address("10.2.0.0"), 5432, true));
  EXPECT_TRUE(policy.permits(address("169.254.169.254"), 80, true));
  EXPECT_FALSE(policy.permits(address("169.254.169.253"), 80, true));
  EXPECT_TRUE(policy.names(address("169.254.169.254")));
  EXPECT_FALSE(policy.names(address("10.1.0.0")));
  EXPECT_FALSE(Policy({*parse_range("0.0.0.0/0")}).permits(address("127.0.0.1"), 80, true));
  std::vector<std::string> fenced;
  for (const Range& range : policy.fences()) fenced.push_back(to_text(range.address));
  EXPECT_EQ(std::count(fenced.begin(), fenced.end(), "10.0.0.0"), 1);
  EXPECT_EQ(std::count(fenced.begin(), fenced.end(), "192.168.0.0"), 0);
}

TEST(EgressResolversTest, AddressesOfBothFamiliesWithAndWithoutPort) {
  Endpoint endpoint;
  for (const char* good : {"192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5353"}) {
    EXPECT_TRUE(parse_resolver(good, endpoint)) << good;
  }
  for (const char* bad : {"", "name", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[2001:db8::1", "[2001:db8::1]x",
                          "192.0.2.1:53:53", ":53"}) {
    EXPECT_FALSE(parse_resolver(bad, endpoint)) << bad;
  }
  Resolvers configured("192.0.2.1:5353");
  ASSERT_NE(configured.current(), nullptr);
  configured.give_up();
  EXPECT_NE(configured.current(), nullptr);
}

}  // namespace
}  // namespace cumulet::compute::egress
