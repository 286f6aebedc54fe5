#include "services/lambda/http_prelude.h"

#include <algorithm>

#include <simdjson.h>

namespace cumulet::lambda {
namespace {

constexpr std::string_view kSeparator("\0\0\0\0\0\0\0\0", 8);

Error malformed(std::string why) { return Error("MalformedResponse", 502, std::move(why)); }

/// A header's value may be given as a number or a truth value too.
std::string text_of(const simdjson::dom::element& value) {
  std::string_view text;
  if (!value.get(text)) return std::string(text);
  return simdjson::minify(value);
}

bool is_status(std::int64_t status) { return status >= 200 && status <= 599; }

}  // namespace

Result<net::Response> parse_http_prelude(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(json)).get(object)) return malformed("the prelude is no JSON object");
  net::Response response(200);
  if (simdjson::dom::element status; !object["statusCode"].get(status)) {
    std::int64_t number = 0;
    if (status.get(number) || !is_status(number)) return malformed("the prelude's statusCode is no status");
    response.status = static_cast<int>(number);
  }
  if (simdjson::dom::element headers; !object["headers"].get(headers) && !headers.is_null()) {
    simdjson::dom::object fields;
    if (headers.get(fields)) return malformed("the prelude's headers are no object");
    for (const auto& [name, value] : fields) {
      if (!value.is_null()) response.headers.add(std::string(name), text_of(value));
    }
  }
  if (simdjson::dom::element multiple; !object["multiValueHeaders"].get(multiple) && !multiple.is_null()) {
    simdjson::dom::object fields;
    if (multiple.get(fields)) return malformed("the prelude's multiValueHeaders are no object");
    for (const auto& [name, values] : fields) {
      simdjson::dom::array list;
      if (values.get(list)) return malformed("the prelude's multiValueHeaders are no lists");
      for (const simdjson::dom::element value : list) response.headers.add(std::string(name), text_of(value));
    }
  }
  if (simdjson::dom::element cookies; !object["cookies"].get(cookies) && !cookies.is_null()) {
    simdjson::dom::array list;
    if (cookies.get(list)) return malformed("the prelude's cookies are no list");
    for (const simdjson::dom::element cookie : list) response.headers.add("Set-Cookie", text_of(cookie));
  }
  if (!response.headers.has("content-type")) response.headers.add("Content-Type", "application/octet-stream");
  return response;
}

HttpPrelude::Progress HttpPrelude::take(std::string_view piece) {
  const std::size_t known = text_.size() < kSeparator.size() ? 0 : text_.size() - kSeparator.size() + 1;
  text_ += piece;
  const std::size_t at = text_.find(kSeparator, known);
  if (std::min(at, text_.size()) > kLimit) return Progress::kBad;
  if (at == std::string::npos) return Progress::kMore;
  Result<net::Response> parsed = parse_http_prelude(std::string_view(text_).substr(0, at));
  if (!parsed) return Progress::kBad;
  response_ = std::move(*parsed);
  text_.erase(0, at + kSeparator.size());
  return Progress::kWhole;
}

}  // namespace cumulet::lambda
