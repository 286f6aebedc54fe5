#include "images/manifest.h"

#include <gmock/gmock.h>

#include "images/reference.h"
#include "images/registry_auth.h"

namespace cumulet::images {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ReferenceTest, NamesWithAHostAreTaken) {
  const auto plain = parse_reference("localhost:5000/a/b");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->registry, "localhost:5000");
  EXPECT_EQ(plain->repository, "a/b");
  EXPECT_EQ(plain->target(), "latest");
  const auto both = parse_reference("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1@" + kDigest);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->tag, "v1");
  EXPECT_EQ(both->target(), kDigest);
  EXPECT_EQ(both->with_digest(kDigest), "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@" + kDigest);
}

TEST(ReferenceTest, WhatIsNoneIsRefused) {
  for (const char* wrong : {"", "alpine", "library/alpine", "x.y/", "x.y/A", "x.y/a//b", "x.y/../a",
                            "x.y/a:", "x.y/a:b:c", "x.y/a@sha256:1", "http://x.y/a", "x.y:99999/a", "x.y:/a", "u@x.y/a",
                            "x.y/a?b", "x.y/a:b/c", "x y.z/a", "-/a"}) {
    EXPECT_FALSE(parse_reference(wrong)) << wrong;
  }
}

TEST(ManifestTest, PartsAreRead) {
  const Result<Manifest> manifest =
      parse_manifest(R"({"schemaVersion":2,"config":{"digest":")" + kDigest +
                     R"(","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","digest":")" +
                     kDigest + R"(","size":7}]})");
  ASSERT_TRUE(manifest.ok());
  EXPECT_FALSE(manifest->is_index);
  ASSERT_EQ(manifest->layers.size(), 1u);
  EXPECT_EQ(manifest->layers[0].size, 7u);
}

TEST(ManifestTest, WhatIsNotRightIsRefused) {
  const std::string config = R"("config":{"digest":")" + kDigest + R"(","size":2})";
  const std::string layer = R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" + kDigest;
  for (const std::string& wrong : std::vector<std::string>{
           std::string("x"), std::string("[]"), std::string("{}"),
           R"({"schemaVersion":1,)" + config + R"(,"layers":[]})", R"({"schemaVersion":2,)" + config + "}",
           R"({"schemaVersion":2,)" + config + R"(,"layers":[{}]})",
           R"({"schemaVersion":2,)" + config + R"(,"layers":[)" + layer + R"(","size":-1}]})",
           R"({"schemaVersion":2,)" + config + R"(,"layers":[)" + layer + R"(","size":99999999999}]})",
           R"({"schemaVersion":2,"config":{"digest":"sha256:../..","size":2},"layers":[]})",
           R"({"schemaVersion":2,)" + config + R"(,"layers":[{"mediaType":"text/html","digest":")" + kDigest +
               R"(","size":1}]})"}) {
    EXPECT_FALSE(parse_manifest(wrong).ok()) << wrong;
  }
}

TEST(ConfigTest, NullsAreEmptyLists) {
  const Result<ImageConfig> config = parse_config(
      R"({"architecture":"amd64","config":{"Cmd":null,"Entrypoint":["/a"],"Env":["A=b=c"]},"rootfs":{"diff_ids":[]}})");
  ASSERT_TRUE(config.ok());
  EXPECT_TRUE(config->command.empty());
  EXPECT_THAT(config->environment, testing::ElementsAre(testing::Pair("A", "b=c")));
  EXPECT_FALSE(parse_config(R"({"config":{"Cmd":"sh"},"rootfs":{"diff_ids":[]}})").ok());
  EXPECT_FALSE(parse_config(R"({"config":{"Env":["=x"]},"rootfs":{"diff_ids":[]}})").ok());
  EXPECT_FALSE(parse_config(R"({"rootfs":{"diff_ids":["md5:1"]}})").ok());
}

TEST(ChallengeTest, BearerAndBasicAreUnderstood) {
  const auto bearer = parse_challenge(R"(Bearer realm="https://a.b/t",service="s,x",scope="repository:a:pull,push")");
  ASSERT_TRUE(bearer);
  EXPECT_TRUE(bearer->bearer);
  EXPECT_EQ(bearer->realm, "https://a.b/t");
  EXPECT_EQ(bearer->service, "s,x");
  EXPECT_EQ(bearer->scope, "repository:a:pull,push");
  EXPECT_TRUE(parse_challenge("Basic realm=x"));
  for (const char* wrong : {"", "Digest x", "Bearer", "Bearer realm=\"file:///etc\"", "Bearer realm=\""}) {
    EXPECT_FALSE(parse_challenge(wrong)) << wrong;
  }
  EXPECT_EQ(parse_token(R"({"access_token":"t"})"), "t");
  EXPECT_EQ(parse_token("{\"token\":\"a\\r\\nX: y\"}"), "");
}

}  // namespace
}  // namespace cumulet::images
