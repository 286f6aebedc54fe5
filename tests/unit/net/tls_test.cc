#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/certificates.h"
#include "net/client.h"
#include "net/server.h"
#include "support.h"

namespace cumulet::net {
namespace {

class TlsTest : public testing::Test {
 protected:
  TlsTest() : directory_(testing::TempDir() + "/tls_" + std::to_string(::getpid()) + "_" + test_name()) {
    std::filesystem::create_directories(directory_);
  }
  ~TlsTest() override { std::filesystem::remove_all(directory_); }

  static std::string test_name() { return testing::UnitTest::GetInstance()->current_test_info()->name(); }

  std::shared_ptr<LocalAuthority> authority() const {
    Result<std::shared_ptr<LocalAuthority>> opened = LocalAuthority::open(directory_);
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message());
    return opened.ok() ? *opened : nullptr;
  }

  std::string directory_;
};

Task<Response> describe_request(Request& request) {
  std::string body = co_await read_all(*request.body, 64u << 20, Error("TooLarge", 413, "too large"));
  co_return Response(200, "text/plain", (request.secure ? "secure " : "plain ") + request.host + " " + body);
}

TEST_F(TlsTest, TlsAndPlainShareThePort) {
  const auto ca = authority();
  TestServer server(describe_request, {}, ca);
  Client client;
  for (int i = 0; i < 3; ++i) {
    Outbound request;
    request.url = "https://localhost:" + std::to_string(server.port()) + "/";
    request.trusted_pem = ca->certificate();
    const Result<Inbound> secure = client.send_blocking(request);
    ASSERT_TRUE(secure.ok()) << secure.error().message();
    EXPECT_EQ(secure->body, "secure localhost ");
    request.url = "http://127.0.0.1:" + std::to_string(server.port()) + "/";
    const Result<Inbound> plain = client.send_blocking(request);
    ASSERT_TRUE(plain.ok()) << plain.error().message();
    EXPECT_EQ(plain->body, "plain 127.0.0.1 ");
  }
}

TEST_F(TlsTest, EveryNameGetsItsCertificate) {
  const auto ca = authority();
  TestServer server(describe_request, {}, ca);
  Client client;
  for (const std::string name : {"bucket.localhost", "a.b.localhost", "127.0.0.1"}) {
    Outbound request;
    request.url = "https://" + name + ":" + std::to_string(server.port()) + "/";
    request.trusted_pem = ca->certificate();
    const Result<Inbound> answer = client.send_blocking(request);
    ASSERT_TRUE(answer.ok()) << name << ": " << answer.error().message();
    EXPECT_EQ(answer->body, "secure " + name + " ");
  }
}

TEST_F(TlsTest, WhoDoesNotTrustTheAuthorityIsTold) {
  TestServer server(describe_request, {}, authority());
  Client client;
  Outbound request;
  request.url = "https://localhost:" + std::to_string(server.port()) + "/";
  const Result<Inbound> answer = client.send_blocking(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), "ConnectionError");
}

TEST_F(TlsTest, LargeBodiesGoBothWays) {
  const auto ca = authority();
  TestServer server(describe_request, {}, ca);
  Client client;
  Outbound request;
  request.method = "POST";
  request.url = "https://localhost:" + std::to_string(server.port()) + "/";
  request.trusted_pem = ca->certificate();
  request.body = pattern(5'000'000);
  request.headers.add("Content-Type", "application/octet-stream");
  const Result<Inbound> answer = client.send_blocking(request);
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_TRUE(answer->body == "secure localhost " + request.body);
}

TEST_F(TlsTest, AuthorityIsKeptWithItsKeyPrivate) {
  const std::string first = authority()->certificate();
  EXPECT_EQ(authority()->certificate(), first);
  struct stat status {};
  ASSERT_EQ(::stat((directory_ + "/ca-key.pem").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(TlsTest, KeyOfAnotherAuthorityIsRefused) {
  (void)authority();
  const std::string other = directory_ + "/other";
  std::filesystem::create_directories(other);
  ASSERT_TRUE(LocalAuthority::open(other).ok());
  std::filesystem::copy_file(other + "/ca-key.pem", directory_ + "/ca-key.pem",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(LocalAuthority::open(directory_).ok());
}

TEST_F(TlsTest, CertificateFilesAreServedAndRenewed) {
  const auto ca = authority();
  const auto write_pair = [this](const std::pair<std::string, std::string>& pair) {
    std::ofstream(directory_ + "/cert.pem") << pair.first;
    std::ofstream(directory_ + "/key.pem") << pair.second;
  };
  EXPECT_FALSE(identity_from_files(directory_ + "/cert.pem", directory_ + "/key.pem").ok());
  write_pair(ca->certificate_for("localhost"));
  Result<std::shared_ptr<TlsIdentity>> identity =
      identity_from_files(directory_ + "/cert.pem", directory_ + "/key.pem");
  ASSERT_TRUE(identity.ok()) << identity.error().message();
  const auto renewed = ca->certificate_for("localhost");
  write_pair(renewed);
  EXPECT_EQ((*identity)->certificate_for("anything"), renewed);
  std::ofstream(directory_ + "/cert.pem") << "rubbish";
  EXPECT_EQ((*identity)->certificate_for("anything"), renewed) << "a broken file does not replace a good one";
}

TEST_F(TlsTest, RubbishInsteadOfAHandshakeEndsTheConnection) {
  TestServer server(describe_request, {}, authority());
  RawClient client(server.port());
  client.send("\x16 this is no handshake at all, whatever its first byte says");
  (void)client.read_to_end();
  RawClient other(server.port());
  other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(other.read().status, 200);
}

}  // namespace
}  // namespace cumulet::net
