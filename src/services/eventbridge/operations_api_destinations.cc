#include "base/ids.h"
#include "services/eventbridge/eventbridge.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using Destination = api::DescribeApiDestinationResponse;

constexpr std::size_t kDestinationLimit = 3000;
constexpr std::int32_t kDefaultRate = 300;

Task<Destination> require_destination(Store store, storage::Transaction& txn, std::string name) {
  const std::optional<std::string> row = co_await store.find(txn, Part::kApiDestination, "", name);
  if (!row) {
    co_return not_found("Failed to describe the api-destination(s). An api-destination '" + name + "' does not exist.");
  }
  co_return co_await wire::read_output<api::DescribeApiDestination>(*row);
}

void put_destination(const Store& store, storage::Transaction& txn, const Destination& destination) {
  store.put(txn, Part::kApiDestination, "", *destination.name,
            wire::output_document<api::DescribeApiDestination>(destination));
}

/// The name in a connection's ARN: connection/NAME/UUID.
std::string connection_name(const std::string& arn) {
  constexpr std::string_view kKind = ":connection/";
  const std::size_t at = arn.find(kKind);
  if (at == std::string::npos) return "";
  const std::string id = arn.substr(at + kKind.size());
  return id.substr(0, id.find('/'));
}

Task<void> require_its_connection(Store store, storage::Transaction& txn, std::string arn) {
  const std::string name = connection_name(arn);
  const std::optional<std::string> row = co_await store.find(txn, Part::kConnection, "", name);
  if (!row) co_await fail(not_found("Connection '" + arn + "' does not exist."));
}

Result<void> check_endpoint(const std::string& endpoint) {
  if (endpoint.starts_with("https://") || endpoint.starts_with("http://")) return {};
  return invalid("Parameter InvocationEndpoint is not valid. Reason: " + endpoint + " is no URL.");
}

}  // namespace

void EventBridge::register_api_destinations() {
  service_.on<api::CreateApiDestination>([this](Call& c, const auto& in) { return create_api_destination(c, in); });
  service_.on<api::UpdateApiDestination>([this](Call& c, const auto& in) { return update_api_destination(c, in); });
  service_.on<api::DeleteApiDestination>([this](Call& c, const auto& in) { return delete_api_destination(c, in); });
  service_.on<api::DescribeApiDestination>([this](Call& c, const auto& in) { return describe_api_destination(c, in); });
  service_.on<api::ListApiDestinations>([this](Call& c, const auto& in) { return list_api_destinations(c, in); });
}

Task<api::CreateApiDestinationResponse> EventBridge::create_api_destination(
    Call& call, const api::CreateApiDestinationRequest& input) {
  co_await check_endpoint(input.invocation_endpoint);
  const Store store = store_of(call);
  Destination destination =
      co_await wire::read_output<api::DescribeApiDestination>(wire::input_document<api::CreateApiDestination>(input));
  destination.api_destination_arn = make_arn(store, "api-destination/" + input.name + "/" + uuid());
  destination.api_destination_state = "ACTIVE";
  destination.invocation_rate_limit_per_second = input.invocation_rate_limit_per_second.value_or(kDefaultRate);
  destination.creation_time = destination.last_modified_time = clock_.now();
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_its_connection(store, txn, input.connection_arn);
    if (co_await store.find(txn, Part::kApiDestination, "", input.name)) {
      co_await fail(exists("An api-destination '" + input.name + "' already exists."));
    }
    const std::vector<Named> all = co_await store.list(txn, Part::kApiDestination, "", "", "", kDestinationLimit);
    if (all.size() == kDestinationLimit) co_await fail(too_many());
    put_destination(store, txn, destination);
  };
  co_await storage::transact(database_, create);
  co_return co_await wire::read_output<api::CreateApiDestination>(
      wire::output_document<api::DescribeApiDestination>(destination));
}

Task<api::UpdateApiDestinationResponse> EventBridge::update_api_destination(
    Call& call, const api::UpdateApiDestinationRequest& input) {
  if (input.invocation_endpoint) co_await check_endpoint(*input.invocation_endpoint);
  const Store store = store_of(call);
  const auto change = [&](storage::Transaction& txn) -> Task<Destination> {
    Destination destination = co_await require_destination(store, txn, input.name);
    if (input.connection_arn) co_await require_its_connection(store, txn, *input.connection_arn);
    destination = co_await wire::read_output<api::DescribeApiDestination>(
        wire::input_document<api::UpdateApiDestination>(input), std::move(destination));
    destination.last_modified_time = clock_.now();
    put_destination(store, txn, destination);
    co_return destination;
  };
  const Destination destination = co_await storage::transact(database_, change);
  co_return co_await wire::read_output<api::UpdateApiDestination>(
      wire::output_document<api::DescribeApiDestination>(destination));
}

Task<wire::events::DeleteApiDestination::Output> EventBridge::delete_api_destination(
    Call& call, const api::DeleteApiDestinationRequest& input) {
  const Store store = store_of(call);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_destination(store, txn, input.name);
    store.erase(txn, Part::kApiDestination, "", input.name);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteApiDestination::Output();
}

Task<Destination> EventBridge::describe_api_destination(Call& call, const api::DescribeApiDestinationRequest& input) {
  const Store store = store_of(call);
  const auto read = [&](storage::Transaction& txn) -> Task<Destination> {
    co_return co_await require_destination(store, txn, input.name);
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::ListApiDestinationsResponse> EventBridge::list_api_destinations(
    Call& call, const api::ListApiDestinationsRequest& input) {
  const Store store = store_of(call);
  api::ListApiDestinationsResponse output = co_await list_parts<api::ListApiDestinations>(
      store, Part::kApiDestination, "", input.name_prefix, input.next_token, input.limit, "ApiDestinations");
  std::erase_if(*output.api_destinations, [&input](const api::ApiDestination& destination) {
    return input.connection_arn && destination.connection_arn != input.connection_arn;
  });
  co_return output;
}

}  // namespace cumulet::eventbridge
