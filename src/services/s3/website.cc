#include "services/s3/website.h"

#include "access/policy.h"
#include "base/text.h"
#include "services/s3/conditions.h"
#include "services/s3/errors.h"
#include "services/s3/public_access.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

/// BUCKET.s3-website.… and BUCKET.s3-website-REGION.…: the bucket; empty for other hosts.
std::string website_bucket(const std::string& host) {
  const std::size_t mark = host.find(".s3-website");
  if (mark == 0 || mark == std::string::npos) return {};
  const std::size_t end = mark + 11;
  return end == host.size() || host[end] == '.' || host[end] == '-' ? host.substr(0, mark) : std::string();
}

net::Response error_page(const Error& error, const std::string& request_id) {
  std::string list;
  for (const Error::Field& field : error.fields()) {
    list += "<li>" + xml_escape(field.name) + ": " + xml_escape(field.value) + "</li>\n";
  }
  const char* reason = error.http_status() == 404   ? "Not Found"
                       : error.http_status() == 403 ? "Forbidden"
                       : error.http_status() == 405 ? "Method Not Allowed"
                                                    : "Error";
  const std::string title = std::to_string(error.http_status()) + " " + reason;
  return net::Response(error.http_status(), "text/html; charset=utf-8",
                       "<html>\n<head><title>" + title + "</title></head>\n<body>\n<h1>" + title +
                           "</h1>\n<ul>\n<li>Code: " + xml_escape(error.code()) +
                           "</li>\n<li>Message: " + xml_escape(error.message()) + "</li>\n" + list +
                           "<li>RequestId: " + request_id + "</li>\n</ul>\n<hr/>\n</body>\n</html>\n");
}

net::Response redirect(int status, std::string location) {
  net::Response response(status);
  response.headers.set("location", std::move(location));
  return response;
}

/// The routing rule that a request meets; before the object is looked up `error` is 0.
const api::RoutingRule* matching_rule(const api::WebsiteConfiguration& site, const std::string& key, int error) {
  if (!site.routing_rules) return nullptr;
  for (const api::RoutingRule& rule : *site.routing_rules) {
    const bool wants_error = rule.condition && rule.condition->http_error_code_returned_equals;
    if (wants_error != (error != 0)) continue;
    if (wants_error && *rule.condition->http_error_code_returned_equals != std::to_string(error)) continue;
    if (rule.condition && rule.condition->key_prefix_equals && !key.starts_with(*rule.condition->key_prefix_equals)) {
      continue;
    }
    return &rule;
  }
  return nullptr;
}

net::Response follow(const api::RoutingRule& rule, const net::Request& request, const std::string& key) {
  const api::Redirect& to = rule.redirect;
  std::string target = key;
  if (to.replace_key_with) {
    target = *to.replace_key_with;
  } else if (to.replace_key_prefix_with) {
    const std::size_t prefix =
        rule.condition && rule.condition->key_prefix_equals ? rule.condition->key_prefix_equals->size() : 0;
    target = *to.replace_key_prefix_with + key.substr(prefix);
  }
  const std::string protocol = to.protocol.value_or(request.secure ? "https" : "http");
  const std::string host = to.host_name.value_or(std::string(request.headers.get("host")));
  const std::optional<std::int64_t> code = to.http_redirect_code ? parse_int(*to.http_redirect_code) : std::nullopt;
  const int status = code && *code >= 301 && *code <= 308 ? static_cast<int>(*code) : 301;
  return redirect(status, protocol + "://" + host + "/" + uri_encode(target, true));
}

}  // namespace

struct S3::Website::Visit {
  explicit Visit(net::Request& r) : request(r) {}
  net::Request& request;
  std::string request_id;
  Bucket bucket;
  api::WebsiteConfiguration site;
  std::string key;
};

bool S3::Website::owns(const net::Request& request) const { return !website_bucket(request.host).empty(); }

Task<net::Response> S3::Website::answer(net::Request& request, std::string request_id) {
  Visit visit(request);
  visit.request_id = request_id;
  const std::string name = website_bucket(request.host);
  if (request.method != "GET" && request.method != "HEAD") {
    co_return error_page(Error("MethodNotAllowed", 405, "The specified method is not allowed against this resource."),
                         request_id);
  }
  const auto read = [&name](storage::Transaction& txn) { return find_bucket(txn, name); };
  std::optional<Bucket> bucket = co_await storage::transact(s3_.database_, read);
  if (!bucket) co_return error_page(no_such_bucket(name), request_id);
  if (bucket->website.empty()) {
    co_return error_page(not_configured("NoSuchWebsiteConfiguration",
                                        "The specified bucket does not have a website configuration", name),
                         request_id);
  }
  visit.bucket = std::move(*bucket);
  api::PutBucketWebsiteRequest put = co_await wire::read_input<api::PutBucketWebsite>(visit.bucket.website);
  visit.site = std::move(put.website_configuration);
  const std::optional<std::string> path = uri_decode(request.path);
  if (!path) co_return error_page(Error("InvalidURI", 400, "Couldn't parse the specified URI."), request_id);
  visit.key = path->substr(1);
  co_return co_await serve(visit);
}

Task<net::Response> S3::Website::serve(Visit& visit) {
  if (visit.site.redirect_all_requests_to) {
    const api::RedirectAllRequestsTo& to = *visit.site.redirect_all_requests_to;
    const std::string protocol = to.protocol.value_or(visit.request.secure ? "https" : "http");
    co_return redirect(301, protocol + "://" + to.host_name + visit.request.target);
  }
  if (const api::RoutingRule* rule = matching_rule(visit.site, visit.key, 0)) {
    co_return follow(*rule, visit.request, visit.key);
  }
  const std::string index = visit.site.index_document ? visit.site.index_document->suffix : "index.html";
  const bool folder = visit.key.empty() || visit.key.ends_with('/');
  const std::string key = folder ? visit.key + index : visit.key;
  Result<net::Response> response = co_await attempt(serve_key(visit, key, 200));
  if (response.ok()) co_return std::move(*response);
  if (!folder && response.error().http_status() == 404 && co_await is_readable(visit, visit.key + "/" + index)) {
    co_return redirect(302, "/" + uri_encode(visit.key, true) + "/");
  }
  if (const api::RoutingRule* rule = matching_rule(visit.site, visit.key, response.error().http_status())) {
    co_return follow(*rule, visit.request, visit.key);
  }
  co_return co_await serve_error(visit, response.error());
}

Task<bool> S3::Website::is_readable(Visit& visit, std::string key) {
  wire::Call call(visit.request);
  call.caller.anonymous = true;
  const Result<Bucket> permitted = co_await attempt(s3_.permit(call, visit.bucket.name, "s3:GetObject", key));
  if (!permitted.ok()) co_return false;
  const Result<Object> object = co_await attempt(s3_.require_object(*permitted, key));
  co_return object.ok();
}

Task<net::Response> S3::Website::serve_key(Visit& visit, std::string key, int status) {
  wire::Call call(visit.request);
  call.caller.anonymous = true;
  const Bucket bucket = co_await s3_.permit(call, visit.bucket.name, "s3:GetObject", key);
  Opened opened = co_await s3_.open_object(bucket, key);
  const Object& object = opened.object;
  if (!object.metadata.website_redirect.empty()) co_return redirect(301, object.metadata.website_redirect);

  const net::Headers& headers = visit.request.headers;
  ReadConditions conditions;
  if (headers.has("if-none-match")) conditions.if_none_match = headers.get("if-none-match");
  Timestamp since{};
  if (parse_http_date(headers.get("if-modified-since"), since)) conditions.if_modified_since = since;
  net::Response response(status);
  response.headers = call.reply_headers;
  response.headers.set("etag", "\"" + object.etag + "\"");
  response.headers.set("last-modified", http_date(Timestamp(std::chrono::milliseconds(object.modified))));
  if (!object.metadata.cache_control.empty()) response.headers.set("cache-control", object.metadata.cache_control);
  if (status == 200 && !conditions.check(object).ok()) {
    response.status = 304;
    co_return response;
  }
  response.headers.set("content-type", object.metadata.content_type);
  if (!object.metadata.content_encoding.empty()) {
    response.headers.set("content-encoding", object.metadata.content_encoding);
  }
  if (!object.metadata.content_language.empty()) {
    response.headers.set("content-language", object.metadata.content_language);
  }
  response.content_length = object.size;
  if (visit.request.method == "HEAD") co_return response;
  if (object.content_inline) {
    response.body = std::move(opened.content);
  } else {
    std::shared_ptr<BodySource> body =
        co_await open_pieces(s3_.blobs_, s3_.pins_, s3_.sealing_, object.pieces, 0, object.size);
    response.body = std::unique_ptr<BodySource>(std::make_unique<SharedBody>(std::move(body)));
  }
  co_return response;
}

Task<net::Response> S3::Website::serve_error(Visit& visit, const Error& error) {
  if (visit.site.error_document && error.http_status() >= 400 && error.http_status() < 500) {
    const int status = error.http_status();
    Result<net::Response> page = co_await attempt(serve_key(visit, visit.site.error_document->key, status));
    if (page.ok()) co_return std::move(*page);
  }
  co_return error_page(error, visit.request_id);
}

}  // namespace cumulet::s3
