#include "services/s3/acl.h"

#include <gtest/gtest.h>

namespace cumulet::s3 {
namespace {

constexpr const char* kOwner = "111122223333";

wire::Caller caller(const std::string& account) {
  wire::Caller made;
  made.account = account;
  made.anonymous = account.empty();
  return made;
}

std::string canned(const std::string& name) {
  AskedAcl asked;
  asked.canned = name;
  const Result<std::string> acl = acl_of(asked, kOwner, kOwner);
  return acl.ok() ? *acl : acl.error().code();
}

TEST(S3Acl, CannedOnesOpenWhatTheySay) {
  EXPECT_EQ(canned("private"), "");
  EXPECT_EQ(canned("open"), "InvalidArgument");
  const std::string open = canned("public-read");
  EXPECT_TRUE(is_public_acl(open));
  EXPECT_TRUE(acl_allows(open, kOwner, caller(""), "READ", false));
  EXPECT_FALSE(acl_allows(open, kOwner, caller(""), "WRITE", false));
  EXPECT_FALSE(acl_allows(open, kOwner, caller(""), "READ", true));
  const std::string accounts = canned("authenticated-read");
  EXPECT_FALSE(acl_allows(accounts, kOwner, caller(""), "READ", false));
  EXPECT_TRUE(acl_allows(accounts, kOwner, caller("444455556666"), "READ", false));
}

TEST(S3Acl, WithoutOneTheOwnerAlone) {
  EXPECT_TRUE(acl_allows("", kOwner, caller(kOwner), "READ", false));
  EXPECT_FALSE(acl_allows("", kOwner, caller("444455556666"), "READ", false));
  EXPECT_FALSE(is_public_acl(""));
}

TEST(S3Acl, GranteesInHeaders) {
  const auto grantees = parse_grantees("id=\"111122223333\", uri=http://acs.amazonaws.com/groups/global/AllUsers");
  ASSERT_TRUE(grantees.ok());
  EXPECT_EQ(grantees->size(), 2u);
  for (const char* bad :
       {"", "id", "id=", "id=you", "uri=http://example.com", "name=me", "emailAddress=a@b.c", "id=1,"}) {
    EXPECT_FALSE(parse_grantees(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace cumulet::s3
