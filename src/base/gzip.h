#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cumulet {

std::string gzip_compress(std::string_view bytes);
/// The bytes inside; nullopt when this is no gzip, is cut short, or holds more than `limit` bytes.
std::optional<std::string> gzip_decompress(std::string_view bytes, std::size_t limit);

}  // namespace cumulet
