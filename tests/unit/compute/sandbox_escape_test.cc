// What nothing inside a sandbox may do: each attempt of tests/integration/sandbox/probe_program.cc fails, for a good
// reason.
#include <cstring>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/compute/sandbox_fixture.h"

namespace cumulet::compute {
namespace {

std::uint16_t listen_on_host(int& listener) {
  listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 1) != 0) return 0;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

int listen_on_abstract_name() {
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, "cumulet-test", 12);
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t) + 13);
  ::listen(listener, 1);
  return listener;
}

TEST_F(SandboxTest, EveryAttemptToEscapeFails) {
  int listener = -1;
  const std::uint16_t port = listen_on_host(listener);
  ASSERT_NE(port, 0);
  const int abstract = listen_on_abstract_name();
  const Outcome outcome = run_to_end(probe({"escape", std::to_string(port)}));
  ::close(listener);
  ::close(abstract);
  EXPECT_EQ(outcome.exit.kind, ExitKind::kExited);

  const std::set<std::string> refusals = {"EPERM", "EACCES", "EROFS", "ENOENT"};
  // In containers there is a root in the user namespace, whom nobody may become.
  const std::string no_root = on_process_substrate() || on_machines() ? "EINVAL" : "EPERM";
  const std::map<std::string, std::string> others = {
      {"clone3", "ENOSYS"},        {"x32-mount", "ENOSYS"},
      {"32-bit-mount", "ENOSYS"},  {"setuid-root", no_root},
      {"setgid-root", no_root},    {"host-port", "ECONNREFUSED"},
      {"internet", "ENETUNREACH"}, {"host-abstract-socket", "ECONNREFUSED"},
  };
  int attempts = 0;
  std::istringstream lines(outcome.output);
  for (std::string name, error; lines >> name >> error; ++attempts) {
    if (const auto other = others.find(name); other != others.end())
      EXPECT_EQ(error, other->second) << name;
    else
      EXPECT_TRUE(refusals.contains(error)) << name << " gave " << error;
  }
  EXPECT_GT(attempts, 120) << outcome.output;
}

TEST_F(SandboxTest, AnotherSandboxCannotBeReached) {
  SandboxSpec first = probe({"echo", "9001"});
  first.listen_ports = {9001};
  const std::unique_ptr<Sandbox> neighbour = start(std::move(first));
  ASSERT_TRUE(neighbour);
  const std::vector<int> listeners = neighbour->take_listeners();
  // The same port elsewhere is another port: nobody listens in the second sandbox's network.
  EXPECT_EQ(run_to_end(probe({"ask", "9001"})).output, "connect ECONNREFUSED\n");
  EXPECT_EQ(run_to_end(probe({"processes"})).output, "2\n");
  for (const int listener : listeners) ::close(listener);
}

TEST_F(SandboxTest, SandboxesAreDifferentUsersOfTheHost) {
  const auto owner = [this] {
    const Outcome outcome = run_to_end(host_program({"/bin/sh", "-c", "cat /proc/self/uid_map"}));
    std::istringstream words(outcome.output);
    std::uint32_t inside = 0;
    std::uint32_t outside = 0;
    std::uint32_t count = 0;
    if (!on_process_substrate() && !on_machines()) words.ignore(1000, '\n');  // others map a root as well
    words >> inside >> outside >> count;
    EXPECT_EQ(inside, 993u);
    EXPECT_EQ(count, 1u);
    return outside;
  };
  const std::unique_ptr<Sandbox> neighbour = start(probe({"pause"}));
  EXPECT_GE(owner(), on_machines() ? 993u : 1'900'000'000u);
}

TEST_F(SandboxTest, NothingIsKeptFromOneSandboxToTheNext) {
  const char* script = "ls -A /tmp /dev/shm; echo x > /tmp/left; echo x > /dev/shm/left";
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(run_to_end(host_program({"/bin/sh", "-c", script})).output, "/dev/shm:\n\n/tmp:\n");
}

}  // namespace
}  // namespace cumulet::compute
