#include "services/lambda/lineage.h"

#include <gtest/gtest.h>

namespace cumulet::lambda {
namespace {

constexpr const char* kFunction = "arn:aws:lambda:eu-west-1:123456789012:function:a";
constexpr const char* kOther = "arn:aws:lambda:eu-west-1:123456789012:function:b";

TEST(LineageTest, AFunctionsOwnHopsAreCounted) {
  std::string header = new_trace(Timestamp());
  EXPECT_EQ(hops_of(header), 0u);
  for (std::uint32_t hop = 1; hop <= 3; ++hop) {
    const Lineage own = next_hop(header, kFunction);
    EXPECT_EQ(own.hops, hop);
    EXPECT_EQ(hops_of(own.header), hop);
    const Lineage other = next_hop(own.header, kOther);
    EXPECT_EQ(hops_of(other.header), hop);
    header = other.header;
  }
}

TEST(LineageTest, WhatIsNoLineageHasNoHops) {
  for (const char* header : {"", "Root=1-5759e988-bd862e3fe1be46a994272793", "Root=1:7", "Lineage=", "Lineage=a",
                             "Lineage=a:", "Lineage=a:x", "Lineage=a:-3", "Lineage=a:1;Sampled=0"}) {
    EXPECT_LE(hops_of(header), 1u) << header;
  }
  EXPECT_EQ(hops_of("Lineage=a:999999999999999999999"), 0u);
}

}  // namespace
}  // namespace cumulet::lambda
