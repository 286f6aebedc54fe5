#include "net/tls.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"
#include "net/openssl_types.h"

namespace cumulet::net {
namespace {

using OwnedContext = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using OwnedSsl = std::unique_ptr<SSL, OpensslFree<SSL_free>>;

constexpr std::size_t kRecord = 16 * 1024;
constexpr std::size_t kNames = 1024;        // contexts kept; a name costs some kilobytes
constexpr std::chrono::hours kKeptFor{24};  // then the identity is asked again: certificates are renewed
constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";

bool use_certificate(SSL_CTX* context, const std::string& chain_pem, const std::string& key_pem) {
  const OwnedX509 leaf = certificate_from_pem(chain_pem);
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) return false;
  const OwnedBio chain = bio_of(chain_pem);
  const OwnedX509 skipped(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  while (X509* const next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, next) == 1) continue;
    X509_free(next);
    return false;
  }
  ERR_clear_error();  // the end of the chain is no error
  const OwnedKey key = key_from_pem(key_pem);
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int choose_certificate(SSL* ssl, int* alert, void* contexts);

}  // namespace

class TlsContexts {
 public:
  explicit TlsContexts(std::shared_ptr<TlsIdentity> identity) : identity_(std::move(identity)) {}

  /// The context for a server name; null (and logged) when there is no certificate for it. Lives on while connections
  /// hold it, by OpenSSL's own count.
  std::shared_ptr<SSL_CTX> find(const std::string& name) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    if (const auto found = contexts_.find(name); found != contexts_.end() && now - found->second.made < kKeptFor)
      return found->second.context;
    if (contexts_.size() >= kNames) contexts_.clear();
    std::shared_ptr<SSL_CTX> context = make(name);
    if (context) contexts_[name] = {context, now};
    return context;
  }

 private:
  struct Entry {
    std::shared_ptr<SSL_CTX> context;
    std::chrono::steady_clock::time_point made;
  };

  std::shared_ptr<SSL_CTX> make(const std::string& name) {
    const auto [chain, key] = identity_->certificate_for(name);
    OwnedContext context(SSL_CTX_new(TLS_server_method()));
    if (!context || !use_certificate(context.get(), chain, key)) {
      log::warning("no certificate for a server name", {{"name", name}, {"reason", openssl_reason()}});
      return nullptr;
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context.get(), choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context.get(), this);
    return std::shared_ptr<SSL_CTX>(context.release(), SSL_CTX_free);
  }

  std::shared_ptr<TlsIdentity> identity_;
  std::mutex mutex_;
  std::map<std::string, Entry> contexts_;
};

namespace {

bool is_server_name(std::string_view name) {
  return name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

int choose_certificate(SSL* ssl, int* alert, void* contexts) {
  const char* const sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (sent == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const std::string name = to_lower(sent);
  const auto context = is_server_name(name) ? static_cast<TlsContexts*>(contexts)->find(name) : nullptr;
  if (context == nullptr) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  SSL_set_SSL_CTX(ssl, context.get());
  return SSL_TLSEXT_ERR_OK;
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(TlsContexts& contexts, int socket) : socket_(socket) {
    const std::shared_ptr<SSL_CTX> context = contexts.find("");
    if (context) ssl_.reset(SSL_new(context.get()));
    if (ssl_) SSL_set_fd(ssl_.get(), socket);
  }

  Outcome handshake() override {
    if (!ssl_) return {Kind::kBroken};
    ERR_clear_error();
    return outcome(SSL_accept(ssl_.get()), 0);
  }

  Outcome read(char* to, std::size_t size) override {
    if (broken_) return {Kind::kBroken};
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), to, size, &count);
    return outcome(result, count);
  }

  /// Small parts go out in one record. A write that could not go on is repeated with the same bytes, because the parts
  /// are then the same.
  Outcome write(const iovec* parts, int count, bool) override {
    if (broken_) return {Kind::kBroken};
    const char* bytes = static_cast<const char*>(parts[0].iov_base);
    std::size_t size = parts[0].iov_len;
    thread_local char record[kRecord];
    if (count > 1 && size < kRecord) {
      size = 0;
      for (int i = 0; i < count && size < kRecord; ++i) {
        const std::size_t piece = std::min(parts[i].iov_len, kRecord - size);
        std::memcpy(record + size, parts[i].iov_base, piece);
        size += piece;
      }
      bytes = record;
    }
    ERR_clear_error();
    std::size_t written = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes, size, &written);
    return outcome(result, written);
  }

  void finish() override {
    if (ssl_ && !broken_) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
    }
    broken_ = true;
    ::shutdown(socket_, SHUT_WR);
  }

  bool secure() const override { return true; }

  bool speaks_http2() const override {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return size == 2 && std::memcmp(name, "h2", 2) == 0;
  }

 private:
  Outcome outcome(int result, std::size_t bytes) {
    if (result == 1) return {Kind::kDone, bytes};
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {Kind::kNeedRead};
      case SSL_ERROR_WANT_WRITE:
        return {Kind::kNeedWrite};
      case SSL_ERROR_ZERO_RETURN:
        return {Kind::kEnd};
      default:
        broken_ = true;
        return {Kind::kBroken};
    }
  }

  int socket_;
  OwnedSsl ssl_;
  bool broken_ = false;
};

}  // namespace

std::shared_ptr<TlsContexts> make_tls_contexts(std::shared_ptr<TlsIdentity> identity) {
  return std::make_shared<TlsContexts>(std::move(identity));
}

std::unique_ptr<Transport> make_tls_transport(TlsContexts& contexts, int socket) {
  return std::make_unique<TlsTransport>(contexts, socket);
}

}  // namespace cumulet::net
