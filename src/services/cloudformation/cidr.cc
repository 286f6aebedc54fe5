#include "services/cloudformation/cidr.h"

#include <arpa/inet.h>

#include "base/text.h"

namespace cumulet::cloudformation {

std::optional<std::vector<std::string>> cidr_blocks(const std::string& block, std::int64_t count, std::int64_t bits) {
  constexpr std::int64_t kCountLimit = 256;
  const std::size_t slash = block.find('/');
  if (slash == std::string::npos || count < 1 || count > kCountLimit || bits < 1 || bits > 32) return std::nullopt;
  const std::optional<std::int64_t> prefix = parse_int(block.substr(slash + 1));
  in_addr address{};
  if (!prefix || *prefix < 0 || *prefix > 32 || inet_pton(AF_INET, block.substr(0, slash).c_str(), &address) != 1) {
    return std::nullopt;
  }
  const std::int64_t length = 32 - bits;
  if (length < *prefix || (count - 1) >> (length - *prefix) != 0) return std::nullopt;
  const std::uint32_t mask = *prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - *prefix);
  const std::uint32_t base = ntohl(address.s_addr) & mask;
  std::vector<std::string> blocks;
  for (std::int64_t i = 0; i < count; ++i) {
    in_addr each{};
    each.s_addr = htonl(base + static_cast<std::uint32_t>(i << bits));
    char text[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET, &each, text, sizeof text);
    blocks.push_back(std::string(text) + "/" + std::to_string(length));
  }
  return blocks;
}

}  // namespace cumulet::cloudformation
