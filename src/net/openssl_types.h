#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/// Owners of OpenSSL's objects. For the .cc files that wrap OpenSSL.
namespace cumulet::net {

template <auto F>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    F(object);
  }
};
using OwnedBio = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using OwnedX509 = std::unique_ptr<X509, OpensslFree<X509_free>>;
using OwnedKey = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;

/// OpenSSL's words for what failed last on this thread; clears its queue.
std::string openssl_reason();
OwnedBio bio_of(std::string_view bytes);
/// Null when it is none.
OwnedX509 certificate_from_pem(std::string_view pem);
OwnedKey key_from_pem(std::string_view pem);

}  // namespace cumulet::net
