#include "services/sns/platform.h"

#include "base/text.h"
#include "storage/row.h"
#include "wire/json_writer.h"

namespace cumulet::sns {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::ScanOptions;
using storage::Transaction;

std::optional<PlatformName> parse(std::string_view arn, std::string_view kind, std::size_t words) {
  const std::vector<std::string_view> parts = split(arn, ':');
  if (parts.size() != 6 || parts[0] != "arn" || parts[2] != "sns") return std::nullopt;
  const std::vector<std::string_view> path = split(parts[5], '/');
  if (path.size() != words || path[0] != kind) return std::nullopt;
  PlatformName name;
  name.region = parts[3];
  name.account = parts[4];
  name.platform = path[1];
  name.name = path[2];
  if (words > 3) name.id = path[3];
  return name;
}

std::string application_row(const PlatformApplication& application) {
  storage::RowWriter row;
  row.text_map(application.attributes);
  return std::move(row).bytes();
}

PlatformEndpoint endpoint_from(std::string id, std::string_view bytes) {
  storage::RowReader row(bytes);
  PlatformEndpoint endpoint;
  endpoint.id = std::move(id);
  endpoint.token = row.text();
  endpoint.attributes = row.text_map();
  return endpoint;
}

}  // namespace

std::optional<PlatformName> parse_application_arn(std::string_view arn) { return parse(arn, "app", 3); }
std::optional<PlatformName> parse_endpoint_arn(std::string_view arn) { return parse(arn, "endpoint", 4); }

Key PlatformStore::space(std::string_view kind) const {
  Key key("sns-push");
  key.text(account_).text(region_).text(kind);
  return key;
}

Task<std::optional<PlatformApplication>> PlatformStore::find_application(Transaction& txn, std::string platform,
                                                                         std::string name) const {
  const std::optional<std::string> row = co_await txn.get(space("a").text(platform).text(name).bytes());
  if (!row) co_return std::optional<PlatformApplication>();
  PlatformApplication application;
  application.account = account_;
  application.region = region_;
  application.platform = std::move(platform);
  application.name = std::move(name);
  application.attributes = storage::RowReader(*row).text_map();
  co_return std::optional<PlatformApplication>(std::move(application));
}

void PlatformStore::put_application(Transaction& txn, const PlatformApplication& application) const {
  txn.put(space("a").text(application.platform).text(application.name).bytes(), application_row(application));
}

void PlatformStore::erase_application(Transaction& txn, const PlatformName& name) const {
  txn.erase(space("a").text(name.platform).text(name.name).bytes());
}

Task<std::vector<PlatformApplication>> PlatformStore::list_applications(Transaction& txn, std::string after,
                                                                        std::size_t limit) const {
  const std::string base = space("a").bytes();
  const std::optional<PlatformName> last = parse_application_arn(after);
  const std::string begin =
      last ? storage::after_prefix(space("a").text(last->platform).text(last->name).bytes()) : base;
  ScanOptions options;
  options.limit = limit;
  const KeyRange range(begin, storage::after_prefix(base));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<PlatformApplication> applications;
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(base.size()));
    PlatformApplication& application = applications.emplace_back();
    application.account = account_;
    application.region = region_;
    application.platform = reader.text().value_or("");
    application.name = reader.text().value_or("");
    application.attributes = storage::RowReader(row.value).text_map();
  }
  co_return applications;
}

Task<std::optional<PlatformEndpoint>> PlatformStore::find_endpoint(Transaction& txn, PlatformName name) const {
  const std::optional<std::string> row =
      co_await txn.get(space("e").text(name.platform).text(name.name).text(name.id).bytes());
  if (!row) co_return std::optional<PlatformEndpoint>();
  co_return std::optional<PlatformEndpoint>(endpoint_from(std::move(name.id), *row));
}

Task<std::optional<PlatformEndpoint>> PlatformStore::find_by_token(Transaction& txn, PlatformName application,
                                                                   std::string token) const {
  const std::optional<std::string> id =
      co_await txn.get(space("t").text(application.platform).text(application.name).text(token).bytes());
  if (!id) co_return std::optional<PlatformEndpoint>();
  application.id = *id;
  co_return co_await find_endpoint(txn, std::move(application));
}

void PlatformStore::put_endpoint(Transaction& txn, const PlatformName& application, const PlatformEndpoint& row) const {
  storage::RowWriter writer;
  writer.text(row.token).text_map(row.attributes);
  txn.put(space("e").text(application.platform).text(application.name).text(row.id).bytes(), std::move(writer).bytes());
  txn.put(space("t").text(application.platform).text(application.name).text(row.token).bytes(), row.id);
}

void PlatformStore::erase_endpoint(Transaction& txn, const PlatformName& application,
                                   const PlatformEndpoint& row) const {
  txn.erase(space("e").text(application.platform).text(application.name).text(row.id).bytes());
  txn.erase(space("t").text(application.platform).text(application.name).text(row.token).bytes());
}

Task<std::vector<PlatformEndpoint>> PlatformStore::list_endpoints(Transaction& txn, PlatformName application,
                                                                  std::string after, std::size_t limit) const {
  const Key base = space("e").text(application.platform).text(application.name);
  const std::string all = base.bytes();
  const std::string begin = after.empty() ? all : storage::after_prefix(Key(base).text(after).bytes());
  ScanOptions options;
  options.limit = limit;
  const KeyRange range(begin, storage::after_prefix(all));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<PlatformEndpoint> endpoints;
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(all.size()));
    endpoints.push_back(endpoint_from(reader.text().value_or(""), row.value));
  }
  co_return endpoints;
}

void tell_topic(Parts& parts, Transaction& txn, const PlatformApplication& application,
                const std::string& event_attribute, const PlatformEndpoint& endpoint, const std::string& reason) {
  const std::string topic = application.attribute(event_attribute);
  if (topic.empty()) return;
  const std::string endpoint_arn = "arn:aws:sns:" + application.region + ":" + application.account + ":endpoint/" +
                                   application.platform + "/" + application.name + "/" + endpoint.id;
  wire::JsonWriter json;
  json.begin_object();
  if (!reason.empty()) json.key("DeliveryAttempts").integer(1);
  json.key("EndpointArn").string(endpoint_arn);
  json.key("EventType")
      .string(event_attribute == "EventDeliveryFailure" ? "DeliveryFailure" : event_attribute.substr(5));
  if (!reason.empty()) json.key("FailureMessage").string(reason).key("FailureType").string("InvalidPlatformToken");
  json.key("Resource").string(application.arn()).key("Service").string("SNS");
  json.key("Time").string(iso8601(parts.clock.now(), true)).end_object();
  events::Event event;
  event.account = application.account;
  event.region = application.region;
  event.target_arn = topic;
  event.source_arn = application.arn();
  event.payload = json.take();
  event.attributes["@Subject"] =
      "DeliveryFailure event for app " + application.name + " (" + application.platform + ")";
  if (event_attribute != "EventDeliveryFailure") {
    event.attributes["@Subject"] =
        event_attribute.substr(5) + " event for app " + application.name + " (" + application.platform + ")";
  }
  parts.outbox.record(txn, std::move(event));
}

}  // namespace cumulet::sns
