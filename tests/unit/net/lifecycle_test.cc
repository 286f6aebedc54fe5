#include <atomic>
#include <future>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deferred.h"
#include "base/metrics.h"
#include "net/listen.h"
#include "net/server.h"
#include "support.h"

namespace cumulet::net {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

Task<Response> ok(Request&) { co_return Response(200, "text/plain", "ok"); }

/// Makes a connection and sees to it that the server has accepted it.
std::unique_ptr<RawClient> connect_idle(std::uint16_t port) {
  Gauge& connections = Metrics::instance().gauge("cumulet_http_connections");
  const std::int64_t before = connections.value();
  auto client = std::make_unique<RawClient>(port);
  EXPECT_TRUE(eventually([&connections, before] { return connections.value() > before; }));
  return client;
}

/// A handler that says when it has begun and answers when it is told to.
struct Held {
  Deferred<int> go;
  std::shared_ptr<std::atomic<int>> begun = std::make_shared<std::atomic<int>>(0);

  static Task<Response> answer(Request&, Held held) {
    ++*held.begun;
    (void)co_await held.go.wait();
    co_return Response(200, "text/plain", "held");
  }
  Handler handler() const {
    return [held = *this](Request& request) { return answer(request, held); };
  }
};

TEST(LifecycleTest, DrainClosesIdleConnectionsAndLetsRequestsEnd) {
  Held held;
  TestServer server(held.handler());
  const auto idle = connect_idle(server.port());
  RawClient busy(server.port());
  busy.send(kGet);
  ASSERT_TRUE(eventually([&held] { return *held.begun == 1; }));
  auto drained = std::async(std::launch::async, [&server] {
    server.server().drain(std::chrono::steady_clock::now() + std::chrono::seconds(30));
  });
  EXPECT_TRUE(idle->closed());
  held.go.resolve(1);
  const RawResponse response = busy.read();
  EXPECT_EQ(response.body, "held");
  EXPECT_EQ(response.field("Connection"), "close");
  drained.wait();
  EXPECT_THROW(RawClient(server.port()), std::runtime_error);
}

TEST(LifecycleTest, DrainGivesUpAtItsDeadline) {
  Held held;
  TestServer server(held.handler());
  RawClient busy(server.port());
  busy.send(kGet);
  ASSERT_TRUE(eventually([&held] { return *held.begun == 1; }));
  server.server().drain(std::chrono::steady_clock::now() + milliseconds(50));
  EXPECT_TRUE(busy.closed());
  held.go.resolve(1);
}

TEST(LifecycleTest, ListenerMadeElsewhereHasAHandlerOfItsOwn) {
  TestServer server(ok);
  Result<ListeningSockets> sockets = listen_on("127.0.0.1", 0, 1);
  ASSERT_TRUE(sockets.ok());
  Held held;
  const std::uint64_t listener = server.server().serve(sockets->sockets[0][0], 1, held.handler());
  RawClient other(server.port());
  other.send(kGet);
  EXPECT_EQ(other.read().body, "ok");

  RawClient client(sockets->port);
  client.send(kGet);
  ASSERT_TRUE(eventually([&held] { return *held.begun == 1; }));
  const auto waiting = connect_idle(sockets->port);
  server.server().close_listener(listener);
  EXPECT_TRUE(client.closed()) << "the listener's connections end with it";
  EXPECT_TRUE(waiting->closed());
  EXPECT_TRUE(eventually([&sockets] {
    try {
      RawClient again(sockets->port);
      return false;
    } catch (const std::runtime_error&) {
      return true;
    }
  }));
  other.send(kGet);
  EXPECT_EQ(other.read().body, "ok") << "other listeners stay";
  held.go.resolve(1);
}

/// A request that is waited for may need a function that speaks to a listener of `serve` meanwhile.
TEST(LifecycleTest, DrainLeavesListenersMadeElsewhere) {
  Held held;
  TestServer server(held.handler());
  Result<ListeningSockets> sockets = listen_on("127.0.0.1", 0, 1);
  ASSERT_TRUE(sockets.ok());
  server.server().serve(sockets->sockets[0][0], 0, ok);
  RawClient inside(sockets->port);
  inside.send(kGet);
  EXPECT_EQ(inside.read().body, "ok");
  const auto idle = connect_idle(server.port());
  RawClient busy(server.port());
  busy.send(kGet);
  ASSERT_TRUE(eventually([&held] { return *held.begun == 1; }));
  auto drained = std::async(std::launch::async, [&server] {
    server.server().drain(std::chrono::steady_clock::now() + std::chrono::seconds(30));
  });
  EXPECT_TRUE(idle->closed());
  inside.send(kGet);
  EXPECT_EQ(inside.read().field("Connection"), "") << "its connection stays";
  RawClient again(sockets->port);
  again.send(kGet);
  EXPECT_EQ(again.read().body, "ok");
  held.go.resolve(1);
  EXPECT_EQ(busy.read().body, "held");
  drained.wait();
  again.send(kGet);
  EXPECT_EQ(again.read().body, "ok") << "it stays after the drain, too";
}

TEST(LifecycleTest, HundredsOfListenersAreServed) {
  TestServer server(ok);
  std::vector<std::pair<std::uint64_t, std::uint16_t>> listeners;
  for (int i = 0; i < 300; ++i) {
    Result<ListeningSockets> sockets = listen_on("127.0.0.1", 0, 1);
    ASSERT_TRUE(sockets.ok());
    const std::string name = std::to_string(i);
    const std::uint64_t id = server.server().serve(
        sockets->sockets[0][0], static_cast<std::size_t>(i) % 2,
        [name](Request&) -> Task<Response> { co_return Response(200, "text/plain", std::string(name)); });
    listeners.emplace_back(id, sockets->port);
  }
  for (int i = 0; i < 300; i += 7) {
    RawClient client(listeners[static_cast<std::size_t>(i)].second);
    client.send(kGet);
    EXPECT_EQ(client.read().body, std::to_string(i));
  }
  for (const auto& [id, port] : listeners) server.server().close_listener(id);
}

TEST(LifecycleTest, PortThatIsTakenIsSaid) {
  TestServer first(ok);
  TestServer second(ok);
  const Result<std::uint16_t> port = second.server().listen("127.0.0.1", first.port());
  ASSERT_FALSE(port.ok());
  EXPECT_NE(port.error().message().find("Address already in use"), std::string::npos) << port.error().message();
}

TEST(LifecycleTest, HostThatIsUnknownIsSaid) {
  TestServer server(ok);
  EXPECT_FALSE(server.server().listen("256.256.256.256", 0).ok());
  EXPECT_TRUE(server.server().listen("localhost", 0).ok());
}

TEST(LifecycleTest, ManyConnectionsComeAndGo) {
  TestServer server(ok);
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&server, &answered] {
      for (int i = 0; i < 50; ++i) {
        RawClient client(server.port());
        client.send(kGet).send(kGet);
        if (client.read().body == "ok" && client.read().body == "ok") ++answered;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 400);
}

TEST(LoopsTest, PostedWorkRunsOnItsLoopBeforeTheEnd) {
  std::atomic<int> ran{0};
  {
    Loops loops(3);
    loops.run();
    for (std::size_t i = 0; i < loops.size(); ++i)
      for (int n = 0; n < 100; ++n)
        loops.at(i).post([&loops, &ran, i] {
          if (Loop::current() == &loops.at(i)) ++ran;
        });
    loops.stop();
  }
  EXPECT_EQ(ran, 300);
}

TEST(LoopsTest, TimersFireInOrderAndCancelledOnesDoNot) {
  Loops loops(1);
  loops.run();
  Deferred<std::string> done;
  auto order = std::make_shared<std::string>();
  Loop& loop = loops.at(0);
  std::promise<std::string> result;
  loop.post([&loop, order, &result] {
    const auto now = std::chrono::steady_clock::now();
    loop.at(now + milliseconds(30), [order, &result] {
      *order += "c";
      result.set_value(*order);
    });
    loop.at(now + milliseconds(10), [order] { *order += "b"; });
    const Loop::TimerId cancelled = loop.at(now + milliseconds(5), [order] { *order += "x"; });
    loop.at(now - milliseconds(5), [order, &loop, cancelled] {
      *order += "a";
      loop.cancel(cancelled);
    });
    for (int i = 0; i < 1000; ++i) loop.cancel(loop.at(now + std::chrono::hours(1), [] {}));
  });
  EXPECT_EQ(result.get_future().get(), "abc");
}

TEST(LoopsTest, ExceptionInPostedWorkDoesNotEndTheLoop) {
  Loops loops(1);
  loops.run();
  std::promise<void> after;
  loops.at(0).post([] { throw std::runtime_error("boom"); });
  loops.at(0).post([&after] { after.set_value(); });
  EXPECT_EQ(after.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace cumulet::net
