#include "base/digest.h"

#include <array>
#include <new>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace cumulet {
namespace {

/// Looked up once: OpenSSL 3 takes longer to find an algorithm by name than to hash a short text.
const EVP_MD* algorithm(DigestKind kind) {
  static const EVP_MD* const found[] = {EVP_MD_fetch(nullptr, "MD5", nullptr), EVP_MD_fetch(nullptr, "SHA1", nullptr),
                                        EVP_MD_fetch(nullptr, "SHA256", nullptr)};
  return found[static_cast<std::size_t>(kind)];
}

void check(int result) {
  if (result != 1) throw std::runtime_error("OpenSSL refused a digest operation");
}

std::string once(DigestKind kind, std::string_view bytes) {
  Digest digest(kind);
  digest.update(bytes);
  return digest.finish();
}

}  // namespace

struct Digest::Context {
  explicit Context(DigestKind kind) : handle(EVP_MD_CTX_new()) {
    if (handle == nullptr) throw std::bad_alloc();
    check(EVP_DigestInit_ex2(handle, algorithm(kind), nullptr));
  }
  ~Context() { EVP_MD_CTX_free(handle); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  EVP_MD_CTX* handle;
};

Digest::Digest(DigestKind kind) : context_(std::make_unique<Context>(kind)) {}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(std::string_view bytes) { check(EVP_DigestUpdate(context_->handle, bytes.data(), bytes.size())); }

std::string Digest::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned length = 0;
  check(EVP_DigestFinal_ex(context_->handle, out.data(), &length));
  context_.reset();
  return std::string(reinterpret_cast<const char*>(out.data()), length);
}

std::string md5(std::string_view bytes) { return once(DigestKind::kMd5, bytes); }
std::string sha1(std::string_view bytes) { return once(DigestKind::kSha1, bytes); }
std::string sha256(std::string_view bytes) { return once(DigestKind::kSha256, bytes); }

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  // RFC 2104 over our own digests: OpenSSL 3's EVP_MAC spends most of a short message's time in parameter look-ups.
  constexpr std::size_t kBlock = 64;
  std::string block(key.size() > kBlock ? sha256(key) : std::string(key));
  block.resize(kBlock, '\0');
  for (char& c : block) c = static_cast<char>(c ^ 0x36);
  Digest inner(DigestKind::kSha256);
  inner.update(block);
  inner.update(bytes);
  for (char& c : block) c = static_cast<char>(c ^ 0x36 ^ 0x5c);
  Digest outer(DigestKind::kSha256);
  outer.update(block);
  outer.update(inner.finish());
  OPENSSL_cleanse(block.data(), block.size());
  return outer.finish();
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace cumulet
