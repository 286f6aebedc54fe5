#pragma once

#include "net/http.h"

namespace cumulet::access {

/// Whether nobody on the way can have read a request: it came by TLS, over loopback, or from a service in this process.
/// What aws:SecureTransport says; SAM's and CDK's own buckets deny everything else. Behind a proxy on the same machine
/// it is for the proxy to insist on TLS.
bool is_private(const net::Request& request);

}  // namespace cumulet::access
