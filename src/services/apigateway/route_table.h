#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cumulet::apigateway {

/// A route key: "$default", or "METHOD /path" where the path's segments are literal, a parameter "{id}", or at the end
/// a greedy one "{proxy+}". METHOD is an HTTP method or ANY.
struct RouteKey {
  bool is_default = false;
  std::string method;
  std::vector<std::string> segments;

  /// Fails with BadRequestException.
  static Result<RouteKey> parse(std::string_view text);
};

/// Which route answers a request. The most specific one wins: a full match before a greedy one, a literal segment
/// before a parameter (from the left), a method before ANY, and "$default" last.
/// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
class RouteTable {
 public:
  struct Match {
    std::size_t route = 0;  ///< The number that `add` was given.
    std::map<std::string, std::string> parameters;
  };

  void add(const RouteKey& key, std::size_t route);
  /// `path` is decoded per segment and starts with '/'.
  std::optional<Match> find(std::string_view method, const std::vector<std::string>& segments) const;

 private:
  struct Entry {
    RouteKey key;
    std::size_t route = 0;
  };
  static bool matches(const RouteKey& key, const std::vector<std::string>& segments);
  static bool more_specific(const RouteKey& a, const RouteKey& b);

  std::vector<Entry> entries_;  ///< Most specific first.
  std::optional<std::size_t> default_;
};

/// The segments of an encoded path, each decoded ("/a%2Fb/c" → "a/b", "c"); empty ones at the end are dropped. Nullopt
/// when an escape is malformed.
std::optional<std::vector<std::string>> path_segments(std::string_view encoded_path);

}  // namespace cumulet::apigateway
