#include "net/private_key.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "net/openssl_types.h"

namespace cumulet::net {
namespace {

constexpr long kDay = 24 * 60 * 60;
constexpr int kEs256Part = 32;

using OwnedContext = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;
using OwnedSignature = std::unique_ptr<ECDSA_SIG, OpensslFree<ECDSA_SIG_free>>;

Error key_error(const std::string& what) { return Error("KeyError", 400, what + ": " + openssl_reason()); }

std::string text_of(BIO* memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

const EVP_MD* digest_of(DigestKind kind) {
  if (kind == DigestKind::kMd5) return EVP_md5();
  return kind == DigestKind::kSha1 ? EVP_sha1() : EVP_sha256();
}

}  // namespace

struct PrivateKey::Key {
  OwnedKey key;
};

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  auto key = std::make_shared<Key>();
  key->key = key_from_pem(pem);
  if (!key->key) return key_error("no private key");
  return PrivateKey(std::move(key));
}

Result<PrivateKey> PrivateKey::make_rsa(int bits) {
  auto key = std::make_shared<Key>();
  key->key.reset(EVP_RSA_gen(static_cast<unsigned>(bits)));
  if (!key->key) return key_error("cannot make a key");
  return PrivateKey(std::move(key));
}

std::string PrivateKey::pem() const {
  const OwnedBio memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(memory.get(), key_->key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(memory.get());
}

Result<std::string> PrivateKey::self_signed(const std::string& common_name, long days) const {
  const OwnedX509 certificate(X509_new());
  unsigned char serial[16];
  if (!certificate || RAND_bytes(serial, sizeof serial) != 1) return key_error("cannot make a certificate");
  serial[0] = (serial[0] & 0x7f) | 0x40;
  BIGNUM* const number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * kDay);
  X509_set_pubkey(certificate.get(), key_->key.get());
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.data()),
                             static_cast<int>(common_name.size()), -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  if (X509_sign(certificate.get(), key_->key.get(), EVP_sha256()) == 0) return key_error("cannot sign a certificate");
  const OwnedBio memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(memory.get(), certificate.get());
  return text_of(memory.get());
}

bool PrivateKey::belongs_to(std::string_view certificate_pem) const {
  const OwnedX509 certificate = certificate_from_pem(certificate_pem);
  const bool belongs = certificate && X509_check_private_key(certificate.get(), key_->key.get()) == 1;
  (void)openssl_reason();
  return belongs;
}

Result<std::string> PrivateKey::sign(DigestKind digest, std::string_view text) const {
  const OwnedContext context(EVP_MD_CTX_new());
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_->key.get())), '\0');
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, digest_of(digest), nullptr, key_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
    return key_error("cannot sign");
  }
  signature.resize(size);
  return signature;
}

Result<std::string> PrivateKey::sign_es256(std::string_view text) const {
  if (EVP_PKEY_get_base_id(key_->key.get()) != EVP_PKEY_EC) return Error("KeyError", 400, "not an elliptic curve key");
  const Result<std::string> encoded = sign(DigestKind::kSha256, text);
  if (!encoded.ok()) return encoded.error();
  const auto* bytes = reinterpret_cast<const unsigned char*>(encoded->data());
  const OwnedSignature parts(d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(encoded->size())));
  std::string flat(2 * kEs256Part, '\0');
  auto* out = reinterpret_cast<unsigned char*>(flat.data());
  if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), out, kEs256Part) != kEs256Part ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), out + kEs256Part, kEs256Part) != kEs256Part) {
    return Error("KeyError", 400, "not a key on P-256");
  }
  return flat;
}

std::string certificate_subject(std::string_view certificate_pem, const std::string& field) {
  const OwnedX509 certificate = certificate_from_pem(certificate_pem);
  if (!certificate) {
    (void)openssl_reason();
    return {};
  }
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  char text[256] = "";
  const int size = X509_NAME_get_text_by_NID(name, OBJ_txt2nid(field.c_str()), text, sizeof text);
  return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

}  // namespace cumulet::net
