#include <cstdio>
#include <iostream>
#include <map>
#include <string>

#include <simdjson.h>

#include "base/run.h"
#include "base/text.h"
#include "wire/client.h"
#include "wire/generated/apigatewayv2.h"
#include "wire/generated/cloudformation.h"
#include "wire/generated/dynamodb.h"
#include "wire/generated/iam.h"
#include "wire/generated/lambda.h"
#include "wire/generated/logs.h"
#include "wire/generated/s3.h"
#include "wire/generated/sts.h"
#include "wire/json.h"
#include "wire/protocol.h"

/// Shows what the codecs make of messages, for a test that holds them against a real client's codecs. Reads a line of
/// JSON, writes a line of JSON:
///   {"service", "method", "target", "headers": {}, "body": base64} -> {"operation", "input": {…}, "stream": base64}
///   {"service", "operation", "output": {…}, "stream": base64}      -> {"status", "headers": {}, "body": base64}
/// or {"error"}. Structures are JSON with the names of the wire.
namespace cumulet::wire {
namespace {

using simdjson::dom::element;

const ServiceModel* model_of(std::string_view name) {
  static const std::map<std::string_view, const ServiceModel*> models = [] {
    std::map<std::string_view, const ServiceModel*> all;
    for (const ServiceModel* model : {&apigatewayv2::model(), &cloudformation::model(), &dynamodb::model(),
                                      &iam::model(), &lambda::model(), &logs::model(), &s3::model(), &sts::model()}) {
      all[model->name()] = model;
    }
    return all;
  }();
  const auto found = models.find(name);
  return found == models.end() ? nullptr : found->second;
}

std::string text_of(element json, const char* key) {
  std::string_view text;
  return json[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::string failure(const Error& error) {
  JsonWriter json;
  json.begin_object().key("error").string(error.code() + ": " + error.message()).end_object();
  return json.take();
}

const Member* stream_of(const Shape& shape) {
  for (const Member& member : shape.members) {
    if (member.shape->kind == Kind::kStream) return &member;
  }
  return nullptr;
}

std::shared_ptr<BodySource>& stream_in(const Member& member, void* structure) {
  return *static_cast<std::shared_ptr<BodySource>*>(make_member(member, structure));
}

std::string read_stream(BodySource& source) {
  return run(read_all(source, 1 << 30, Error("TooLarge", 400, ""))).value();
}

/// What our own client writes of an input must be read as that input again.
bool client_agrees(const ServiceModel& service, const OperationModel& operation, const void* input) {
  ClientRequest written = encode_request(service, operation, input);
  net::Request request;
  request.method = written.method;
  request.target = written.target;
  request.path = written.target.substr(0, written.target.find('?'));
  if (request.path.size() < written.target.size()) request.query = written.target.substr(request.path.size() + 1);
  request.headers = written.headers;
  request.body = std::make_unique<StringBody>(written.body);
  const Result<const OperationModel*> found = run(route(service, request, ""));
  if (!found.ok() || *found != &operation) return false;
  const Result<Instance> again = run(decode(service, operation, request, ""));
  return again.ok() && encode_json(*operation.input, again->get()) == encode_json(*operation.input, input);
}

/// What our own client reads of a response must be the output that it was written from.
bool client_understands(const ServiceModel& service, const OperationModel& operation, const net::Response& response,
                        const std::string& body, const void* output) {
  net::Headers headers = response.headers;
  if (response.content_length) headers.set("Content-Length", std::to_string(*response.content_length));
  const Instance read = operation.make_output();
  if (!decode_response(service, operation, response.status, headers, body, read.get()).ok()) return false;
  // Statuses, types and payloads that the response adds are in the second reading too.
  const std::string once = encode_json(*operation.output, read.get());
  const Instance both = operation.make_output();
  Findings findings;
  decode_json(encode_json(*operation.output, output), *operation.output, both.get(), false, findings);
  for (const Member& member : operation.output->members) {
    if (get_member(member, both.get()) != nullptr || member.shape->kind == Kind::kStream) continue;
    if (get_member(member, read.get()) == nullptr) continue;
    const bool added = member.location != Location::kBody && member.location != Location::kPrefixHeaders;
    if (!added && member.shape->kind != Kind::kMap) return false;
    JsonWriter value;
    encode_json(*member.shape, get_member(member, read.get()), value);
    Findings ignored;
    JsonWriter document;
    document.begin_object().key(member.wire_name).raw(value.text()).end_object();
    decode_json(document.text(), *operation.output, both.get(), false, ignored);
  }
  return encode_json(*operation.output, both.get()) == once;
}

std::string echo_request(const ServiceModel& service, element line) {
  net::Request request;
  request.method = text_of(line, "method");
  request.target = text_of(line, "target");
  const std::size_t question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string::npos) request.query = request.target.substr(question + 1);
  simdjson::dom::object headers;
  if (line["headers"].get(headers) == simdjson::SUCCESS) {
    for (const auto& [name, value] : headers)
      request.headers.add(std::string(name), std::string(value.get_string().value()));
  }
  request.body = std::make_unique<StringBody>(base64_decode(text_of(line, "body")).value_or(""));

  const Result<const OperationModel*> operation = run(route(service, request, ""));
  if (!operation.ok()) return failure(operation.error());
  Result<Instance> input = run(decode(service, **operation, request, ""));
  if (!input.ok()) return failure(input.error());
  if (!client_agrees(service, **operation, input->get())) return R"({"error":"our client writes something else"})";
  JsonWriter json;
  json.begin_object().key("operation").string((*operation)->name);
  json.key("input").raw(encode_json(*(*operation)->input, input->get()));
  const Member* stream = stream_of(*(*operation)->input);
  if (stream != nullptr) json.key("stream").string(base64_encode(read_stream(*stream_in(*stream, input->get()))));
  json.end_object();
  return json.take();
}

std::string echo_response(const ServiceModel& service, element line) {
  const OperationModel* operation = service.find(text_of(line, "operation"));
  const Instance output = operation->make_output();
  Findings findings;
  decode_json(simdjson::minify(line["output"].value()), *operation->output, output.get(), false, findings);
  if (findings.fatal) return failure(*findings.fatal);
  const Member* stream = stream_of(*operation->output);
  if (stream != nullptr) {
    stream_in(*stream, output.get()) =
        std::make_shared<StringBody>(base64_decode(text_of(line, "stream")).value_or(""));
  }
  net::Request request;
  Call call(request);
  call.request_id = "request-1";
  net::Response response = encode(service, *operation, output.get(), call);
  const auto* text = std::get_if<std::string>(&response.body);
  const std::string body = text != nullptr ? *text : read_stream(*std::get<1>(response.body));
  if (!client_understands(service, *operation, response, body, output.get())) {
    return R"({"error":"our client reads something else"})";
  }
  JsonWriter json;
  json.begin_object().key("status").integer(response.status).key("headers").begin_object();
  for (const auto& [name, value] : response.headers) json.key(name).string(value);
  if (response.content_length) json.key("Content-Length").string(std::to_string(*response.content_length));
  json.end_object().key("body").string(base64_encode(body));
  json.end_object();
  return json.take();
}

std::string echo(const std::string& line) {
  simdjson::dom::parser parser;
  element json;
  if (parser.parse(line).get(json) != simdjson::SUCCESS) return R"({"error":"not JSON"})";
  const ServiceModel* service = model_of(text_of(json, "service"));
  if (service == nullptr) return R"({"error":"no such service"})";
  return json["method"].error() == simdjson::SUCCESS ? echo_request(*service, json) : echo_response(*service, json);
}

}  // namespace
}  // namespace cumulet::wire

int main() {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << cumulet::wire::echo(line) << std::endl;
}
