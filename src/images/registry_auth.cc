#include "images/registry_auth.h"

#include <fstream>

#include <simdjson.h>

#include "base/text.h"

namespace cumulet::images {
namespace {

constexpr std::size_t kLongestToken = 64 * 1024;
constexpr std::size_t kLoginsLimit = 1u << 20;

bool is_header_safe(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return false;
  return true;
}

}  // namespace

std::optional<Challenge> parse_challenge(std::string_view header) {
  header = trim(header);
  const std::size_t space = header.find(' ');
  const std::string_view scheme = header.substr(0, space);
  Challenge challenge;
  challenge.bearer = iequals(scheme, "bearer");
  if (!challenge.bearer) return iequals(scheme, "basic") ? std::optional<Challenge>(challenge) : std::nullopt;
  std::string_view rest = space == std::string_view::npos ? std::string_view() : header.substr(space + 1);
  while (!rest.empty()) {
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) break;
    const std::string name = to_lower(trim(rest.substr(0, equals)));
    rest.remove_prefix(equals + 1);
    std::string value;
    if (rest.starts_with('"')) {
      std::size_t at = 1;
      while (at < rest.size() && rest[at] != '"') {
        if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
        value += rest[at++];
      }
      rest.remove_prefix(std::min(rest.size(), at + 1));
    } else {
      value = trim(rest.substr(0, rest.find(',')));
    }
    const std::size_t comma = rest.find(',');
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (name == "realm") challenge.realm = std::move(value);
    if (name == "service") challenge.service = std::move(value);
    if (name == "scope") challenge.scope = std::move(value);
  }
  if (!challenge.realm.starts_with("https://") && !challenge.realm.starts_with("http://")) return std::nullopt;
  return challenge;
}

std::string parse_token(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return {};
  for (const char* key : {"token", "access_token"}) {
    std::string_view token;
    if (root[key].get(token) == simdjson::SUCCESS && token.size() <= kLongestToken && is_header_safe(token))
      return std::string(token);
  }
  return {};
}

Result<std::map<std::string, std::string>> read_registry_logins(const std::filesystem::path& file) {
  std::map<std::string, std::string> logins;
  std::error_code problem;
  if (!std::filesystem::exists(file, problem)) return logins;
  const auto wrong = [&file] { return Error("InvalidFile", 400, file.string() + " is not a file of registry logins"); };
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (in.bad() || text.size() > kLoginsLimit) return wrong();
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(text).get(root) != simdjson::SUCCESS) return wrong();
  simdjson::dom::object entries;
  if (root["auths"].get(entries) != simdjson::SUCCESS) return logins;
  for (const auto entry : entries) {
    std::string_view encoded;
    if (entry.value["auth"].get(encoded) != simdjson::SUCCESS) continue;  // kept by a helper program
    const std::optional<std::string> login = base64_decode(encoded);
    if (!login || login->find(':') == std::string::npos) return wrong();
    logins[std::string(entry.key)] = *login;
  }
  return logins;
}

}  // namespace cumulet::images
