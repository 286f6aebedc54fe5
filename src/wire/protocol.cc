#include "wire/protocol.h"

#include <algorithm>

#include "base/gzip.h"
#include "wire/cbor.h"
#include "wire/dialect.h"
#include "wire/json.h"
#include "wire/query_form.h"
#include "wire/response_ids.h"
#include "wire/rest.h"
#include "wire/rest_router.h"
#include "wire/validate.h"
#include "wire/xml.h"

namespace cumulet::wire {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kQueryLimit = 2 * kMiB;
constexpr std::uint64_t kLongForm = 8 * kMiB;  ///< A batch of messages of 1 MiB, every byte of it escaped.

bool is_rest(const ServiceModel& service) {
  return service.protocol == Protocol::kRestJson || service.protocol == Protocol::kRestXml;
}

std::string_view form_value(const FormFields& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

/// A query request's fields: those of the URL and those of the body. A request to a queue's own path is about that
/// queue.
bool query_fields(const net::Request& request, std::string_view body, FormFields& fields) {
  if (!parse_form(request.query, fields) || !parse_form(body, fields)) return false;
  if (request.path.size() > 1 && form_value(fields, "QueueUrl").empty()) fields.emplace_back("QueueUrl", request.path);
  return true;
}

Result<const OperationModel*> route_target(const ServiceModel& service, const net::Request& request) {
  const std::string_view target = request.headers.get("x-amz-target");
  const std::size_t dot = target.rfind('.');
  const OperationModel* operation =
      dot != std::string_view::npos && target.substr(0, dot) == service.target_prefix && request.method == "POST"
          ? service.find(target.substr(dot + 1))
          : nullptr;
  if (operation == nullptr) return unknown_operation(service, target, service.api_version);
  return operation;
}

/// Smithy RPC v2: /service/<any name>/operation/<operation>.
Result<const OperationModel*> route_rpc(const ServiceModel& service, const net::Request& request) {
  constexpr std::string_view kStep = "/operation/";
  const std::size_t at = request.path.rfind(kStep);
  const std::string_view name =
      at == std::string::npos ? std::string_view() : std::string_view(request.path).substr(at + kStep.size());
  const OperationModel* operation = request.method == "POST" ? service.find(name) : nullptr;
  if (operation == nullptr) return unknown_operation(service, name, service.api_version);
  return operation;
}

/// The body as the client wrote it: the SDKs compress long ones of some operations.
Result<std::string> unpacked(const ServiceModel& service, const net::Request& request, std::string body,
                             std::uint64_t limit) {
  if (request.headers.get("content-encoding") != "gzip") return body;
  std::optional<std::string> whole = gzip_decompress(body, limit);
  if (!whole) return malformed_body(service);
  return std::move(*whole);
}

Result<const OperationModel*> route_action(const ServiceModel& service, const net::Request& request,
                                           std::string_view body) {
  FormFields fields;
  if (!query_fields(request, body, fields)) return malformed_body(service);
  const std::string_view action = form_value(fields, "Action");
  const std::string_view version = form_value(fields, "Version");
  const OperationModel* operation = service.find(action);
  if (operation == nullptr || (!version.empty() && version != service.api_version)) {
    return unknown_operation(service, action, version.empty() ? service.api_version : version);
  }
  return operation;
}

Result<const OperationModel*> route_rest(const ServiceModel& service, const net::Request& request,
                                         std::string_view bucket) {
  const OperationModel* operation =
      RestRouter::of(service).find(request, effective_path(request, bucket), request.query_parameters());
  if (operation == nullptr) return unknown_operation(service, request.method, service.api_version);
  return operation;
}

const Member* stream_member(const Shape& shape) {
  return shape.payload != nullptr && shape.payload->shape->kind == Kind::kStream ? shape.payload : nullptr;
}

bool has_body_members(const Shape& shape) {
  return std::any_of(shape.members.begin(), shape.members.end(),
                     [](const Member& member) { return member.location == Location::kBody; });
}

void require_payload(const Member& payload, Findings& findings) {
  const Path here{nullptr, Path::Step::kMember, payload.name, 0};
  if (payload.required) findings.add_missing(here);
}

/// The body of a REST request into the payload member or the body's members.
void decode_rest_body(const ServiceModel& service, const OperationModel& operation, const std::string& body,
                      void* input, Findings& findings) {
  const Shape& shape = *operation.input;
  const Member* payload = shape.payload;
  if (payload != nullptr && (payload->shape->kind == Kind::kBlob || payload->shape->kind == Kind::kString)) {
    if (body.empty()) return require_payload(*payload, findings);
    *static_cast<std::string*>(make_member(*payload, input)) = body;
    return;
  }
  if (payload == nullptr && !has_body_members(shape)) return;
  if (service.protocol == Protocol::kRestJson) {
    const std::string_view json = body.empty() ? "{}" : std::string_view(body);
    if (payload == nullptr) return decode_json(json, shape, input, true, findings);
    if (body.empty()) return require_payload(*payload, findings);
    return decode_json(json, *payload->shape, make_member(*payload, input), false, findings);
  }
  if (body.empty()) return payload == nullptr ? void() : require_payload(*payload, findings);
  const std::optional<XmlElement> root = parse_xml(body);
  if (!root) {
    findings.fatal = malformed_body(service);
  } else if (payload != nullptr) {
    decode_xml(*root, *payload->shape, make_member(*payload, input), findings);
  } else {
    decode_xml(*root, shape, input, findings);
  }
}

/// S3 checks little beforehand, and in words of its own: the document must have its elements, and enumerated texts must
/// be known. Its operations check the rest.
Result<void> check_s3(const ServiceModel& service, const OperationModel& operation, const void* input,
                      const Findings& findings) {
  for (const Member& member : operation.input->members) {
    const Path here{nullptr, Path::Step::kMember, member.name, 0};
    const bool missing =
        std::find(findings.missing.begin(), findings.missing.end(), to_string(&here)) != findings.missing.end();
    if (!missing) continue;
    if (member.location == Location::kHeader) {
      return Error("InvalidRequest", 400, "Missing required header for this request: " + std::string(member.wire_name));
    }
    if (member.location == Location::kQuery) {
      return Error("InvalidArgument", 400, "This operation requires the parameter " + std::string(member.wire_name));
    }
    return Error("MissingRequestBodyError", 400, "Request body is empty.");
  }
  if (!findings.missing.empty()) return malformed_body(service);
  const Member* payload = operation.input->payload;
  const void* document = payload == nullptr ? nullptr : get_member(*payload, input);
  // A region that does not exist has an error of its own.
  if (document != nullptr && operation.name != "CreateBucket" && !enums_hold(*payload->shape, document)) {
    return malformed_body(service);
  }
  return {};
}

Result<void> check(const ServiceModel& service, const OperationModel& operation, const void* input,
                   const Findings& findings) {
  if (service.service == "s3") return check_s3(service, operation, input, findings);
  if (service.service == "sqs" && !findings.missing.empty()) return missing_parameter(findings.missing.front());
  if (std::optional<std::string> message = validate(*operation.input, input, findings)) {
    return validation_failed(service, std::move(*message));
  }
  if (findings.late) return *findings.late;
  return {};
}

/// The body into the input, for the protocols that put everything there.
void decode_whole(const ServiceModel& service, const OperationModel& operation, const net::Request& request,
                  const std::string& body, void* input, Findings& findings) {
  if (service.protocol == Protocol::kQuery) {
    FormFields fields;
    if (!query_fields(request, body, fields)) {
      findings.fatal = malformed_body(service);
      return;
    }
    return decode_form(fields, *operation.input, input, findings);
  }
  if (service.protocol == Protocol::kRpcV2Cbor || service.protocol == Protocol::kCbor11) {
    constexpr std::string_view kEmptyMap = "\xa0";
    const CborTime time = service.protocol == Protocol::kRpcV2Cbor ? CborTime::kSeconds : CborTime::kMillis;
    return decode_cbor(body.empty() ? kEmptyMap : std::string_view(body), *operation.input, input, time, findings);
  }
  // DynamoDB wants a document; the others take no body for an empty one.
  const bool empty = body.empty() && service.protocol == Protocol::kJson11;
  decode_json(empty ? "{}" : std::string_view(body), *operation.input, input, false, findings);
}

// Responses.

void set_stream(const Member& member, void* output, net::Response& response) {
  auto& source =
      *static_cast<std::shared_ptr<BodySource>*>(static_cast<void*>(static_cast<char*>(output) + member.offset));
  if (source != nullptr) response.body = std::make_unique<SharedBody>(std::move(source));
}

const Member* event_stream(const Shape& shape) {
  for (const Member& member : shape.members) {
    if (member.shape->kind == Kind::kStream) return &member;
  }
  return nullptr;
}

void encode_json_response(const ServiceModel& service, const OperationModel& operation, void* output,
                          net::Response& response) {
  if (const Member* stream = event_stream(*operation.output)) {
    response.headers.set("Content-Type", "application/vnd.amazon.eventstream");
    return set_stream(*stream, output, response);
  }
  if (operation.output->name == "Empty" && service.protocol == Protocol::kJson11) return;
  response.body = encode_json(*operation.output, output);
}

void encode_cbor_response(const ServiceModel& service, const OperationModel& operation, void* output,
                          net::Response& response) {
  if (const Member* stream = event_stream(*operation.output)) {
    response.headers.set("Content-Type", "application/vnd.amazon.eventstream");
    return set_stream(*stream, output, response);
  }
  if (operation.output->name == "Empty") return;
  const CborTime time = service.protocol == Protocol::kRpcV2Cbor ? CborTime::kSeconds : CborTime::kMillis;
  response.body = encode_cbor(*operation.output, output, time);
}

std::string xml_document(std::string_view root, const ServiceModel& service, const Shape& shape, const void* structure,
                         bool body_only) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<";
  xml += root;
  if (!service.xml_namespace.empty()) {
    xml += " xmlns=\"";
    xml += service.xml_namespace;
    xml += '"';
  }
  encode_xml_attributes(shape, structure, xml);
  xml += '>';
  encode_xml_members(shape, structure, body_only, XmlStyle{true}, xml);
  xml += "</";
  xml += root;
  return xml + ">";
}

/// GetBucketLocation: the root element holds the only member's text itself.
std::string unwrapped_document(const ServiceModel& service, const OperationModel& operation, const void* output) {
  const Member& member = operation.output->members.front();
  const void* value = get_member(member, output);
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<";
  xml += operation.output->xml_name;
  xml += " xmlns=\"";
  xml += service.xml_namespace;
  xml += "\">";
  if (value != nullptr) append_xml_text(*static_cast<const std::string*>(value), xml);
  xml += "</";
  xml += operation.output->xml_name;
  return xml + ">";
}

void set_typed_body(const ServiceModel& service, std::string text, net::Response& response) {
  if (!response.headers.has("Content-Type")) {
    response.headers.set("Content-Type",
                         service.protocol == Protocol::kRestJson ? "application/json" : "application/xml");
  }
  response.body = std::move(text);
}

void encode_payload(const ServiceModel& service, const Member& payload, void* output, net::Response& response) {
  const Shape& shape = *payload.shape;
  if (shape.kind == Kind::kStream) {
    if (!response.headers.has("Content-Type")) {
      response.headers.set("Content-Type",
                           service.service == "s3" ? "binary/octet-stream" : "application/octet-stream");
    }
    return set_stream(payload, output, response);
  }
  const void* value = get_member(payload, output);
  if (value == nullptr) return;
  if (shape.kind == Kind::kBlob || shape.kind == Kind::kString) {
    // What these payloads are in practice: a function's result, a bucket policy, an API's definition.
    if (!response.headers.has("Content-Type")) response.headers.set("Content-Type", "application/json");
    response.body = *static_cast<const std::string*>(value);
    return;
  }
  if (service.protocol == Protocol::kRestJson) return set_typed_body(service, encode_json(shape, value), response);
  set_typed_body(service, xml_document(payload.wire_name, service, shape, value, false), response);
}

void encode_rest_response(const ServiceModel& service, const OperationModel& operation, void* output,
                          net::Response& response) {
  const Shape& shape = *operation.output;
  encode_rest(operation, output, response);
  if (operation.unwrapped_output) {
    return set_typed_body(service, unwrapped_document(service, operation, output), response);
  }
  if (shape.payload != nullptr) return encode_payload(service, *shape.payload, output, response);
  if (!has_body_members(shape) || response.status == 204) return;
  set_typed_body(service,
                 service.protocol == Protocol::kRestJson ? encode_json(shape, output, true)
                                                         : xml_document(shape.xml_name, service, shape, output, true),
                 response);
}

void encode_query_response(const ServiceModel& service, const OperationModel& operation, const void* output,
                           const std::string& request_id, net::Response& response) {
  const std::string name(operation.name);
  std::string xml = "<" + name + "Response xmlns=\"" + std::string(service.xml_namespace) + "\">\n";
  if (!operation.result_wrapper.empty()) {
    xml += "<" + std::string(operation.result_wrapper) + ">";
    encode_xml_members(*operation.output, output, false, XmlStyle{}, xml);
    xml += "</" + std::string(operation.result_wrapper) + ">\n";
  }
  xml += "<ResponseMetadata>";
  append_xml_element("RequestId", request_id, xml);
  xml += "</ResponseMetadata>\n</" + name + "Response>\n";
  response.headers.set("Content-Type", "text/xml");
  response.body = std::move(xml);
}

}  // namespace

const ServiceModel& spoken_model(const ServiceModel& service, const net::Request& request) {
  if (service.spoken.empty()) return service;
  const bool cbor = request.headers.get("content-type").find("cbor") != std::string_view::npos;
  const bool rpc = request.headers.has("smithy-protocol");
  const bool target = request.headers.has("x-amz-target");
  for (const ServiceModel& model : service.spoken) {
    const bool json = model.protocol == Protocol::kJson10 || model.protocol == Protocol::kJson11;
    if (model.protocol == Protocol::kRpcV2Cbor && rpc) return model;
    if (model.protocol == Protocol::kCbor11 && target && cbor) return model;
    if (json && target && !cbor) return model;
    if (model.protocol == Protocol::kQuery && !target && !rpc) return model;
  }
  return service;
}

Task<const OperationModel*> route(const ServiceModel& service, net::Request& request, std::string bucket) {
  if (is_rest(service)) co_return route_rest(service, request, bucket);
  if (service.protocol == Protocol::kRpcV2Cbor) co_return route_rpc(service, request);
  if (service.protocol != Protocol::kQuery) co_return route_target(service, request);
  std::string body;
  if (request.method == "POST") {
    const std::uint64_t limit = service.service == "sqs" ? kLongForm : kQueryLimit;
    body = co_await read_all(*request.body, limit, body_too_large(service));
    request.body = std::make_unique<StringBody>(body);
    body = co_await unpacked(service, request, std::move(body), limit);
  }
  co_return route_action(service, request, body);
}

bool streams_body(const OperationModel& operation) { return stream_member(*operation.input) != nullptr; }

std::uint64_t body_limit(const ServiceModel& service, const OperationModel& operation) {
  if (service.service == "dynamodb") return 16 * kMiB;
  if (service.service == "lambda") {
    // A package of 50 MB in base64; a payload of 6 MB, its escapes included.
    return operation.name.starts_with("Invoke") ? 6 * kMiB + 100 * 1024 : 72 * kMiB;
  }
  if (service.service == "s3") return operation.name == "PutBucketPolicy" ? 20 * 1024 : 8 * kMiB;
  if (service.service == "apigatewayv2") return 10 * kMiB;
  if (service.service == "kinesis") return 16 * kMiB;  // 10 MiB of records in base64.
  if (service.service == "sqs") return kLongForm;
  return 2 * kMiB;
}

Task<Instance> decode(const ServiceModel& service, const OperationModel& operation, net::Request& request,
                      std::string bucket) {
  Instance input = operation.make_input();
  Findings findings;
  if (is_rest(service)) {
    decode_rest(operation, request, effective_path(request, bucket), request.query_parameters(), input.get(), findings);
    if (findings.fatal) co_return unreadable(service, std::move(*findings.fatal), false);
  }
  if (const Member* stream = stream_member(*operation.input)) {
    *static_cast<std::shared_ptr<BodySource>*>(make_member(*stream, input.get())) = std::move(request.body);
    request.body = std::make_unique<StringBody>(std::string());
  } else {
    const std::uint64_t limit = body_limit(service, operation);
    std::string body = co_await read_all(*request.body, limit, body_too_large(service));
    if (!is_rest(service)) body = co_await unpacked(service, request, std::move(body), limit);
    if (is_rest(service)) {
      decode_rest_body(service, operation, body, input.get(), findings);
    } else {
      decode_whole(service, operation, request, body, input.get(), findings);
    }
    if (findings.fatal) co_return unreadable(service, std::move(*findings.fatal), true);
  }
  co_await check(service, operation, input.get(), findings);
  co_return input;
}

net::Response encode(const ServiceModel& service, const OperationModel& operation, void* output, const Call& call) {
  net::Response response(operation.status);
  for (const auto& [name, value] : call.reply_headers) response.headers.add(name, value);
  switch (service.protocol) {
    case Protocol::kJson10:
    case Protocol::kJson11:
      encode_json_response(service, operation, output, response);
      break;
    case Protocol::kRestJson:
    case Protocol::kRestXml:
      encode_rest_response(service, operation, output, response);
      break;
    case Protocol::kQuery:
      encode_query_response(service, operation, output, call.request_id, response);
      break;
    case Protocol::kRpcV2Cbor:
    case Protocol::kCbor11:
      encode_cbor_response(service, operation, output, response);
      break;
  }
  if (call.reply_status) response.status = *call.reply_status;
  add_response_ids(service, call.request_id, response);
  return response;
}

Result<void> check_input(const ServiceModel& service, const OperationModel& operation, const void* input) {
  const Findings nothing;
  return check(service, operation, input, nothing);
}

}  // namespace cumulet::wire
