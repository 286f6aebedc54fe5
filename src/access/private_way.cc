#include "access/private_way.h"

namespace cumulet::access {

bool is_private(const net::Request& request) {
  const std::string& from = request.remote_address;
  return request.secure || from.empty() || from.starts_with("127.") || from.starts_with("::1") ||
         from.starts_with("[::1]");
}

}  // namespace cumulet::access
