#pragma once

#include <netinet/in.h>

#include "compute/egress/policy.h"
#include "compute/sandbox/system.h"

/// What egress has inside a sandbox's network namespace.
namespace cumulet::compute::egress {

using sandbox::Fd;
using sandbox::kSandboxFailure;
using sandbox::system_error;

/// Non-blocking sockets on 127.0.0.1.
struct Doors {
  Fd tcp;  ///< Takes connections to wherever; their own address says where.
  Fd udp;  ///< Takes datagrams; the control message IP_ORIGDSTADDR says where.
  Fd names_tcp;
  Fd names_udp;  ///< Port 53.
};

/// Sets the routes and rules, once in a namespace's life. Takes less than a millisecond; not on a loop.
Result<Doors> open_doors(int network, const Policy& policy);
/// A socket that answers a sandbox's datagrams as if it were the one they went to, and takes those that follow.
Result<Fd> open_answering(int network, const sockaddr_in& as, const sockaddr_in& to);

}  // namespace cumulet::compute::egress
