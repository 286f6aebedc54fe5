#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <strings.h>

namespace load {

/// The value of a header field in a head; empty without one.
inline std::string_view field(std::string_view head, std::string_view name) {
  for (std::size_t line = head.find("\r\n"); line != std::string_view::npos; line = head.find("\r\n", line + 2)) {
    const std::string_view rest = head.substr(line + 2);
    if (rest.size() <= name.size() || rest[name.size()] != ':' ||
        ::strncasecmp(rest.data(), name.data(), name.size()) != 0)
      continue;
    std::string_view value = rest.substr(name.size() + 1);
    value = value.substr(0, value.find("\r\n"));
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    return value;
  }
  return {};
}

/// Follows an answer to its end, without keeping its body.
class Answer {
 public:
  /// Takes received bytes; true when the answer is complete. What it did not need stays in `bytes`.
  bool take(std::string& bytes, bool head_only) {
    if (!head_seen_) {
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      const std::string_view head = std::string_view(bytes).substr(0, end + 2);
      status_ = std::atoi(bytes.c_str() + 9);
      chunked_ = field(head, "Transfer-Encoding") == "chunked";
      left_ = std::strtoull(std::string(field(head, "Content-Length")).c_str(), nullptr, 10);
      if (head_only || status_ == 204 || status_ == 304) {
        left_ = 0;
        chunked_ = false;
      }
      bytes.erase(0, end + 4);
      head_seen_ = true;
    }
    if (!chunked_) return skip(bytes);
    for (;;) {
      if (!skip(bytes)) return false;
      if (last_chunk_) return true;
      const std::size_t line = bytes.find("\r\n");
      if (line == std::string::npos) return false;
      const std::uint64_t size = std::strtoull(bytes.c_str(), nullptr, 16);
      bytes.erase(0, line + 2);
      left_ = size + 2;
      last_chunk_ = size == 0;
    }
  }

  int status() const { return status_; }

 private:
  bool skip(std::string& bytes) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    bytes.erase(0, count);
    left_ -= count;
    return left_ == 0;
  }

  int status_ = 0;
  bool head_seen_ = false;
  bool chunked_ = false;
  bool last_chunk_ = false;
  std::uint64_t left_ = 0;
};

}  // namespace load
