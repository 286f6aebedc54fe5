#include "services/s3/form_data.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace cumulet::s3 {
namespace {

constexpr std::size_t kBoundaryLimit = 70;  // RFC 2046
constexpr std::size_t kPartHeadLimit = 8 * 1024;

Error malformed() {
  return Error("MalformedPOSTRequest", 400, "The body of your POST request is not well-formed multipart/form-data.");
}

/// The value of a parameter (`name="value"` or `name=value`) of a header; nullopt when it is not there.
std::optional<std::string> parameter(std::string_view header, std::string_view wanted) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = header.substr(at + 1);
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = trim(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    std::string value;
    std::size_t end = 0;
    if (!rest.empty() && rest.front() == '"') {
      // Browsers escape the quote alone, as %22; older ones with a backslash. Other backslashes are part of a path.
      for (end = 1; end < rest.size() && rest[end] != '"'; ++end) {
        if (rest[end] == '\\' && end + 1 < rest.size() && rest[end + 1] == '"') ++end;
        value += rest[end];
      }
      if (end == rest.size()) return std::nullopt;
      end = rest.find(';', end);
    } else {
      end = rest.find(';');
      value = trim(rest.substr(0, end));
    }
    if (iequals(name, wanted)) return value;
    at = end == std::string_view::npos ? end : at + 1 + equals + 1 + end;
  }
  return std::nullopt;
}

Result<FormPart> read_head(std::string_view head) {
  FormPart part;
  bool found = false;
  for (std::size_t at = 0; at < head.size();) {
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = head.substr(at, end - at);
    at = end + 2;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return malformed();
    if (!iequals(trim(line.substr(0, colon)), "content-disposition")) continue;
    const std::string_view value = trim(line.substr(colon + 1));
    if (!iequals(trim(value.substr(0, value.find(';'))), "form-data")) return malformed();
    std::optional<std::string> name = parameter(value, "name");
    if (!name || found) return malformed();
    found = true;
    part.name = std::move(*name);
    part.filename = parameter(value, "filename").value_or("");
  }
  if (!found) return malformed();
  return part;
}

}  // namespace

std::optional<std::string> form_boundary(std::string_view content_type) {
  if (!iequals(trim(content_type.substr(0, content_type.find(';'))), "multipart/form-data")) return std::nullopt;
  std::optional<std::string> boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kBoundaryLimit) return std::nullopt;
  return boundary;
}

Task<bool> FormReader::fill() {
  const std::string bytes = co_await body_.read();
  buffer_ += bytes;
  co_return !bytes.empty();
}

Task<void> FormReader::need(std::size_t bytes) {
  while (buffer_.size() < bytes) {
    const bool more = co_await fill();
    if (!more) co_await fail(malformed());
  }
}

Task<std::string> FormReader::read() {
  if (!in_part_) co_return std::string();
  while (true) {
    const std::size_t end = buffer_.find(delimiter_);
    if (end == 0) {
      buffer_.erase(0, delimiter_.size());
      in_part_ = false;
      co_return std::string();
    }
    // The last bytes may be the beginning of a delimiter.
    const std::size_t sure = end != std::string::npos              ? end
                             : buffer_.size() >= delimiter_.size() ? buffer_.size() - delimiter_.size() + 1
                                                                   : 0;
    if (sure > 0) {
      std::string piece = buffer_.substr(0, sure);
      buffer_.erase(0, sure);
      co_return piece;
    }
    const bool more = co_await fill();
    if (!more) co_return malformed();
  }
}

Task<std::optional<FormPart>> FormReader::next() {
  if (ended_) co_return std::nullopt;
  while (in_part_) co_await read();
  co_await need(2);
  if (buffer_.starts_with("--")) {
    ended_ = true;
    co_return std::nullopt;
  }
  if (!buffer_.starts_with("\r\n")) co_return malformed();
  std::size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n\r\n", 2)) == std::string::npos) {
    if (buffer_.size() > kPartHeadLimit) co_return malformed();
    const bool more = co_await fill();
    if (!more) co_return malformed();
  }
  if (end > kPartHeadLimit) co_return malformed();
  FormPart part = co_await read_head(std::string_view(buffer_).substr(2, end - 2));
  buffer_.erase(0, end + 4);
  // An empty part's content is the delimiter at once.
  in_part_ = true;
  co_return part;
}

}  // namespace cumulet::s3
