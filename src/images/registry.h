#pragma once

#include <map>
#include <string>

#include "images/source.h"
#include "net/client.h"

namespace cumulet::images {

/// Registries that speak the OCI distribution API (Docker Registry HTTP API v2): over TLS, or plainly on this machine.
/// Logs in with bearer tokens and basic authentication. https://github.com/opencontainers/distribution-spec
class Registry final : public ImageSource {
 public:
  /// `logins`: "name:password" by host.
  explicit Registry(std::map<std::string, std::string> logins) : logins_(std::move(logins)) {}

  bool serves(const Reference&) const override { return true; }
  Task<std::string> manifest(Asker asker, Reference reference, std::string target, SteadyTime deadline) override;
  Task<void> fetch(Asker asker, Reference reference, Descriptor part, std::filesystem::path file,
                   SteadyTime deadline) override;

 private:
  Task<net::Inbound> send(Reference reference, net::Outbound request, SteadyTime deadline);
  Task<std::string> log_in(Reference reference, std::string challenge, SteadyTime deadline);
  std::string login_of(const std::string& registry) const;

  const std::map<std::string, std::string> logins_;
  net::Client client_;
};

}  // namespace cumulet::images
