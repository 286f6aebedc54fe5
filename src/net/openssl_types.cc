#include "net/openssl_types.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace cumulet::net {

std::string openssl_reason() {
  char text[256] = "unknown";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

OwnedBio bio_of(std::string_view bytes) {
  return OwnedBio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

OwnedX509 certificate_from_pem(std::string_view pem) {
  const OwnedBio memory = bio_of(pem);
  return OwnedX509(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
}

/// Never asks for a password: an encrypted key is not taken.
OwnedKey key_from_pem(std::string_view pem) {
  const OwnedBio memory = bio_of(pem);
  return OwnedKey(PEM_read_bio_PrivateKey(
      memory.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr));
}

}  // namespace cumulet::net
