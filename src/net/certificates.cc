#include "net/certificates.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "net/openssl_types.h"

namespace cumulet::net {
namespace {

constexpr long kDay = 24 * 60 * 60;
constexpr long kAuthorityDays = 3650;
constexpr long kLeafDays = 90;
constexpr std::size_t kPemLimit = 1024 * 1024;

Error file_error(const std::string& attempt, const std::string& file) {
  const std::string reason = std::strerror(errno);
  return Error("CertificateError", 500, attempt + " " + file + ": " + reason);
}

/// The file's text; empty when there is no such file.
Result<std::string> read_file(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return std::string();
    return file_error("cannot open", file);
  }
  std::string text(kPemLimit, '\0');
  const ssize_t size = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (size < 0) return file_error("cannot read", file);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// Writes it so that after a crash there is all of it or nothing.
Result<void> write_file(const std::string& file, const std::string& text, mode_t mode) {
  const std::string fresh = file + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return file_error("cannot create", fresh);
  const bool written = ::fchmod(fd, mode) == 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!written || ::rename(fresh.c_str(), file.c_str()) != 0) return file_error("cannot write", file);
  return {};
}

std::string pem_of(X509* certificate) {
  const OwnedBio memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(memory.get(), certificate);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::string pem_of(EVP_PKEY* key) {
  const OwnedBio memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

void set_name(X509_NAME* name, const std::string& common_name) {
  const auto add = [name](const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  };
  add("O", "Cumulet");
  add("CN", common_name);
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

/// A certificate without extensions and signature. Valid since yesterday, for clocks that are behind.
OwnedX509 begin_certificate(const std::string& common_name, EVP_PKEY* key, long days) {
  OwnedX509 certificate(X509_new());
  unsigned char serial[16];
  if (!certificate || RAND_bytes(serial, sizeof serial) != 1) return nullptr;
  serial[0] = (serial[0] & 0x7f) | 0x40;
  BIGNUM* const number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * kDay);
  X509_set_pubkey(certificate.get(), key);
  set_name(X509_get_subject_name(certificate.get()), common_name);
  return certificate;
}

OwnedX509 make_authority(EVP_PKEY* key) {
  OwnedX509 authority = begin_certificate("Cumulet local authority", key, kAuthorityDays);
  if (!authority) return nullptr;
  X509_set_issuer_name(authority.get(), X509_get_subject_name(authority.get()));
  const bool made =
      add_extension(authority.get(), authority.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(authority.get(), authority.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(authority.get(), authority.get(), NID_subject_key_identifier, "hash") &&
      X509_sign(authority.get(), key, EVP_sha256()) != 0;
  return made ? std::move(authority) : nullptr;
}

/// Names are checked, because they become part of OpenSSL's own notation.
bool is_dns_name(const std::string& name) {
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

/// Clients that connect by address send no name: then it is for the addresses that this machine has.
std::string local_names() {
  std::string names = "DNS:localhost,DNS:*.localhost,IP:127.0.0.1,IP:::1";
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return names;
  int count = 0;
  for (const ifaddrs* at = list; at != nullptr && count < 32; at = at->ifa_next) {
    char text[INET6_ADDRSTRLEN] = "";
    if (at->ifa_addr == nullptr) continue;
    if (at->ifa_addr->sa_family == AF_INET) {
      ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr, text, sizeof text);
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr, text, sizeof text);
    }
    if (text[0] == '\0' || std::string_view(text) == "127.0.0.1" || std::string_view(text) == "::1") continue;
    names += std::string(",IP:") + text;
    ++count;
  }
  ::freeifaddrs(list);
  return names;
}

Error openssl_error(const std::string& attempt) {
  return Error("CertificateError", 500, attempt + ": " + openssl_reason());
}

}  // namespace

struct LocalAuthority::Impl {
  OwnedX509 authority;
  OwnedKey key;
  OwnedKey leaf_key;  ///< One for all leaves: they all live here.
  std::string authority_pem;
  std::string leaf_key_pem;
};

LocalAuthority::LocalAuthority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalAuthority::~LocalAuthority() = default;

const std::string& LocalAuthority::certificate() const { return impl_->authority_pem; }

Result<std::shared_ptr<LocalAuthority>> LocalAuthority::open(const std::string& directory) {
  const std::string certificate_file = directory + "/ca.pem";
  const std::string key_file = directory + "/ca-key.pem";
  Result<std::string> certificate = read_file(certificate_file);
  if (!certificate.ok()) return std::move(certificate).error();
  Result<std::string> key = read_file(key_file);
  if (!key.ok()) return std::move(key).error();

  auto impl = std::make_unique<Impl>();
  if (certificate->empty()) {
    // A key alone is left from a start that was interrupted; it is used.
    impl->key = key->empty() ? OwnedKey(EVP_EC_gen("P-256")) : key_from_pem(*key);
    if (impl->key) impl->authority = make_authority(impl->key.get());
    if (!impl->authority) return openssl_error("cannot make a certificate authority");
    if (key->empty()) {
      Result<void> written = write_file(key_file, pem_of(impl->key.get()), 0600);
      if (!written.ok()) return std::move(written).error();
    }
    Result<void> written = write_file(certificate_file, pem_of(impl->authority.get()), 0644);
    if (!written.ok()) return std::move(written).error();
  } else {
    impl->authority = certificate_from_pem(*certificate);
    impl->key = key_from_pem(*key);
    if (!impl->authority || !impl->key || X509_check_private_key(impl->authority.get(), impl->key.get()) != 1) {
      (void)openssl_reason();
      return Error("CertificateError", 500,
                   certificate_file + " and " + key_file + " do not belong together; remove both to get new ones");
    }
  }
  impl->authority_pem = pem_of(impl->authority.get());
  impl->leaf_key.reset(EVP_EC_gen("P-256"));
  if (!impl->leaf_key) return openssl_error("cannot make a key");
  impl->leaf_key_pem = pem_of(impl->leaf_key.get());
  return std::shared_ptr<LocalAuthority>(new LocalAuthority(std::move(impl)));
}

std::pair<std::string, std::string> LocalAuthority::certificate_for(const std::string& server_name) {
  const bool named = is_dns_name(server_name);
  const OwnedX509 leaf = begin_certificate(named && server_name.size() <= 64 ? server_name : "localhost",
                                           impl_->leaf_key.get(), kLeafDays);
  if (!leaf) return {};
  X509* const authority = impl_->authority.get();
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(authority));
  const bool made =
      add_extension(leaf.get(), authority, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(leaf.get(), authority, NID_key_usage, "critical,digitalSignature") &&
      add_extension(leaf.get(), authority, NID_ext_key_usage, "serverAuth") &&
      add_extension(leaf.get(), authority, NID_subject_key_identifier, "hash") &&
      add_extension(leaf.get(), authority, NID_authority_key_identifier, "keyid") &&
      add_extension(leaf.get(), authority, NID_subject_alt_name, named ? "DNS:" + server_name : local_names()) &&
      X509_sign(leaf.get(), impl_->key.get(), EVP_sha256()) != 0;
  if (!made) {
    log::error("cannot mint a certificate", {{"name", server_name}, {"reason", openssl_reason()}});
    return {};
  }
  return {pem_of(leaf.get()), impl_->leaf_key_pem};
}

namespace {

class FileIdentity final : public TlsIdentity {
 public:
  FileIdentity(std::string chain_file, std::string key_file)
      : chain_file_(std::move(chain_file)), key_file_(std::move(key_file)) {}

  /// Takes what the files hold now; the old pair stays in use when they do not belong together.
  Result<void> load() {
    Result<std::string> chain = read_file(chain_file_);
    if (!chain.ok()) return std::move(chain).error();
    if (chain->empty()) return Error("CertificateError", 500, "no certificate in " + chain_file_);
    Result<std::string> key = read_file(key_file_);
    if (!key.ok()) return std::move(key).error();
    const OwnedX509 leaf = certificate_from_pem(*chain);
    if (!leaf) return openssl_error("no certificate in " + chain_file_);
    const OwnedKey leaf_key = key_from_pem(*key);
    if (!leaf_key) return openssl_error("no unencrypted key in " + key_file_);
    if (X509_check_private_key(leaf.get(), leaf_key.get()) != 1)
      return openssl_error("the key in " + key_file_ + " is not that of " + chain_file_);
    const std::lock_guard lock(mutex_);
    pair_ = {std::move(*chain), std::move(*key)};
    return {};
  }

  std::pair<std::string, std::string> certificate_for(const std::string&) override {
    if (const Result<void> loaded = load(); !loaded.ok())
      log::warning("the certificate was not renewed", {{"reason", loaded.error().message()}});
    const std::lock_guard lock(mutex_);
    return pair_;
  }

 private:
  std::string chain_file_;
  std::string key_file_;
  std::mutex mutex_;
  std::pair<std::string, std::string> pair_;
};

}  // namespace

Result<std::shared_ptr<TlsIdentity>> identity_from_files(const std::string& chain_file, const std::string& key_file) {
  auto identity = std::make_shared<FileIdentity>(chain_file, key_file);
  Result<void> loaded = identity->load();
  if (!loaded.ok()) return std::move(loaded).error();
  return std::shared_ptr<TlsIdentity>(std::move(identity));
}

}  // namespace cumulet::net
