// Our HTTP server with a handler that does nothing: what the server itself costs, beside epoll_limit.
//
//   null_server [PORT [LOOPS]]      prints "listening on PORT"

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "net/server.h"

namespace {

cumulet::Task<cumulet::net::Response> nothing(cumulet::net::Request&) {
  co_return cumulet::net::Response(200, "application/x-amz-json-1.0", "{}");
}

}  // namespace

int main(int argc, char** argv) {
  cumulet::net::Loops loops(argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : 1);
  cumulet::net::Server server(loops, nothing);
  loops.run();
  const auto port = server.listen("127.0.0.1", static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  if (!port.ok()) {
    std::fprintf(stderr, "%s\n", port.error().message().c_str());
    return 1;
  }
  std::printf("listening on %u\n", *port);
  std::fflush(stdout);
  for (;;) ::pause();
}
