#include <simdjson.h>

#include "base/text.h"
#include "wire/cbor.h"
#include "wire/client.h"
#include "wire/decoding.h"
#include "wire/json.h"
#include "wire/scalars.h"
#include "wire/xml.h"

namespace cumulet::wire {
namespace {

Error not_understood(const OperationModel& operation) {
  return Error("InvalidResponse", 502, "The response to " + std::string(operation.name) + " could not be read");
}

/// "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException:http://…" is ResourceNotFoundException.
std::string short_code(std::string_view code) {
  code = code.substr(0, code.find(':'));
  const std::size_t hash = code.rfind('#');
  return std::string(hash == std::string_view::npos ? code : code.substr(hash + 1));
}

Error json_error(int status, const net::Headers& headers, const std::string& body) {
  std::string code(headers.get("x-amzn-errortype"));
  std::string message;
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (parser.parse(body).get(document) == simdjson::SUCCESS) {
    std::string_view text;
    if (document["__type"].get(text) == simdjson::SUCCESS) code = text;
    if (document["message"].get(text) == simdjson::SUCCESS || document["Message"].get(text) == simdjson::SUCCESS) {
      message = text;
    }
  }
  code = short_code(code);
  return Error(code.empty() ? "Http" + std::to_string(status) : code, status, std::move(message));
}

Error xml_error(int status, const std::string& body) {
  std::string code = "Http" + std::to_string(status);
  std::string message;
  const std::optional<XmlElement> root = parse_xml(body);
  const XmlElement* error = !root ? nullptr : root->name == "Error" ? &*root : root->find("Error");
  if (error != nullptr) {
    if (const XmlElement* element = error->find("Code")) code = element->text;
    if (const XmlElement* element = error->find("Message")) message = element->text;
  }
  return Error(std::move(code), status, std::move(message));
}

/// A text of a map of few texts, as errors are. Nullopt when there is none of this name.
std::optional<std::string> cbor_text(const std::string& body, const std::string& name) {
  const std::size_t key = body.find(CborWriter().text(name).take());
  if (key == std::string::npos) return std::nullopt;
  std::size_t at = key + CborWriter().text(name).take().size();
  if (at >= body.size() || (static_cast<unsigned char>(body[at]) >> 5) != 3) return std::nullopt;
  std::size_t length = static_cast<unsigned char>(body[at++]) & 31;
  if (length > 25) return std::nullopt;
  const std::size_t more = length < 24 ? 0 : length - 23;  // The length is in that many bytes.
  if (more > 0) length = 0;
  for (std::size_t i = 0; i < more && at < body.size(); ++i)
    length = length << 8 | static_cast<unsigned char>(body[at++]);
  if (at + length > body.size()) return std::nullopt;
  return body.substr(at, length);
}

Error cbor_error(int status, const std::string& body) {
  std::string code = short_code(cbor_text(body, "__type").value_or(""));
  if (code.empty()) code = "Http" + std::to_string(status);
  std::string message = cbor_text(body, "message").value_or(cbor_text(body, "Message").value_or(""));
  return Error(std::move(code), status, std::move(message));
}

void read_headers(const OperationModel& operation, int status, const net::Headers& headers, void* output) {
  for (const Member& member : operation.output->members) {
    const Shape& shape = *member.shape;
    if (member.location == Location::kStatus) {
      *static_cast<std::int32_t*>(make_member(member, output)) = status;
    } else if (member.location == Location::kHeader) {
      const std::string* text = headers.find(member.wire_name);
      if (text == nullptr || shape.kind == Kind::kList) continue;
      // A header that cannot be read counts as absent.
      const Instance scratch = operation.make_output();
      const TimeFormat format = time_format(&member, shape, TimeFormat::kHttpDate);
      if (!parse_scalar(shape, format, *text, make_member(member, scratch.get()))) continue;
      parse_scalar(shape, format, *text, make_member(member, output));
    } else if (member.location == Location::kPrefixHeaders) {
      void* map = make_member(member, output);
      for (const auto& [name, text] : headers) {
        const std::string lower = to_lower(name);
        if (!lower.starts_with(to_lower(member.wire_name))) continue;
        *static_cast<std::string*>(member.shape->map->insert(map, lower.substr(member.wire_name.size()))) = text;
      }
    }
  }
}

bool read_xml(const std::string& body, const Shape& shape, std::string_view wrapper, void* value) {
  const std::optional<XmlElement> root = parse_xml(body);
  if (!root) return false;
  const XmlElement* element = wrapper.empty() ? &*root : root->find(wrapper);
  Findings findings;
  if (element != nullptr) decode_xml(*element, shape, value, findings);
  return element != nullptr && !findings.fatal;
}

bool read_json_into(const std::string& body, const Shape& shape, bool body_only, void* value) {
  Findings findings;
  decode_json(body.empty() ? "{}" : std::string_view(body), shape, value, body_only, findings);
  return !findings.fatal;
}

bool read_cbor(const std::string& body, const Shape& shape, void* value) {
  Findings findings;
  if (!body.empty()) decode_cbor(body, shape, value, CborTime::kSeconds, findings);
  return !findings.fatal;
}

bool read_rest(const ServiceModel& service, const OperationModel& operation, const std::string& body, void* output) {
  const Shape& shape = *operation.output;
  const bool json = service.protocol == Protocol::kRestJson;
  if (operation.unwrapped_output) {
    const std::optional<XmlElement> root = parse_xml(body);
    if (root && !root->text.empty())
      *static_cast<std::string*>(make_member(shape.members.front(), output)) = root->text;
    return root.has_value();
  }
  if (shape.payload == nullptr) {
    if (body.empty()) return true;
    return json ? read_json_into(body, shape, true, output) : read_xml(body, shape, "", output);
  }
  const Shape& payload = *shape.payload->shape;
  void* value = make_member(*shape.payload, output);
  switch (payload.kind) {
    case Kind::kStream:
      *static_cast<std::shared_ptr<BodySource>*>(value) = std::make_shared<StringBody>(body);
      return true;
    case Kind::kStructure:
      return body.empty() || (json ? read_json_into(body, payload, false, value) : read_xml(body, payload, "", value));
    default:
      *static_cast<std::string*>(value) = body;
      return true;
  }
}

}  // namespace

Result<void> decode_response(const ServiceModel& service, const OperationModel& operation, int status,
                             const net::Headers& headers, const std::string& body, void* output) {
  const bool xml = service.protocol == Protocol::kQuery || service.protocol == Protocol::kRestXml;
  if (status >= 300 && service.protocol == Protocol::kRpcV2Cbor) return cbor_error(status, body);
  if (status >= 300) return xml ? xml_error(status, body) : json_error(status, headers, body);
  bool read = true;
  switch (service.protocol) {
    case Protocol::kJson10:
    case Protocol::kJson11:
      read = read_json_into(body, *operation.output, false, output);
      break;
    case Protocol::kQuery:
      read = operation.result_wrapper.empty() || read_xml(body, *operation.output, operation.result_wrapper, output);
      break;
    case Protocol::kRpcV2Cbor:
      read = read_cbor(body, *operation.output, output);
      break;
    default:
      read_headers(operation, status, headers, output);
      read = read_rest(service, operation, body, output);
  }
  if (!read) return not_understood(operation);
  return {};
}

}  // namespace cumulet::wire
