#include <cstdio>
#include <iostream>
#include <map>
#include <string>

#include <simdjson.h>

#include "base/run.h"
#include "base/text.h"
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
  JsonWriter json;
  json.begin_object().key("status").integer(response.status).key("headers").begin_object();
  for (const auto& [name, value] : response.headers) json.key(name).string(value);
  if (response.content_length) json.key("Content-Length").string(std::to_string(*response.content_length));
  json.end_object().key("body");
  const auto* text = std::get_if<std::string>(&response.body);
  json.string(base64_encode(text != nullptr ? *text : read_stream(*std::get<1>(response.body))));
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
