#pragma once

#include <string>

namespace cumulet::compute {

/// The certificates of a PEM bundle as a Java key store (JKS) with the usual password "changeit": what JVMs trust.
std::string java_trust_store(const std::string& pem_bundle);

}  // namespace cumulet::compute
