#include "services/s3/conditions.h"

#include <algorithm>

#include "base/text.h"
#include "services/s3/errors.h"

namespace cumulet::s3 {
namespace {

std::string_view unquoted(std::string_view tag) {
  tag = trim(tag);
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') return tag.substr(1, tag.size() - 2);
  return tag;
}

std::int64_t whole_seconds(std::int64_t millis) { return millis / 1000; }
std::int64_t whole_seconds(Timestamp time) { return time.time_since_epoch().count() / 1'000'000; }

}  // namespace

bool etag_matches(const std::string& list, const std::string& etag) {
  if (trim(list) == "*") return true;
  const std::vector<std::string_view> tags = split(list, ',');
  return std::any_of(tags.begin(), tags.end(), [&etag](std::string_view tag) { return unquoted(tag) == etag; });
}

Result<void> ReadConditions::check(const Object& object) const {
  if (if_match) {
    if (!etag_matches(*if_match, object.etag)) return precondition_failed("If-Match");
  } else if (if_unmodified_since && whole_seconds(object.modified) > whole_seconds(*if_unmodified_since)) {
    return precondition_failed("If-Unmodified-Since");
  }
  if (if_none_match) {
    if (etag_matches(*if_none_match, object.etag)) return not_modified();
  } else if (if_modified_since && whole_seconds(object.modified) <= whole_seconds(*if_modified_since)) {
    return not_modified();
  }
  return {};
}

Result<std::optional<ByteRange>> parse_range(const std::string& header, std::uint64_t size) {
  const std::optional<ByteRange> everything;
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return everything;
  const std::string_view spec = std::string_view(header).substr(kUnit.size());
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return everything;
  const std::string_view first_text = trim(spec.substr(0, dash));
  const std::string_view last_text = trim(spec.substr(dash + 1));
  const std::optional<std::int64_t> first = first_text.empty() ? std::nullopt : parse_int(first_text);
  const std::optional<std::int64_t> last = last_text.empty() ? std::nullopt : parse_int(last_text);
  if ((!first_text.empty() && (!first || *first < 0)) || (!last_text.empty() && (!last || *last < 0)))
    return everything;
  const auto invalid = [&] {
    return Error("InvalidRange", 416, "The requested range is not satisfiable")
        .with("RangeRequested", header)
        .with("ActualObjectSize", std::to_string(size));
  };
  if (!first) {
    if (!last) return everything;
    const std::uint64_t length = std::min<std::uint64_t>(static_cast<std::uint64_t>(*last), size);
    if (length == 0) return invalid();
    return std::optional<ByteRange>(ByteRange(size - length, length));
  }
  const auto begin = static_cast<std::uint64_t>(*first);
  if (last && *last < *first) return everything;
  if (begin >= size) return invalid();
  const std::uint64_t end = last ? std::min<std::uint64_t>(static_cast<std::uint64_t>(*last) + 1, size) : size;
  return std::optional<ByteRange>(ByteRange(begin, end - begin));
}

}  // namespace cumulet::s3
