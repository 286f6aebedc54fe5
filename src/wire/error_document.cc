#include <algorithm>

#include "base/digest.h"
#include "base/text.h"
#include "wire/cbor.h"
#include "wire/dialect.h"
#include "wire/json_writer.h"
#include "wire/protocol.h"
#include "wire/response_ids.h"
#include "wire/xml.h"

namespace cumulet::wire {
namespace {

/// Fields of this name become response headers instead of members of the document.
constexpr std::string_view kHeaderField = "header:";
/// A field of this name is the error's type, where its code does not tell it.
constexpr std::string_view kTypeField = "__type";

bool is_header(const Error::Field& field) { return std::string_view(field.name).starts_with(kHeaderField); }
/// Not a member of the document.
bool is_apart(const Error::Field& field) { return is_header(field) || field.name == kTypeField; }

std::string_view fault(const Error& error, std::string_view client, std::string_view server) {
  return error.http_status() >= 500 ? server : client;
}

void write_fields(const Error& error, JsonWriter& json) {
  for (const Error::Field& field : error.fields()) {
    if (is_apart(field)) continue;
    json.key(field.name);
    if (field.raw) {
      json.raw(field.value);
    } else {
      json.string(field.value);
    }
  }
}

/// __type with the name space that the service's own framework gives it.
std::string json_type(const ServiceModel& service, const Error& error) {
  for (const Error::Field& field : error.fields()) {
    if (field.name == kTypeField) return "com.amazonaws." + std::string(service.service) + "#" + field.value;
  }
  if (service.query_compatible) {
    const ErrorModel* model = service.find_error(error.code());
    return "com.amazonaws." + std::string(service.service) + "#" +
           (model != nullptr ? std::string(model->shape) : error.code());
  }
  if (!service.service.starts_with("dynamodb")) return error.code();
  if (error.is(errors::kValidation)) return "com.amazon.coral.validate#" + error.code();
  if (service.find_error(error.code()) != nullptr) return "com.amazonaws.dynamodb.v20120810#" + error.code();
  return "com.amazon.coral.service#" + error.code();
}

std::string json_document(const ServiceModel& service, const Error& error) {
  const ErrorModel* model = service.find_error(error.code());
  std::string_view message_name = model != nullptr ? model->message_name : "message";
  if (service.service.starts_with("dynamodb") && error.is(errors::kSerialization)) message_name = "Message";
  JsonWriter json;
  json.begin_object().key("__type").string(json_type(service, error));
  if (!error.message().empty()) json.key(message_name).string(error.message());
  write_fields(error, json);
  json.end_object();
  return json.take();
}

/// Fields that are JSON themselves have no place here; no service that speaks CBOR has any.
std::string cbor_document(const ServiceModel& service, const Error& error) {
  const ErrorModel* model = service.find_error(error.code());
  const auto is_plain = [](const Error::Field& field) { return !is_apart(field) && !field.raw; };
  const auto plain = std::count_if(error.fields().begin(), error.fields().end(), is_plain);
  CborWriter cbor;
  cbor.map(2 + static_cast<std::size_t>(plain)).text("__type").text(json_type(service, error));
  cbor.text(model != nullptr ? model->message_name : "message").text(error.message());
  for (const Error::Field& field : error.fields()) {
    if (is_plain(field)) cbor.text(field.name).text(field.value);
  }
  return cbor.take();
}

std::string rest_json_document(const ServiceModel& service, const Error& error) {
  const ErrorModel* model = service.find_error(error.code());
  JsonWriter json;
  json.begin_object();
  const bool says_type = std::any_of(error.fields().begin(), error.fields().end(),
                                     [](const Error::Field& field) { return field.name == "Type"; });
  if (model != nullptr && model->has_type && !says_type) json.key("Type").string(fault(error, "User", "Service"));
  json.key(model != nullptr ? model->message_name : "message").string(error.message());
  write_fields(error, json);
  json.end_object();
  return json.take();
}

void append_fields(const Error& error, std::string& xml) {
  for (const Error::Field& field : error.fields()) {
    if (!is_apart(field)) append_xml_element(field.name, field.value, xml);
  }
}

std::string query_document(const ServiceModel& service, const Error& error, const ErrorContext& context) {
  std::string xml = "<ErrorResponse xmlns=\"";
  append_xml_text(service.xml_namespace, xml);
  xml += "\">\n  <Error>\n    ";
  append_xml_element("Type", fault(error, "Sender", "Receiver"), xml);
  append_xml_element("Code", error.code(), xml);
  append_xml_element("Message", error.message(), xml);
  append_fields(error, xml);
  xml += "\n  </Error>\n  ";
  append_xml_element("RequestId", context.request_id, xml);
  return xml + "\n</ErrorResponse>\n";
}

std::string s3_document(const Error& error, const ErrorContext& context) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>";
  append_xml_element("Code", error.code(), xml);
  append_xml_element("Message", error.message(), xml);
  append_fields(error, xml);
  if (error.fields().empty() && !context.resource.empty()) append_xml_element("Resource", context.resource, xml);
  append_xml_element("RequestId", context.request_id, xml);
  append_xml_element("HostId", s3_host_id(context.request_id), xml);
  return xml + "</Error>";
}

}  // namespace

net::Response render(const ServiceModel& service, const Error& original, const ErrorContext& context) {
  const Error error = in_words_of(service, original);
  net::Response response(error.http_status());
  switch (service.protocol) {
    case Protocol::kJson10:
    case Protocol::kJson11:
      response.body = json_document(service, error);
      break;
    case Protocol::kRpcV2Cbor:
    case Protocol::kCbor11:
      response.body = cbor_document(service, error);
      break;
    case Protocol::kRestJson:
      response.headers.set("x-amzn-ErrorType", error.code());
      response.headers.set("Content-Type", "application/json");
      response.body = rest_json_document(service, error);
      break;
    case Protocol::kRestXml:
      response.headers.set("Content-Type", "application/xml");
      response.body = s3_document(error, context);
      break;
    case Protocol::kQuery:
      response.headers.set("Content-Type", "text/xml");
      response.body = query_document(service, error, context);
      break;
  }
  if (error.http_status() == 304) response.body = std::string();
  add_response_ids(service, context.request_id, response);
  if (service.query_compatible && service.protocol != Protocol::kQuery) {
    response.headers.set("x-amzn-query-error", error.code() + ";" + std::string(fault(error, "Sender", "Receiver")));
  }
  for (const Error::Field& field : error.fields()) {
    if (is_header(field)) response.headers.set(std::string_view(field.name).substr(kHeaderField.size()), field.value);
  }
  return response;
}

}  // namespace cumulet::wire
