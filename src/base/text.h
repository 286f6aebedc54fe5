#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cumulet {

// Encodings that every room needs. Decoders are strict: nullopt on anything that is not exactly their form.

std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);
std::string base64url_encode(std::string_view bytes);  ///< Without padding.
std::optional<std::string> base64url_decode(std::string_view text);
int hex_digit(char c);  ///< What it stands for; -1 for what is none.
std::string hex_encode(std::string_view bytes);
std::optional<std::string> hex_decode(std::string_view text);

/// RFC 3986: everything but unreserved characters becomes %XX; with `keep_slash`, '/' stays.
std::string uri_encode(std::string_view text, bool keep_slash = false);
/// %XX to bytes; with `plus_is_space` also '+' to ' ' (forms).
std::optional<std::string> uri_decode(std::string_view text, bool plus_is_space = false);

std::string to_lower(std::string_view text);  ///< ASCII only.
std::string to_upper(std::string_view text);
bool iequals(std::string_view a, std::string_view b);                        ///< ASCII, case-insensitive.
std::string_view trim(std::string_view text);                                ///< Spaces and tabs at both ends.
std::vector<std::string_view> split(std::string_view text, char separator);  ///< Keeps empty parts.
std::string join(const std::vector<std::string>& parts, std::string_view separator);
bool is_utf8(std::string_view text);
std::size_t utf8_length(std::string_view text);          ///< Code points, for valid UTF-8.
void append_utf8(std::string& out, std::uint32_t code);  ///< A code point that is no surrogate.
std::optional<std::int64_t> parse_int(std::string_view text);

/// Text as the inside of a JSON string (quotes not included), and as XML character data.
std::string json_escape(std::string_view text);
std::string xml_escape(std::string_view text);

/// What the C library says of an errno, worded as Go does: in lower case.
std::string system_text_of(int problem);

}  // namespace cumulet
