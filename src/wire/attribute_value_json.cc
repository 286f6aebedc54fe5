#include "wire/attribute_value_json.h"

#include "base/text.h"

namespace cumulet::wire {
namespace {

void write_map(const AttributeValue::Map& members, JsonWriter& json) {
  json.begin_object();
  for (const auto& [name, member] : members) {
    json.key(name);
    write_attribute_value(member, json);
  }
  json.end_object();
}

void write_set(const AttributeValue::Set& set, bool binary, JsonWriter& json) {
  json.begin_array();
  for (const std::string& element : set) {
    if (binary) {
      json.string(base64_encode(element));
    } else {
      json.string(element);
    }
  }
  json.end_array();
}

}  // namespace

std::string_view type_name(AttributeValue::Type type) {
  switch (type) {
    case AttributeValue::Type::kString:
      return "S";
    case AttributeValue::Type::kNumber:
      return "N";
    case AttributeValue::Type::kBinary:
      return "B";
    case AttributeValue::Type::kStringSet:
      return "SS";
    case AttributeValue::Type::kNumberSet:
      return "NS";
    case AttributeValue::Type::kBinarySet:
      return "BS";
    case AttributeValue::Type::kMap:
      return "M";
    case AttributeValue::Type::kList:
      return "L";
    case AttributeValue::Type::kNull:
      return "NULL";
    case AttributeValue::Type::kBool:
      return "BOOL";
  }
  return {};
}

void write_attribute_value(const AttributeValue& value, JsonWriter& json) {
  json.begin_object().key(type_name(value.type()));
  switch (value.type()) {
    case AttributeValue::Type::kString:
    case AttributeValue::Type::kNumber:
      json.string(value.text());
      break;
    case AttributeValue::Type::kBinary:
      json.string(base64_encode(value.text()));
      break;
    case AttributeValue::Type::kStringSet:
    case AttributeValue::Type::kNumberSet:
      write_set(value.set(), false, json);
      break;
    case AttributeValue::Type::kBinarySet:
      write_set(value.set(), true, json);
      break;
    case AttributeValue::Type::kMap:
      write_map(value.map(), json);
      break;
    case AttributeValue::Type::kList:
      json.begin_array();
      for (const AttributeValue& element : value.list()) write_attribute_value(element, json);
      json.end_array();
      break;
    case AttributeValue::Type::kNull:
      json.boolean(true);
      break;
    case AttributeValue::Type::kBool:
      json.boolean(value.boolean());
      break;
  }
  json.end_object();
}

std::string attribute_value_json(const AttributeValue& value) {
  JsonWriter json;
  write_attribute_value(value, json);
  return json.take();
}

std::string attribute_map_json(const AttributeValue::Map& item) {
  JsonWriter json(512);
  write_map(item, json);
  return json.take();
}

}  // namespace cumulet::wire
