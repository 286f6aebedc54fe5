#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "net/server.h"

namespace cumulet::net {

/// The certificate authority of one installation: whoever trusts its certificate reaches us by any name over TLS. It
/// mints a certificate for each server name that is asked for (EC P-256, 90 days; without a name: localhost and this
/// machine's addresses). Thread-safe.
class LocalAuthority final : public TlsIdentity {
 public:
  /// Opens the authority of a directory that exists: `ca.pem` and `ca-key.pem` (mode 0600), made when neither is there.
  /// Fails when they cannot be read or written, or do not belong together.
  static Result<std::shared_ptr<LocalAuthority>> open(const std::string& directory);
  ~LocalAuthority() override;

  /// Its own certificate, PEM: what clients are to trust.
  const std::string& certificate() const;
  std::pair<std::string, std::string> certificate_for(const std::string& server_name) override;

 private:
  struct Impl;
  explicit LocalAuthority(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One certificate for all names, out of PEM files: the chain, leaf first, and its key. They are read again when a
/// certificate is asked for after a change, so that a renewal needs no restart. Fails when they do not belong together.
Result<std::shared_ptr<TlsIdentity>> identity_from_files(const std::string& chain_file, const std::string& key_file);

}  // namespace cumulet::net
