#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace cumulet::net {

/// Listening sockets of one address and port: `copies` for each address that `host` stands for, sharing it through
/// SO_REUSEPORT.
struct ListeningSockets {
  std::uint16_t port = 0;
  std::vector<std::vector<int>> sockets;  ///< For each address, the copies. The caller owns them.
};

/// `host` is an address, a name, or empty for all addresses; with port 0 the system picks one. Fails when another
/// process has the port, although SO_REUSEPORT alone would let it be shared.
Result<ListeningSockets> listen_on(const std::string& host, std::uint16_t port, std::size_t copies);

}  // namespace cumulet::net
