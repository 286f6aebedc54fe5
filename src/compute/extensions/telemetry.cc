#include "compute/extensions/telemetry.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"

namespace cumulet::compute {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t kDocumentLimit = 16 * 1024;
constexpr std::size_t kEarlyEvents = 1000;
constexpr std::size_t kEarlyBytes = 256 * 1024;

/// Reads one subscription, and gathers what is wrong with it.
class Reader {
 public:
  explicit Reader(bool logs_api) { subscription_.logs_api = logs_api; }

  Result<TelemetrySubscription> read(std::string_view document) {
    if (document.size() > kDocumentLimit) return invalid("the request is too large");
    simdjson::dom::parser parser;
    object root;
    if (parser.parse(simdjson::padded_string(document)).get(root) != simdjson::SUCCESS) {
      return invalid("request body is not a JSON object");
    }
    read_version(root);
    read_destination(root);
    read_types(root);
    read_buffering(root);
    if (!complaints_.empty()) return invalid(join(complaints_, "; "));
    return std::move(subscription_);
  }

 private:
  static Error invalid(std::string message) { return Error("ValidationError", 400, std::move(message)); }
  void complain(std::string text) { complaints_.push_back(std::move(text)); }

  static std::optional<std::string> text_of(const object& from, const char* name) {
    std::string_view text;
    if (from[name].get(text) != simdjson::SUCCESS) return std::nullopt;
    return std::string(text);
  }

  void read_version(const object& root) {
    const std::optional<std::string> version = text_of(root, "schemaVersion");
    if (subscription_.logs_api && !version) return;
    const std::vector<std::string> known = subscription_.logs_api
                                               ? std::vector<std::string>{"2020-08-15", "2021-03-18"}
                                               : std::vector<std::string>{"2025-01-29", "2022-12-13", "2022-07-01"};
    if (!version) return complain("schemaVersion is not provided");
    if (std::find(known.begin(), known.end(), *version) == known.end()) complain("schemaVersion is not supported");
  }

  void read_destination(const object& root) {
    object destination;
    if (root["destination"].get(destination) != simdjson::SUCCESS) return complain("destination is not provided");
    const std::string protocol = text_of(destination, "protocol").value_or("");
    if (protocol == "TCP") {
      std::int64_t port = 0;
      if (destination["port"].get(port) != simdjson::SUCCESS) return complain("port is not provided");
      subscription_.method = "TCP";
      return set_port(port);
    }
    if (protocol != "HTTP") return complain("protocol should be HTTP or TCP");
    read_uri(text_of(destination, "URI").value_or(""));
    const std::string method = text_of(destination, "method").value_or("POST");
    if (method != "POST" && method != "PUT") complain("method should be POST or PUT");
    subscription_.method = method;
  }

  void read_uri(std::string_view uri) {
    constexpr std::string_view kScheme = "http://";
    if (uri.empty()) return complain("URI is not provided");
    if (!uri.starts_with(kScheme)) return complain("URI scheme should be http");
    uri.remove_prefix(kScheme.size());
    const std::size_t slash = uri.find('/');
    const std::string_view authority = uri.substr(0, slash);
    const std::size_t colon = authority.find(':');
    const std::string_view host = authority.substr(0, colon);
    if (host != "sandbox.localdomain" && host != "sandbox") complain("URI host should be sandbox.localdomain");
    if (slash != std::string_view::npos) subscription_.path = uri.substr(slash);
    const bool printable = std::all_of(subscription_.path.begin(), subscription_.path.end(),
                                       [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    if (!printable || subscription_.path.size() > 1024) complain("URI path is not valid");
    if (colon == std::string_view::npos) return complain("URI port is not provided");
    set_port(parse_int(authority.substr(colon + 1)).value_or(0));
  }

  void set_port(std::int64_t port) {
    if (port < 1 || port > 65535) return complain("port should be between 1 and 65535");
    if (port == 9001) return complain("port 9001 is reserved");
    subscription_.port = static_cast<std::uint16_t>(port);
  }

  void read_types(const object& root) {
    simdjson::dom::array types;
    if (root["types"].get(types) != simdjson::SUCCESS || types.size() == 0)
      return complain("types should not be empty");
    for (const element item : types) {
      std::string_view type;
      const bool text = item.get(type) == simdjson::SUCCESS;
      if (text && type == "platform") {
        subscription_.platform = true;
      } else if (text && type == "function") {
        subscription_.function = true;
      } else if (text && type == "extension") {
        subscription_.extension = true;
      } else {
        return complain("types should be platform, function or extension");
      }
    }
  }

  void read_buffering(const object& root) {
    element value;
    if (root["buffering"].get(value) != simdjson::SUCCESS || value.is_null()) return;
    object buffering;
    if (value.get(buffering) != simdjson::SUCCESS) return complain("buffering should be an object");
    // Both ways of writing the time-out are in use.
    const auto timeout = read_number(buffering, buffering["timeoutMs"].error() ? "timeoutInMs" : "timeoutMs", 25,
                                     30'000, subscription_.timeout.count());
    subscription_.timeout = milliseconds(timeout);
    subscription_.max_items = static_cast<std::size_t>(
        read_number(buffering, "maxItems", 1000, 10'000, static_cast<std::int64_t>(subscription_.max_items)));
    subscription_.max_bytes = static_cast<std::size_t>(
        read_number(buffering, "maxBytes", 262'144, 1'048'576, static_cast<std::int64_t>(subscription_.max_bytes)));
  }

  std::int64_t read_number(const object& from, const char* name, std::int64_t least, std::int64_t most,
                           std::int64_t otherwise) {
    element value;
    if (from[name].get(value) != simdjson::SUCCESS) return otherwise;
    std::int64_t number = 0;
    if (value.get(number) == simdjson::SUCCESS && number >= least && number <= most) return number;
    complain(fmt::format("{} should be between {} and {}", name, least, most));
    return otherwise;
  }

  TelemetrySubscription subscription_;
  std::vector<std::string> complaints_;
};

/// The Logs API's name of an event; empty when it does not have it.
std::string name_in_logs_api(const std::string& type) {
  if (type == "platform.telemetrySubscription") return "platform.logsSubscription";
  if (type == "platform.initStart" || type == "platform.initRuntimeDone" || type == "platform.initReport") return {};
  if (type.starts_with("platform.restore")) return {};
  return type;
}

std::string name_in_telemetry_api(const std::string& type) {
  return type == "platform.end" || type == "platform.fault" ? std::string() : type;
}

}  // namespace

bool TelemetrySubscription::wants(TelemetryKind kind) const {
  return kind == TelemetryKind::kPlatform ? platform : kind == TelemetryKind::kFunction ? function : extension;
}

std::vector<std::string> TelemetrySubscription::types() const {
  std::vector<std::string> all;
  if (platform) all.emplace_back("platform");
  if (function) all.emplace_back("function");
  if (extension) all.emplace_back("extension");
  return all;
}

Result<TelemetrySubscription> parse_subscription(std::string_view document, bool logs_api) {
  return Reader(logs_api).read(document);
}

std::string telemetry_json(const TelemetryEvent& event) {
  return "{\"time\":\"" + iso8601(event.time, true) + "\",\"type\":\"" + event.type + "\",\"record\":" + event.record +
         "}";
}

bool TelemetryQueue::full() const {
  return bytes_ >= 2 * subscription_.max_bytes || waiting_.size() >= 2 * subscription_.max_items;
}

void TelemetryQueue::push(const TelemetryEvent& event, SteadyTime now) {
  if (!subscription_.wants(event.kind)) return;
  TelemetryEvent named = event;
  named.type = subscription_.logs_api ? name_in_logs_api(event.type) : name_in_telemetry_api(event.type);
  if (named.type.empty()) return;
  std::string json = telemetry_json(named);
  if (full()) {
    ++dropped_records_;
    dropped_bytes_ += json.size();
    return;
  }
  if (dropped_records_ > 0) tell_dropped(event.time, now);
  bytes_ += json.size() + 1;
  waiting_.emplace_back(std::move(json), now);
}

void TelemetryQueue::tell_dropped(Timestamp time, SteadyTime now) {
  const TelemetryEvent dropped(
      TelemetryKind::kPlatform, time, "platform.logsDropped",
      fmt::format("{{\"droppedBytes\":{},\"droppedRecords\":{},\"reason\":\"Consumer seems to have fallen behind as it "
                  "has not acknowledged receipt of logs.\"}}",
                  dropped_bytes_, dropped_records_));
  dropped_records_ = dropped_bytes_ = 0;
  std::string json = telemetry_json(dropped);
  bytes_ += json.size() + 1;
  waiting_.emplace_back(std::move(json), now);
}

std::optional<SteadyTime> TelemetryQueue::due() const {
  if (waiting_.empty()) return std::nullopt;
  if (waiting_.size() >= subscription_.max_items || bytes_ >= subscription_.max_bytes) return waiting_.front().since;
  return waiting_.front().since + subscription_.timeout;
}

std::optional<std::string> TelemetryQueue::take(SteadyTime now, bool all) {
  const std::optional<SteadyTime> when = due();
  if (!when || (!all && *when > now)) return std::nullopt;
  const bool lines = subscription_.method == "TCP";
  std::string body = lines ? "" : "[";
  for (std::size_t count = 0; !waiting_.empty() && count < subscription_.max_items; ++count) {
    const std::string& json = waiting_.front().json;
    if (count > 0 && body.size() + json.size() > subscription_.max_bytes) break;
    if (!lines && count > 0) body += ',';
    body += json;
    if (lines) body += '\n';
    bytes_ -= json.size() + 1;
    waiting_.pop_front();
  }
  if (!lines) body += ']';
  return body;
}

bool Telemetry::subscribe(const std::string& extension, TelemetrySubscription subscription, SteadyTime now) {
  std::erase_if(subscribers_, [&](const Subscriber& s) { return s.extension == extension; });
  if (subscribers_.size() >= kMostSubscribers) return false;
  Subscriber& subscriber = subscribers_.emplace_back(extension, std::move(subscription));
  for (const TelemetryEvent& event : early_) subscriber.queue.push(event, now);
  return true;
}

void Telemetry::close_subscriptions() {
  open_ = false;
  early_.clear();
  early_.shrink_to_fit();
}

void Telemetry::publish(const TelemetryEvent& event, SteadyTime now) {
  for (Subscriber& subscriber : subscribers_) subscriber.queue.push(event, now);
  if (!open_ || early_.size() >= kEarlyEvents || early_bytes_ + event.record.size() > kEarlyBytes) return;
  early_bytes_ += event.record.size();
  early_.push_back(event);
}

std::optional<Telemetry::Batch> Telemetry::take(SteadyTime now, bool all) {
  std::optional<Batch> batch;
  for (std::size_t i = 0; i < subscribers_.size() && !batch; ++i) {
    std::optional<std::string> body = subscribers_[i].queue.take(now, all);
    if (!body) continue;
    batch.emplace(Batch{subscribers_[i].queue.subscription(), std::move(*body)});
    // The others come first the next time.
    std::rotate(subscribers_.begin(), subscribers_.begin() + static_cast<std::ptrdiff_t>(i) + 1, subscribers_.end());
  }
  return batch;
}

std::optional<SteadyTime> Telemetry::due() const {
  std::optional<SteadyTime> first;
  for (const Subscriber& subscriber : subscribers_) {
    const std::optional<SteadyTime> due = subscriber.queue.due();
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

std::optional<milliseconds> Telemetry::patience() const {
  std::optional<milliseconds> least;
  for (const Subscriber& subscriber : subscribers_) {
    const TelemetrySubscription& wanted = subscriber.queue.subscription();
    if ((wanted.function || wanted.extension) && (!least || wanted.timeout < *least)) least = wanted.timeout;
  }
  return least;
}

}  // namespace cumulet::compute
