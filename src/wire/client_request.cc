#include <algorithm>

#include "base/text.h"
#include "wire/cbor.h"
#include "wire/client.h"
#include "wire/decoding.h"
#include "wire/json.h"
#include "wire/rest.h"
#include "wire/scalars.h"
#include "wire/xml.h"

namespace cumulet::wire {
namespace {

void add_pair(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty()) out += '&';
  out += uri_encode(name) + "=" + uri_encode(value);
}

/// Writes a structure as a query protocol's form.
class FormEncoder {
 public:
  explicit FormEncoder(std::string& out) : out_(out) {}

  void structure(const std::string& prefix, const Shape& shape, const void* value) {
    for (const Member& member : shape.members) {
      const void* at = get_member(member, value);
      if (at != nullptr) this->value(prefix + std::string(member.wire_name), *member.shape, &member, at);
    }
  }

 private:
  void value(const std::string& name, const Shape& shape, const Member* member, const void* at) {
    const bool flattened = shape.flattened || (member != nullptr && member->flattened);
    if (shape.kind == Kind::kStructure) {
      structure(name + ".", shape, at);
    } else if (shape.kind == Kind::kList) {
      const std::size_t size = shape.list->size(at);
      if (size == 0) add_pair(out_, name, "");
      const std::string entry = flattened ? name + "." : name + "." + std::string(shape.element_name) + ".";
      for (std::size_t i = 0; i < size; ++i) {
        value(entry + std::to_string(i + 1), *shape.element, nullptr, shape.list->at(at, i));
      }
    } else if (shape.kind == Kind::kMap) {
      entries(flattened ? name + "." : name + ".entry.", shape, at);
    } else {
      add_pair(out_, name, scalar_text(shape, time_format(member, shape, TimeFormat::kIso8601), at));
    }
  }

  struct EntryContext {
    FormEncoder* self;
    const std::string* prefix;
    const Shape* shape;
    int number = 0;
  };

  void entries(const std::string& prefix, const Shape& shape, const void* map) {
    EntryContext context{this, &prefix, &shape};
    shape.map->each(map, &context, [](void* opaque, const std::string& key, const void* at) {
      auto& entry = *static_cast<EntryContext*>(opaque);
      const std::string stem = *entry.prefix + std::to_string(++entry.number) + ".";
      add_pair(entry.self->out_, stem + std::string(entry.shape->key_name), key);
      entry.self->value(stem + std::string(entry.shape->element_name), *entry.shape->element, nullptr, at);
    });
  }

  std::string& out_;
};

std::string text_of(const Member& member, TimeFormat of_place, const void* value) {
  return scalar_text(*member.shape, time_format(&member, *member.shape, of_place), value);
}

/// The URI with its labels filled in.
std::string filled_uri(const OperationModel& operation, const void* input) {
  std::string uri(operation.uri);
  for (const Member& member : operation.input->members) {
    const void* value = member.location == Location::kUri ? get_member(member, input) : nullptr;
    if (value == nullptr) continue;
    const std::string text = text_of(member, TimeFormat::kIso8601, value);
    for (const bool rest : {false, true}) {
      const std::string label = "{" + std::string(member.wire_name) + (rest ? "+}" : "}");
      const std::size_t at = uri.find(label);
      if (at != std::string::npos) uri.replace(at, label.size(), uri_encode(text, rest));
    }
  }
  return uri;
}

struct PrefixContext {
  std::string_view prefix;
  net::Headers* headers;
};

void add_prefixed(void* context, const std::string& key, const void* value) {
  const auto& prefix = *static_cast<PrefixContext*>(context);
  prefix.headers->add(std::string(prefix.prefix) + key, *static_cast<const std::string*>(value));
}

void add_parameters(const Member& member, const void* value, std::string& query) {
  const Shape& shape = *member.shape;
  if (shape.kind == Kind::kMap) return;
  if (shape.kind != Kind::kList) {
    return add_pair(query, member.wire_name, text_of(member, TimeFormat::kIso8601, value));
  }
  for (std::size_t i = 0; i < shape.list->size(value); ++i) {
    add_pair(query, member.wire_name, scalar_text(*shape.element, TimeFormat::kIso8601, shape.list->at(value, i)));
  }
}

std::string header_text(const Member& member, const void* value) {
  const Shape& shape = *member.shape;
  if (shape.kind != Kind::kList) return text_of(member, TimeFormat::kHttpDate, value);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < shape.list->size(value); ++i) {
    parts.push_back(scalar_text(*shape.element, TimeFormat::kHttpDate, shape.list->at(value, i)));
  }
  return join(parts, ",");
}

std::string xml_body(const ServiceModel& service, std::string_view root, const Shape& shape, const void* value,
                     bool body_only) {
  std::string xml = "<" + std::string(root) + " xmlns=\"" + std::string(service.xml_namespace) + "\">";
  encode_xml_members(shape, value, body_only, XmlStyle{true}, xml);
  return xml + "</" + std::string(root) + ">";
}

void encode_rest_body(const ServiceModel& service, const OperationModel& operation, const void* input,
                      ClientRequest& request) {
  const Shape& shape = *operation.input;
  const bool json = service.protocol == Protocol::kRestJson;
  const std::string type = json ? "application/json" : "application/xml";
  if (shape.payload != nullptr) {
    const Shape& payload = *shape.payload->shape;
    const void* value = payload.kind == Kind::kStream ? nullptr : get_member(*shape.payload, input);
    if (value == nullptr) return;
    if (payload.kind != Kind::kStructure) {
      request.body = *static_cast<const std::string*>(value);
      return;
    }
    request.body =
        json ? encode_json(payload, value) : xml_body(service, shape.payload->wire_name, payload, value, false);
    request.headers.set("Content-Type", type);
    return;
  }
  const bool has_body = std::any_of(shape.members.begin(), shape.members.end(),
                                    [](const Member& member) { return member.location == Location::kBody; });
  if (!has_body) return;
  request.body = json ? encode_json(shape, input, true) : xml_body(service, operation.input_root, shape, input, true);
  request.headers.set("Content-Type", type);
}

ClientRequest encode_rest_request(const ServiceModel& service, const OperationModel& operation, const void* input) {
  ClientRequest request;
  request.method = operation.method;
  request.target = filled_uri(operation, input);
  std::string query;
  for (const Member& member : operation.input->members) {
    const void* value = member.location == Location::kQuery || member.location == Location::kHeader ||
                                member.location == Location::kPrefixHeaders
                            ? get_member(member, input)
                            : nullptr;
    if (value == nullptr) continue;
    if (member.location == Location::kQuery) {
      add_parameters(member, value, query);
    } else if (member.location == Location::kHeader) {
      request.headers.set(member.wire_name, header_text(member, value));
    } else {
      PrefixContext context{member.wire_name, &request.headers};
      member.shape->map->each(value, &context, add_prefixed);
    }
  }
  if (!query.empty()) request.target += (request.target.find('?') == std::string::npos ? "?" : "&") + query;
  encode_rest_body(service, operation, input, request);
  return request;
}

}  // namespace

ClientRequest encode_request(const ServiceModel& service, const OperationModel& operation, const void* input) {
  if (service.protocol == Protocol::kRestJson || service.protocol == Protocol::kRestXml) {
    return encode_rest_request(service, operation, input);
  }
  ClientRequest request;
  request.method = "POST";
  request.target = "/";
  if (service.protocol == Protocol::kRpcV2Cbor) {
    request.target = "/service/" + std::string(service.target_prefix) + "/operation/" + std::string(operation.name);
    request.headers.set("smithy-protocol", "rpc-v2-cbor");
    request.headers.set("Content-Type", "application/cbor");
    request.body = encode_cbor(*operation.input, input, CborTime::kSeconds);
  } else if (service.protocol == Protocol::kQuery) {
    request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    add_pair(request.body, "Action", operation.name);
    add_pair(request.body, "Version", service.api_version);
    FormEncoder(request.body).structure("", *operation.input, input);
  } else {
    const bool json10 = service.protocol == Protocol::kJson10;
    request.headers.set("Content-Type", json10 ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1");
    request.headers.set("X-Amz-Target", std::string(service.target_prefix) + "." + std::string(operation.name));
    request.body = encode_json(*operation.input, input);
  }
  return request;
}

}  // namespace cumulet::wire
