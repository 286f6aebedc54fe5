#include "base/text.h"
#include "wire/attribute_value.h"
#include "wire/attribute_value_json.h"
#include "wire/json.h"
#include "wire/scalars.h"

namespace cumulet::wire {
namespace {

void encode_value(const Shape& shape, const Member* member, const void* value, JsonWriter& json);

void encode_members(const Shape& shape, const void* structure, bool body_only, JsonWriter& json) {
  json.begin_object();
  for (const Member& member : shape.members) {
    if ((body_only && member.location != Location::kBody) || member.shape->kind == Kind::kStream) continue;
    const void* value = get_member(member, structure);
    if (value == nullptr) continue;
    json.key(member.wire_name);
    encode_value(*member.shape, &member, value, json);
  }
  json.end_object();
}

struct MapContext {
  const Shape* element;
  JsonWriter* json;
};

void encode_entry(void* context, const std::string& key, const void* value) {
  const auto& map = *static_cast<MapContext*>(context);
  map.json->key(key);
  encode_value(*map.element, nullptr, value, *map.json);
}

void encode_timestamp(TimeFormat format, Timestamp time, JsonWriter& json) {
  if (format == TimeFormat::kEpochSeconds) {
    json.raw(epoch_text(time));
  } else if (format == TimeFormat::kHttpDate) {
    json.string(http_date(time));
  } else {
    json.string(iso8601(time, time.time_since_epoch() % std::chrono::seconds(1) >= std::chrono::milliseconds(1)));
  }
}

void encode_value(const Shape& shape, const Member* member, const void* value, JsonWriter& json) {
  switch (shape.kind) {
    case Kind::kString:
      json.string(*static_cast<const std::string*>(value));
      break;
    case Kind::kBlob:
      json.string(base64_encode(*static_cast<const std::string*>(value)));
      break;
    case Kind::kInteger:
      json.integer(*static_cast<const std::int32_t*>(value));
      break;
    case Kind::kLong:
      json.integer(*static_cast<const std::int64_t*>(value));
      break;
    case Kind::kDouble:
      json.number(*static_cast<const double*>(value));
      break;
    case Kind::kBoolean:
      json.boolean(*static_cast<const bool*>(value));
      break;
    case Kind::kTimestamp:
      encode_timestamp(time_format(member, shape, TimeFormat::kEpochSeconds), *static_cast<const Timestamp*>(value),
                       json);
      break;
    case Kind::kList: {
      json.begin_array();
      const std::size_t size = shape.list->size(value);
      for (std::size_t i = 0; i < size; ++i) encode_value(*shape.element, nullptr, shape.list->at(value, i), json);
      json.end_array();
      break;
    }
    case Kind::kMap: {
      MapContext context{shape.element, &json};
      json.begin_object();
      shape.map->each(value, &context, encode_entry);
      json.end_object();
      break;
    }
    case Kind::kStructure:
      encode_members(shape, value, false, json);
      break;
    case Kind::kAttributeValue:
      write_attribute_value(*static_cast<const AttributeValue*>(value), json);
      break;
    case Kind::kStream:
      break;
  }
}

}  // namespace

std::string encode_json(const Shape& shape, const void* structure, bool body_only) {
  JsonWriter json(512);
  encode_members(shape, structure, body_only, json);
  return json.take();
}

void encode_json(const Shape& shape, const void* value, JsonWriter& json) { encode_value(shape, nullptr, value, json); }

}  // namespace cumulet::wire
