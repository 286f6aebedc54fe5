#include "cli/session.h"

#include <cstdlib>
#include <fstream>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"

namespace cumulet::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string first_of(std::initializer_list<std::string> choices) {
  for (const std::string& choice : choices) {
    if (!choice.empty()) return choice;
  }
  return {};
}

}  // namespace

std::string data_dir_of(const Arguments& arguments) {
  const std::string given = first_of({arguments.get("data-dir", ""), environment("CUMULET_DATA_DIR")});
  if (!given.empty()) return given;
  const std::string data_home = environment("XDG_DATA_HOME");
  if (!data_home.empty()) return data_home + "/cumulet";
  return first_of({environment("HOME"), "/var/lib"}) + "/.local/share/cumulet";
}

Result<RootKeys> read_root_keys(const std::string& data_dir) {
  const std::string path = data_dir + "/root-credentials";
  std::ifstream file(path);
  if (!file) {
    return Error("NoCredentials", 400,
                 "there are no credentials in " + path +
                     ". Has the server run with this data directory "
                     "('cumulet serve --data-dir …')?");
  }
  RootKeys keys;
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string value = line.substr(equals + 1);
    if (line.starts_with("AWS_ACCOUNT_ID=")) keys.account = value;
    if (line.starts_with("AWS_ACCESS_KEY_ID=")) keys.access_key_id = value;
    if (line.starts_with("AWS_SECRET_ACCESS_KEY=")) keys.secret_access_key = value;
  }
  if (keys.access_key_id.empty() || keys.secret_access_key.empty()) {
    return Error("NoCredentials", 400, "the file " + path + " is damaged");
  }
  return keys;
}

Result<Session> Session::open(const Arguments& arguments) {
  Session session;
  session.endpoint_ =
      first_of({arguments.get("endpoint", ""), environment("AWS_ENDPOINT_URL"), "http://127.0.0.1:4566"});
  while (session.endpoint_.ends_with('/')) session.endpoint_.pop_back();
  session.region_ = first_of(
      {arguments.get("region", ""), environment("AWS_REGION"), environment("AWS_DEFAULT_REGION"), "us-east-1"});
  session.identity_.region = session.region_;
  session.identity_.access_key_id = environment("AWS_ACCESS_KEY_ID");
  session.identity_.secret_access_key = environment("AWS_SECRET_ACCESS_KEY");
  session.identity_.session_token = environment("AWS_SESSION_TOKEN");
  if (session.identity_.access_key_id.empty() || arguments.has("data-dir")) {
    Result<RootKeys> keys = read_root_keys(data_dir_of(arguments));
    if (!keys.ok()) return std::move(keys).error();
    session.identity_.access_key_id = keys->access_key_id;
    session.identity_.secret_access_key = keys->secret_access_key;
    session.identity_.session_token.clear();
  }
  session.client_ = std::make_shared<net::Client>();
  return session;
}

Result<net::Inbound> Session::send(const wire::ServiceModel& service, wire::ClientRequest request) const {
  net::Request to_sign;
  to_sign.method = request.method;
  to_sign.target = request.target;
  to_sign.path = request.target.substr(0, request.target.find('?'));
  const std::size_t query = request.target.find('?');
  if (query != std::string::npos) to_sign.query = request.target.substr(query + 1);
  to_sign.headers = request.headers;
  to_sign.headers.set("host", endpoint_.substr(endpoint_.find("://") + 3));
  wire::SigningIdentity identity = identity_;
  identity.service = service.signing_name;
  wire::sign_headers(to_sign, identity, SystemClock().now(), hex_encode(sha256(request.body)));

  net::Outbound outbound;
  outbound.method = request.method;
  outbound.url = endpoint_ + request.target;
  for (const auto& [name, value] : to_sign.headers) {
    if (!iequals(name, "host")) outbound.headers.add(name, value);
  }
  outbound.body = std::move(request.body);
  outbound.timeout = std::chrono::milliseconds(960'000);  // A function may run for 15 minutes.
  outbound.response_limit = 300u << 20;
  Result<net::Inbound> answer = client_->send_blocking(outbound);
  if (answer.ok() || answer.error().code() != "ConnectionError") return answer;
  return Error("ConnectionError", 502, "cannot reach the cloud at " + endpoint_ + ": " + answer.error().message());
}

}  // namespace cumulet::cli
