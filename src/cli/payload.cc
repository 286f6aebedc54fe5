#include "cli/payload.h"

#include <cstdio>
#include <fstream>
#include <iterator>

namespace cumulet::cli {

Result<std::string> read_payload(const Arguments& arguments) {
  const std::string given = arguments.get("payload", "{}");
  if (given == "-") {
    std::string text;
    char buffer[8192];
    for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) text.append(buffer, got);
    return text;
  }
  if (!given.starts_with('@')) return given;
  std::ifstream file(given.substr(1), std::ios::binary);
  if (!file) return usage_error("cannot read " + given.substr(1));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace cumulet::cli
