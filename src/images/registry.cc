#include "images/registry.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"
#include "images/registry_auth.h"
#include "images/tree.h"

namespace cumulet::images {
namespace {

constexpr const char* kAccept =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json";

std::string base_url(const Reference& reference) {
  std::string host = reference.registry;
  if (host == "docker.io") host = "registry-1.docker.io";
  return (is_loopback(host) ? "http://" : "https://") + host + "/v2/" + reference.repository;
}

std::chrono::milliseconds left_until(SteadyTime deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, milliseconds(1));
}

std::string query_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += "%" + to_upper(hex_encode(std::string_view(&c, 1)));
    }
  }
  return out;
}

Error unreachable(const Reference& reference, const Error& why) {
  const std::string reason = why.code() == "RequestTimeout" ? "it took too long" : why.message();
  return Error(kImageFailure, "The image could not be fetched from " + reference.registry + ": " + reason);
}

/// What an answer other than 200 means.
Error refusal(const Reference& reference, int status) {
  const std::string name = reference.registry + "/" + reference.repository;
  if (status == 404) return Error(kImageDeleted, "The image " + name + " was not found.");
  if (status == 401 || status == 403) return Error(kImageAccessDenied, "Access to the image " + name + " was denied.");
  return Error(kImageFailure, "The registry of " + name + " answered " + std::to_string(status) + ".");
}

/// A part on its way to a file: not more than it should be, and its digest.
struct Download {
  Download(File f, std::uint64_t size) : file(std::move(f)), left(size) {}
  File file;
  std::uint64_t left;
  Digest digest{DigestKind::kSha256};
  bool disk_failed = false;

  bool take(std::string_view bytes) {
    if (bytes.size() > left) return false;
    left -= bytes.size();
    digest.update(bytes);
    while (!bytes.empty()) {
      const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
      if (written <= 0) {
        disk_failed = true;
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
};

}  // namespace

std::string Registry::login_of(const std::string& registry) const {
  std::string first = registry;
  if (registry == "docker.io") first = "https://index.docker.io/v1/";
  for (const std::string& key : {first, registry, "https://" + registry, "http://" + registry})
    if (const auto found = logins_.find(key); found != logins_.end()) return found->second;
  return {};
}

/// The Authorization header that answers a challenge.
Task<std::string> Registry::log_in(Reference reference, std::string header, SteadyTime deadline) {
  const std::optional<Challenge> challenge = parse_challenge(header);
  const std::string login = login_of(reference.registry);
  if (!challenge || (!challenge->bearer && login.empty())) co_await fail(refusal(reference, 401));
  const std::string basic = login.empty() ? std::string() : "Basic " + base64_encode(login);
  if (!challenge->bearer) co_return basic;
  // A registry on another machine sends nobody to a server on this one, nor in the clear.
  const std::string host = challenge->realm.substr(challenge->realm.find("://") + 3);
  const bool local = is_loopback(host.substr(0, host.find('/')));
  if (local != is_loopback(reference.registry) || (!local && !challenge->realm.starts_with("https://"))) {
    co_await fail(refusal(reference, 401));
  }
  net::Outbound request;
  const std::string scope =
      challenge->scope.empty() ? "repository:" + reference.repository + ":pull" : challenge->scope;
  request.url =
      challenge->realm + (challenge->realm.find('?') == std::string::npos ? "?" : "&") + "scope=" + query_value(scope);
  if (!challenge->service.empty()) request.url += "&service=" + query_value(challenge->service);
  if (!basic.empty()) request.headers.add("Authorization", basic);
  request.timeout = left_until(deadline);
  request.response_limit = 1u << 20;
  Result<net::Inbound> answer = co_await attempt(client_.send(std::move(request)));
  if (!answer) co_await fail(unreachable(reference, answer.error()));
  const std::string token = answer->status == 200 ? parse_token(answer->body) : std::string();
  if (token.empty()) co_await fail(refusal(reference, 401));
  co_return "Bearer " + token;
}

/// Logs in when it is asked to, once.
Task<net::Inbound> Registry::send(Reference reference, net::Outbound request, SteadyTime deadline) {
  request.follow_redirects = true;
  request.timeout = left_until(deadline);
  net::Outbound again = request;
  Result<net::Inbound> answer = co_await attempt(client_.send(std::move(request)));
  if (!answer) co_return std::move(answer).error();
  if (answer->status != 401) co_return std::move(*answer);
  const std::string challenge(answer->headers.get("WWW-Authenticate"));
  again.headers.set("Authorization", co_await log_in(reference, challenge, deadline));
  again.timeout = left_until(deadline);
  co_return co_await client_.send(std::move(again));
}

Task<std::string> Registry::manifest(Asker, Reference reference, std::string target, SteadyTime deadline) {
  net::Outbound request;
  request.url = base_url(reference) + "/manifests/" + target;
  request.headers.add("Accept", kAccept);
  request.response_limit = kManifestLimit;
  Result<net::Inbound> answer = co_await attempt(send(reference, std::move(request), deadline));
  if (!answer && answer.error().code() != "ConnectionError" && answer.error().code() != "RequestTimeout") {
    co_return std::move(answer).error();
  }
  if (!answer) co_await fail(unreachable(reference, answer.error()));
  if (answer->status != 200) co_await fail(refusal(reference, answer->status));
  co_return std::move(answer->body);
}

Task<void> Registry::fetch(Asker, Reference reference, Descriptor part, std::filesystem::path path,
                           SteadyTime deadline) {
  File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) co_await fail(kImageFailure, "A part of the image could not be written.");
  const auto download = std::make_shared<Download>(std::move(file), part.size);
  net::Outbound request;
  request.url = base_url(reference) + "/blobs/" + part.digest;
  request.response_limit = 1u << 20;
  request.sink = [download](std::string_view bytes) { return download->take(bytes); };
  Result<net::Inbound> answer = co_await attempt(send(reference, std::move(request), deadline));
  if (download->disk_failed) co_await fail(kImageFailure, "A part of the image could not be written.");
  if (!answer && answer.error().code() == "ResponseRefused") {
    co_await fail(kInvalidImage, "The image is not valid: a part of it is larger than its manifest says.");
  }
  if (!answer && answer.error().code() != "ConnectionError" && answer.error().code() != "RequestTimeout") {
    co_await fail(answer.error());
  }
  if (!answer) co_await fail(unreachable(reference, answer.error()));
  if (answer->status != 200) co_await fail(refusal(reference, answer->status));
  if (download->left != 0 || "sha256:" + hex_encode(download->digest.finish()) != part.digest) {
    co_await fail(kInvalidImage, "The image is not valid: a part of it is not what its manifest says.");
  }
}

}  // namespace cumulet::images
