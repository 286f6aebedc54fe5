#pragma once

#include <optional>
#include <string>

#include "net/http.h"

namespace cumulet::s3 {

/// The CORS headers for a request from a browser, by the bucket's rules (the document of PutBucketCors); nullopt when
/// no rule lets this origin and method in. For a preflight request `method` and `headers` are what it asks for.
std::optional<net::Headers> cors_headers(const std::string& document, std::string_view origin, std::string_view method,
                                         std::string_view headers, bool preflight);

}  // namespace cumulet::s3
