#include "compute/java_trust_store.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "base/digest.h"
#include "base/text.h"

namespace cumulet::compute {
namespace {

constexpr std::uint32_t kMagic = 0xfeedfeed;
constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kTrustedCertificate = 2;
constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void put_text(std::string& out, const std::string& text) {
  put(out, text.size(), 2);
  out += text;
}

/// The digest that closes a store is over the password in UTF-16, a fixed phrase, and the store.
std::string seal(const std::string& store) {
  std::string all;
  for (const char c : std::string_view("changeit")) {
    all += '\0';
    all += c;
  }
  return sha1(all + "Mighty Aphrodite" + store);
}

}  // namespace

std::string java_trust_store(const std::string& pem_bundle) {
  std::string entries;
  std::uint32_t count = 0;
  for (std::size_t at = pem_bundle.find(kBegin); at != std::string::npos; at = pem_bundle.find(kBegin, at)) {
    at += kBegin.size();
    const std::size_t end = pem_bundle.find(kEnd, at);
    if (end == std::string::npos) break;
    std::string text = pem_bundle.substr(at, end - at);
    text.erase(std::remove_if(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c) != 0; }),
               text.end());
    const std::optional<std::string> certificate = base64_decode(text);
    if (!certificate) continue;
    put(entries, kTrustedCertificate, 4);
    put_text(entries, "certificate-" + std::to_string(++count));
    put(entries, 0, 8);  // When it was added.
    put_text(entries, "X.509");
    put(entries, certificate->size(), 4);
    entries += *certificate;
  }
  std::string store;
  put(store, kMagic, 4);
  put(store, kVersion, 4);
  put(store, count, 4);
  store += entries;
  return store + seal(store);
}

}  // namespace cumulet::compute
