#include "main/observability.h"

#include <fstream>

#include <unistd.h>

#include "base/metrics.h"
#include "base/text.h"

namespace cumulet {
namespace {

constexpr std::uint64_t kClockBodyLimit = 1024;

/// Resident memory of this process, in bytes.
std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

net::Response metrics(storage::Database& database) {
  const storage::DatabaseStats stats = database.stats();
  Metrics& all = Metrics::instance();
  all.gauge("cumulet_storage_commits").set(static_cast<std::int64_t>(stats.commits));
  all.gauge("cumulet_storage_conflicts").set(static_cast<std::int64_t>(stats.conflicts));
  all.gauge("cumulet_storage_syncs").set(static_cast<std::int64_t>(stats.syncs));
  all.gauge("cumulet_storage_bytes").set(static_cast<std::int64_t>(stats.bytes_on_disk));
  all.gauge("process_resident_memory_bytes").set(resident_bytes());
  return net::Response(200, "text/plain; version=0.0.4; charset=utf-8", all.render());
}

std::string health(const std::vector<std::string>& services) {
  std::string text = "{\"services\":{";
  for (const std::string& service : services) {
    if (text.back() != '{') text += ',';
    text += "\"" + json_escape(service) + "\":\"running\"";
  }
  return text + "},\"edition\":\"cumulet\",\"version\":\"" + json_escape(version()) + "\"}";
}

/// The number after "advance_seconds" in the body; nullopt when it is not there.
std::optional<std::int64_t> advance_of(std::string_view body) {
  constexpr std::string_view kName = "\"advance_seconds\"";
  const std::size_t at = body.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t colon = body.find(':', at + kName.size());
  if (colon == std::string_view::npos) return std::nullopt;
  const std::size_t begin = body.find_first_not_of(" \t\r\n", colon + 1);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = body.find_first_not_of("-0123456789", begin);
  return parse_int(body.substr(begin, end - begin));
}

/// These endpoints ask for no signature, and a browser lets any page send a plain POST to the developer's machine.
net::Response no_page() {
  return net::Response(403, "application/json", R"({"message":"not for web pages: the request names an Origin"})");
}

}  // namespace

std::string version() { return CUMULET_VERSION; }

void add_observability(pipeline::Pipeline& pipeline, storage::Database& database, SystemClock& clock,
                       std::vector<std::string> services, bool dev, std::function<void()> clock_moved) {
  pipeline.add("/metrics", [&database](net::Request&) -> Task<net::Response> { co_return metrics(database); });
  pipeline.add("/_localstack/health", [text = health(services)](net::Request&) -> Task<net::Response> {
    co_return net::Response(200, "application/json", text);
  });
  if (!dev) return;
  for (const char* path : {"/_cumulet/reset", "/_localstack/state/reset"}) {
    pipeline.add(path, [](net::Request& request) -> Task<net::Response> {
      if (request.method != "POST") co_return net::Response(405, "application/json", R"({"message":"POST"})");
      if (request.headers.has("Origin")) co_return no_page();
      ::kill(::getpid(), kResetSignal);
      net::Response response(200, "application/json", "{}");
      response.headers.set("Connection", "close");
      co_return response;
    });
  }
  pipeline.add("/_cumulet/clock", [&clock, clock_moved](net::Request& request) -> Task<net::Response> {
    const std::string body =
        co_await read_all(*request.body, kClockBodyLimit, Error(errors::kValidation, "The body is too long."));
    const std::optional<std::int64_t> seconds = advance_of(body);
    if (request.headers.has("Origin")) co_return no_page();
    if (request.method != "POST" || !seconds) {
      co_return net::Response(400, "application/json", R"({"message":"POST {\"advance_seconds\": N}"})");
    }
    clock.advance(std::chrono::seconds(*seconds));
    clock_moved();
    co_return net::Response(200, "application/json", "{\"now\":\"" + iso8601(clock.now(), true) + "\"}");
  });
}

}  // namespace cumulet
