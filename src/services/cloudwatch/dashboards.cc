#include "services/cloudwatch/dashboards.h"

#include <algorithm>

#include <simdjson.h>

#include "services/cloudwatch/common.h"
#include "storage/key.h"
#include "storage/row.h"
#include "wire/arn.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;

constexpr std::size_t kLongestBody = 1u << 20;
constexpr std::size_t kMostWidgets = 500;
constexpr std::size_t kDashboardsAtOnce = 1000;

std::string arn_of(const Store& store, const std::string& name) {
  return wire::make_arn("cloudwatch", "", store.account(), "dashboard/" + name);
}

Error not_found(const std::string& name) {
  return Error(api::errors::kDashboardNotFoundError, "Dashboard " + name + " does not exist")
      .with("__type", "DashboardNotFoundError");
}

Error invalid_body(const std::string& path, const std::string& message) {
  return Error(api::errors::kDashboardInvalidInputError,
               "The dashboard body is invalid, there are 1 validation errors: [{\"dataPath\":\"" + path +
                   "\",\"message\":\"" + message + "\"}]")
      .with("__type", "DashboardInvalidInputError");
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Result<void> check_widget(simdjson::dom::element widget, const std::string& path) {
  std::string_view type;
  if (widget["type"].get(type) != simdjson::SUCCESS) return invalid_body(path, "Should have required property 'type'");
  for (const std::string_view known : {"metric", "text", "log", "alarm", "explorer", "custom"}) {
    if (type != known) continue;
    simdjson::dom::object properties;
    if (widget["properties"].get(properties) == simdjson::SUCCESS) return {};
    return invalid_body(path, "Should have required property 'properties'");
  }
  return invalid_body(path + "/type", "Should be equal to one of the allowed values");
}

Result<void> check_body(const std::string& body) {
  if (body.size() > kLongestBody) return invalid_body("", "The dashboard body is larger than 1 MB");
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(body).get(root) != simdjson::SUCCESS || !root.is_object()) {
    return invalid_body("", "The field DashboardBody must be a valid JSON object");
  }
  simdjson::dom::array widgets;
  if (root["widgets"].get(widgets) != simdjson::SUCCESS) {
    return invalid_body("", "Should have required property 'widgets'");
  }
  if (widgets.size() > kMostWidgets) return invalid_body("/widgets", "Should NOT have more than 500 items");
  std::size_t index = 0;
  for (const simdjson::dom::element widget : widgets) {
    const Result<void> checked = check_widget(widget, "/widgets/" + std::to_string(index++));
    if (!checked.ok()) return checked.error();
  }
  return {};
}

std::optional<Dashboard> parse_dashboard(const std::string& name, const std::string& value) {
  storage::RowReader row(value);
  Dashboard dashboard;
  dashboard.name = name;
  dashboard.body = row.text();
  dashboard.modified = row.signed_number();
  dashboard.tags = row.text_map();
  return row.ok() ? std::optional(dashboard) : std::nullopt;
}

}  // namespace

std::string dashboard_key(const Store& store, const std::string& name) {
  return storage::Key("cw").text(store.account()).text(store.region()).text("b").text(name).bytes();
}

std::string dashboard_value(const Dashboard& dashboard) {
  storage::RowWriter row;
  row.text(dashboard.body).signed_number(dashboard.modified).text_map(dashboard.tags);
  return std::move(row).bytes();
}

Task<std::optional<Dashboard>> find_dashboard(storage::Transaction& txn, Store store, std::string name) {
  const std::optional<std::string> value = co_await txn.get(dashboard_key(store, name));
  if (!value) co_return std::nullopt;
  co_return parse_dashboard(name, *value);
}

void Dashboards::add_operations(wire::Service& service) {
  service.on<api::PutDashboard>([this](Call& c, const auto& in) { return put(c, in); });
  service.on<api::GetDashboard>([this](Call& c, const auto& in) { return get(c, in); });
  service.on<api::ListDashboards>([this](Call& c, const auto& in) { return list(c, in); });
  service.on<api::DeleteDashboards>([this](Call& c, const auto& in) { return remove(c, in); });
}

Task<api::PutDashboardOutput> Dashboards::put(Call& call, const api::PutDashboardInput& input) {
  if (!is_name(input.dashboard_name)) {
    co_return invalid_value("The value " + input.dashboard_name +
                            " for field DashboardName contains invalid "
                            "characters. It can only contain alphanumerics, dash (-) and underscore (_).");
  }
  co_await check_body(input.dashboard_body);
  const Store store(call.account(), call.region);
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<Dashboard> before = co_await find_dashboard(txn, store, input.dashboard_name);
    Dashboard dashboard;
    dashboard.body = input.dashboard_body;
    dashboard.modified = clock_.now_seconds();
    if (before) dashboard.tags = before->tags;
    if (!before && input.tags) {
      for (const api::Tag& tag : *input.tags) dashboard.tags[tag.key] = tag.value;
    }
    txn.put(dashboard_key(store, input.dashboard_name), dashboard_value(dashboard));
  };
  co_await storage::transact(database_, write);
  api::PutDashboardOutput output;
  output.dashboard_validation_messages.emplace();
  co_return output;
}

Task<api::GetDashboardOutput> Dashboards::get(Call& call, const api::GetDashboardInput& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) { return find_dashboard(txn, store, input.dashboard_name); };
  const std::optional<Dashboard> dashboard = co_await storage::transact(database_, read);
  if (!dashboard) co_return not_found(input.dashboard_name);
  api::GetDashboardOutput output;
  output.dashboard_arn = arn_of(store, input.dashboard_name);
  output.dashboard_body = dashboard->body;
  output.dashboard_name = input.dashboard_name;
  co_return output;
}

Task<api::ListDashboardsOutput> Dashboards::list(Call& call, const api::ListDashboardsInput& input) {
  const Store store(call.account(), call.region);
  const std::string after = co_await page_position(input.next_token);
  const std::string stem = store.prefix("b");
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<storage::KeyValue>> {
    storage::ScanOptions options;
    options.limit = kDashboardsAtOnce;
    options.byte_limit = 64u << 20;
    storage::KeyRange range(after.empty() ? stem : dashboard_key(store, after) + '\0', storage::after_prefix(stem));
    co_return co_await txn.scan(std::move(range), options);
  };
  const std::vector<storage::KeyValue> rows = co_await storage::transact(database_, read);
  api::ListDashboardsOutput output;
  output.dashboard_entries.emplace();
  std::string last;
  for (const storage::KeyValue& row : rows) {
    storage::KeyReader key(row.key);
    for (int part = 0; part < 4; ++part) key.text();
    last = key.text().value_or("");
    const std::optional<Dashboard> dashboard = parse_dashboard(last, row.value);
    if (!dashboard || !last.starts_with(input.dashboard_name_prefix.value_or(""))) continue;
    api::DashboardEntry& entry = output.dashboard_entries->emplace_back();
    entry.dashboard_name = last;
    entry.dashboard_arn = arn_of(store, last);
    entry.last_modified = time_of(dashboard->modified);
    entry.size = static_cast<std::int64_t>(dashboard->body.size());
  }
  if (rows.size() == kDashboardsAtOnce) output.next_token = page_token(last);
  co_return output;
}

Task<api::DeleteDashboardsOutput> Dashboards::remove(Call& call, const api::DeleteDashboardsInput& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    for (const std::string& name : input.dashboard_names) {
      const std::optional<Dashboard> dashboard = co_await find_dashboard(txn, store, name);
      if (!dashboard) co_await fail(not_found(name));
      txn.erase(dashboard_key(store, name));
    }
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteDashboardsOutput();
}

}  // namespace cumulet::cloudwatch
