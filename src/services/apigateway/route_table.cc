#include "services/apigateway/route_table.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"

namespace cumulet::apigateway {
namespace {

constexpr std::array<std::string_view, 8> kMethods{"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"};
constexpr std::size_t kSegmentLimit = 64;

enum class SegmentKind { kLiteral, kParameter, kGreedy };

SegmentKind kind_of(std::string_view segment) {
  if (segment.size() < 3 || segment.front() != '{' || segment.back() != '}') return SegmentKind::kLiteral;
  return segment[segment.size() - 2] == '+' ? SegmentKind::kGreedy : SegmentKind::kParameter;
}

std::string parameter_name(std::string_view segment) {
  const std::size_t tail = kind_of(segment) == SegmentKind::kGreedy ? 2 : 1;
  return std::string(segment.substr(1, segment.size() - 1 - tail));
}

bool ends_greedy(const RouteKey& key) {
  return !key.segments.empty() && kind_of(key.segments.back()) == SegmentKind::kGreedy;
}

Error bad_key(std::string_view text) {
  return Error("BadRequestException", 400,
               "The provided route key is not formatted properly for HTTP protocol: " + std::string(text) +
                   ". Format should be \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\"");
}

}  // namespace

Result<RouteKey> RouteKey::parse(std::string_view text) {
  RouteKey key;
  if (text == "$default") {
    key.is_default = true;
    return key;
  }
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return bad_key(text);
  key.method = text.substr(0, space);
  const std::string_view path = text.substr(space + 1);
  if (std::find(kMethods.begin(), kMethods.end(), key.method) == kMethods.end()) return bad_key(text);
  if (path.empty() || path.front() != '/' || path.find(' ') != std::string_view::npos) return bad_key(text);
  std::set<std::string> names;
  for (const std::string_view segment : split(path.substr(1), '/')) {
    if (!key.segments.empty() && kind_of(key.segments.back()) == SegmentKind::kGreedy) return bad_key(text);
    const bool literal = kind_of(segment) == SegmentKind::kLiteral;
    if (literal && segment.find_first_of("{}") != std::string_view::npos) return bad_key(text);
    if (!literal && !names.insert(parameter_name(segment)).second) return bad_key(text);
    key.segments.emplace_back(segment);
  }
  while (!key.segments.empty() && key.segments.back().empty()) key.segments.pop_back();
  if (key.segments.size() > kSegmentLimit) return bad_key(text);
  return key;
}

void RouteTable::add(const RouteKey& key, std::size_t route) {
  if (key.is_default) {
    default_ = route;
    return;
  }
  Entry entry;
  entry.key = key;
  entry.route = route;
  const auto place = std::find_if(entries_.begin(), entries_.end(),
                                  [&key](const Entry& other) { return more_specific(key, other.key); });
  entries_.insert(place, std::move(entry));
}

bool RouteTable::more_specific(const RouteKey& a, const RouteKey& b) {
  if (ends_greedy(a) != ends_greedy(b)) return !ends_greedy(a);
  for (std::size_t i = 0; i < std::min(a.segments.size(), b.segments.size()); ++i) {
    const SegmentKind left = kind_of(a.segments[i]);
    const SegmentKind right = kind_of(b.segments[i]);
    if (left != right) return left < right;
  }
  if (a.segments.size() != b.segments.size()) return a.segments.size() > b.segments.size();
  return a.method != "ANY" && b.method == "ANY";
}

bool RouteTable::matches(const RouteKey& key, const std::vector<std::string>& segments) {
  const bool greedy = ends_greedy(key);
  if (greedy ? segments.size() < key.segments.size() : segments.size() != key.segments.size()) return false;
  for (std::size_t i = 0; i < key.segments.size(); ++i) {
    if (kind_of(key.segments[i]) == SegmentKind::kLiteral && key.segments[i] != segments[i]) return false;
    if (kind_of(key.segments[i]) == SegmentKind::kParameter && segments[i].empty()) return false;
  }
  return true;
}

std::optional<RouteTable::Match> RouteTable::find(std::string_view method,
                                                  const std::vector<std::string>& segments) const {
  Match match;
  for (const Entry& entry : entries_) {
    if (entry.key.method != "ANY" && entry.key.method != method) continue;
    if (!matches(entry.key, segments)) continue;
    match.route = entry.route;
    for (std::size_t i = 0; i < entry.key.segments.size(); ++i) {
      const std::string& segment = entry.key.segments[i];
      if (kind_of(segment) == SegmentKind::kLiteral) continue;
      std::string value = segments[i];
      if (kind_of(segment) == SegmentKind::kGreedy) {
        for (std::size_t j = i + 1; j < segments.size(); ++j) value += "/" + segments[j];
      }
      match.parameters[parameter_name(segment)] = std::move(value);
    }
    return match;
  }
  if (!default_) return std::nullopt;
  match.route = *default_;
  return match;
}

std::optional<std::vector<std::string>> path_segments(std::string_view encoded_path) {
  std::vector<std::string> segments;
  if (encoded_path.starts_with('/')) encoded_path.remove_prefix(1);
  for (const std::string_view part : split(encoded_path, '/')) {
    std::optional<std::string> segment = uri_decode(part);
    if (!segment) return std::nullopt;
    segments.push_back(std::move(*segment));
  }
  while (!segments.empty() && segments.back().empty()) segments.pop_back();
  return segments;
}

}  // namespace cumulet::apigateway
