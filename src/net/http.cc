#include "net/http.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"

namespace cumulet::net {

const std::string* Headers::find(std::string_view name) const {
  for (const Field& field : fields_)
    if (iequals(field.first, name)) return &field.second;
  return nullptr;
}

std::string_view Headers::get(std::string_view name, std::string_view otherwise) const {
  const std::string* const value = find(name);
  return value == nullptr ? otherwise : std::string_view(*value);
}

std::optional<std::string> Headers::joined(std::string_view name) const {
  std::optional<std::string> all;
  for (const Field& field : fields_) {
    if (!iequals(field.first, name)) continue;
    if (all) {
      all->append(", ").append(field.second);
    } else {
      all = field.second;
    }
  }
  return all;
}

void Headers::set(std::string_view name, std::string value) {
  erase(name);
  fields_.emplace_back(name, std::move(value));
}

void Headers::erase(std::string_view name) {
  std::erase_if(fields_, [name](const Field& field) { return iequals(field.first, name); });
}

std::vector<std::pair<std::string, std::string>> Request::query_parameters() const {
  std::vector<std::pair<std::string, std::string>> parameters;
  if (query.empty()) return parameters;
  // What is not a valid encoding stays as it came.
  const auto decoded = [](std::string_view text) {
    std::optional<std::string> plain = uri_decode(text, true);
    return plain ? std::move(*plain) : std::string(text);
  };
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      parameters.emplace_back(decoded(part), std::string());
    } else {
      parameters.emplace_back(decoded(part.substr(0, equals)), decoded(part.substr(equals + 1)));
    }
  }
  return parameters;
}

FileBody::~FileBody() {
  if (fd_ >= 0) ::close(fd_);
}

/// Reads on the loop: files that are served have been opened a moment ago and read ahead by the kernel.
Task<std::string> FileBody::read() {
  std::string piece(static_cast<std::size_t>(std::min<std::uint64_t>(left_, 256 * 1024)), '\0');
  if (piece.empty()) co_return piece;
  ssize_t count = 0;
  do {
    count = ::pread(fd_, piece.data(), piece.size(), static_cast<off_t>(offset_));
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    const std::string reason = std::strerror(errno);
    co_return Error(errors::kInternalFailure, "A stored file cannot be read: " + reason);
  }
  if (count == 0) co_return Error(errors::kInternalFailure, "A stored file is shorter than it was.");
  piece.resize(static_cast<std::size_t>(count));
  offset_ += static_cast<std::uint64_t>(count);
  left_ -= static_cast<std::uint64_t>(count);
  co_return piece;
}

Response::Response(int s, std::string content_type, std::string text) : status(s) {
  headers.add("Content-Type", std::move(content_type));
  body = std::move(text);
}

}  // namespace cumulet::net
