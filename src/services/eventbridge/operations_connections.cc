#include "base/ids.h"
#include "services/eventbridge/eventbridge.h"
#include "wire/arn.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using Connection = api::DescribeConnectionResponse;
using Secret = api::CreateConnectionRequest;

constexpr std::size_t kConnectionLimit = 3000;

Task<Connection> require_connection(Store store, storage::Transaction& txn, std::string name) {
  const std::optional<std::string> row = co_await store.find(txn, Part::kConnection, "", name);
  if (!row) co_return not_found("Failed to describe the connection(s). Connection '" + name + "' does not exist.");
  co_return co_await wire::read_output<api::DescribeConnection>(*row);
}

void put_connection(const Store& store, storage::Transaction& txn, const Connection& connection) {
  store.put(txn, Part::kConnection, "", *connection.name, wire::output_document<api::DescribeConnection>(connection));
}

Result<void> check(const std::string& type, const api::CreateConnectionAuthRequestParameters& parameters) {
  const bool given = type == "BASIC"     ? parameters.basic_auth_parameters.has_value()
                     : type == "API_KEY" ? parameters.api_key_auth_parameters.has_value()
                                         : parameters.o_auth_parameters.has_value();
  if (!given) return invalid("The authorization parameters for authorization type " + type + " are missing.");
  return {};
}

template <typename List>
void hide(std::optional<List>& parameters) {
  if (!parameters) return;
  for (auto& parameter : *parameters) {
    if (parameter.is_value_secret.value_or(false)) parameter.value.reset();
  }
}

void hide(std::optional<api::ConnectionHttpParameters>& parameters) {
  if (!parameters) return;
  hide(parameters->header_parameters);
  hide(parameters->query_string_parameters);
  hide(parameters->body_parameters);
}

/// What may be shown: the documents have the same members, but passwords and keys have none in the answer.
Task<Connection> shown(Secret secret, Connection onto) {
  Connection connection =
      co_await wire::read_output<api::DescribeConnection>(wire::input_document<api::CreateConnection>(secret));
  connection.connection_arn = std::move(onto.connection_arn);
  connection.secret_arn = std::move(onto.secret_arn);
  connection.creation_time = onto.creation_time;
  connection.last_modified_time = onto.last_modified_time;
  connection.last_authorized_time = onto.last_authorized_time;
  connection.connection_state = "AUTHORIZED";
  if (connection.auth_parameters) {
    hide(connection.auth_parameters->invocation_http_parameters);
    if (connection.auth_parameters->o_auth_parameters) {
      hide(connection.auth_parameters->o_auth_parameters->o_auth_http_parameters);
    }
  }
  co_return connection;
}

}  // namespace

void EventBridge::register_connections() {
  service_.on<api::CreateConnection>([this](Call& c, const auto& in) { return create_connection(c, in); });
  service_.on<api::UpdateConnection>([this](Call& c, const auto& in) { return update_connection(c, in); });
  service_.on<api::DeleteConnection>([this](Call& c, const auto& in) { return delete_connection(c, in); });
  service_.on<api::DeauthorizeConnection>([this](Call& c, const auto& in) { return deauthorize_connection(c, in); });
  service_.on<api::DescribeConnection>([this](Call& c, const auto& in) { return describe_connection(c, in); });
  service_.on<api::ListConnections>([this](Call& c, const auto& in) { return list_connections(c, in); });
}

Task<api::CreateConnectionResponse> EventBridge::create_connection(Call& call,
                                                                   const api::CreateConnectionRequest& input) {
  co_await check(input.authorization_type, input.auth_parameters);
  const Store store = store_of(call);
  const std::string id = input.name + "/" + uuid();
  Connection blank;
  blank.connection_arn = make_arn(store, "connection/" + id);
  blank.secret_arn = wire::make_arn("secretsmanager", store.region(), store.account(),
                                    "secret:events!connection/" + id + "-" + random_id(6));
  blank.creation_time = blank.last_modified_time = blank.last_authorized_time = clock_.now();
  const Connection connection = co_await shown(input, blank);
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    if (co_await store.find(txn, Part::kConnection, "", input.name)) {
      co_await fail(exists("Connection " + input.name + " already exists."));
    }
    const std::vector<Named> all = co_await store.list(txn, Part::kConnection, "", "", "", kConnectionLimit);
    if (all.size() == kConnectionLimit) co_await fail(too_many());
    put_connection(store, txn, connection);
    store.put(txn, Part::kSecret, "", input.name, wire::input_document<api::CreateConnection>(input));
  };
  co_await storage::transact(database_, create);
  co_return co_await wire::read_output<api::CreateConnection>(
      wire::output_document<api::DescribeConnection>(connection));
}

Task<api::UpdateConnectionResponse> EventBridge::update_connection(Call& call,
                                                                   const api::UpdateConnectionRequest& input) {
  const Store store = store_of(call);
  const auto change = [&](storage::Transaction& txn) -> Task<Connection> {
    Connection before = co_await require_connection(store, txn, input.name);
    const std::optional<std::string> row = co_await store.find(txn, Part::kSecret, "", input.name);
    Secret stored = co_await wire::read_input<api::CreateConnection>(row.value_or("{}"));
    stored = co_await wire::read_input<api::CreateConnection>(wire::input_document<api::UpdateConnection>(input),
                                                              std::move(stored));
    co_await check(stored.authorization_type, stored.auth_parameters);
    before.last_modified_time = before.last_authorized_time = clock_.now();
    const Connection after = co_await shown(stored, before);
    put_connection(store, txn, after);
    store.put(txn, Part::kSecret, "", input.name, wire::input_document<api::CreateConnection>(stored));
    co_return after;
  };
  const Connection connection = co_await storage::transact(database_, change);
  co_return co_await wire::read_output<api::UpdateConnection>(
      wire::output_document<api::DescribeConnection>(connection));
}

Task<api::DeleteConnectionResponse> EventBridge::delete_connection(Call& call,
                                                                   const api::DeleteConnectionRequest& input) {
  const Store store = store_of(call);
  const auto erase = [&](storage::Transaction& txn) -> Task<Connection> {
    Connection connection = co_await require_connection(store, txn, input.name);
    store.erase(txn, Part::kConnection, "", input.name);
    store.erase(txn, Part::kSecret, "", input.name);
    connection.connection_state = "DELETING";
    co_return connection;
  };
  const Connection connection = co_await storage::transact(database_, erase);
  co_return co_await wire::read_output<api::DeleteConnection>(
      wire::output_document<api::DescribeConnection>(connection));
}

/// Forgets the secrets; UpdateConnection can bring new ones.
Task<api::DeauthorizeConnectionResponse> EventBridge::deauthorize_connection(
    Call& call, const api::DeauthorizeConnectionRequest& input) {
  const Store store = store_of(call);
  const auto change = [&](storage::Transaction& txn) -> Task<Connection> {
    Connection connection = co_await require_connection(store, txn, input.name);
    connection.connection_state = "DEAUTHORIZED";
    connection.last_modified_time = clock_.now();
    put_connection(store, txn, connection);
    store.erase(txn, Part::kSecret, "", input.name);
    co_return connection;
  };
  const Connection connection = co_await storage::transact(database_, change);
  co_return co_await wire::read_output<api::DeauthorizeConnection>(
      wire::output_document<api::DescribeConnection>(connection));
}

Task<Connection> EventBridge::describe_connection(Call& call, const api::DescribeConnectionRequest& input) {
  const Store store = store_of(call);
  const auto read = [&](storage::Transaction& txn) -> Task<Connection> {
    co_return co_await require_connection(store, txn, input.name);
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::ListConnectionsResponse> EventBridge::list_connections(Call& call, const api::ListConnectionsRequest& input) {
  const Store store = store_of(call);
  api::ListConnectionsResponse output = co_await list_parts<api::ListConnections>(
      store, Part::kConnection, "", input.name_prefix, input.next_token, input.limit, "Connections");
  std::erase_if(*output.connections, [&input](const api::Connection& connection) {
    return input.connection_state && connection.connection_state != input.connection_state;
  });
  co_return output;
}

}  // namespace cumulet::eventbridge
