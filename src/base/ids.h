#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cumulet {

/// Cryptographically random bytes (getrandom).
std::string random_bytes(std::size_t count);
/// `count` random characters out of `alphabet` (unbiased).
std::string random_text(std::size_t count, std::string_view alphabet);
/// A version 4 UUID in its usual form.
std::string uuid();
/// Lower-case letters and digits: API ids, suffixes of generated names.
std::string random_id(std::size_t count);

}  // namespace cumulet
