#pragma once

#include <memory>

#include "net/server.h"
#include "net/transport.h"

namespace cumulet::net {

/// The server's TLS settings and one OpenSSL context for each name it has certificates for. Thread-safe.
class TlsContexts;

std::shared_ptr<TlsContexts> make_tls_contexts(std::shared_ptr<TlsIdentity> identity);

/// The server's side of TLS on a connected, non-blocking socket.
std::unique_ptr<Transport> make_tls_transport(TlsContexts& contexts, int socket);

}  // namespace cumulet::net
