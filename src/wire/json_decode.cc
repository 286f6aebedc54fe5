#include <bitset>
#include <cmath>
#include <limits>

#include <simdjson.h>

#include "base/text.h"
#include "wire/attribute_value.h"
#include "wire/json.h"
#include "wire/scalars.h"

namespace cumulet::wire {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

/// How deep JSON may nest. DynamoDB's 32 levels of documents take 64 of JSON, and it has words of its own for the 33rd.
constexpr std::size_t kMaxJsonDepth = 160;
/// A parser that has grown beyond this is not kept.
constexpr std::size_t kKeptCapacity = 1 << 20;
constexpr std::size_t kMaxMembers = 192;
/// "{}" is three bytes of a request and hundreds of ours. No operation takes as many.
constexpr std::size_t kMaxStructures = 100'000;

constexpr std::string_view kEmptyValue =
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
constexpr std::string_view kManyValues =
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes";
constexpr std::string_view kFalseNull =
    "One or more parameter values were invalid: Null attribute value types must have the value of true";

/// The names that AWS's own parser gives to what it met.
std::string_view token_name(const element& value) {
  switch (value.type()) {
    case element_type::STRING:
      return "STRING_VALUE";
    case element_type::INT64:
    case element_type::UINT64:
      return "NUMBER_VALUE";
    case element_type::DOUBLE:
      return "DECIMAL_VALUE";
    case element_type::BOOL:
      return value.get_bool().value_unsafe() ? "TRUE_VALUE" : "FALSE_VALUE";
    default:
      return "NULL_VALUE";
  }
}

std::string_view java_name(Kind kind) {
  switch (kind) {
    case Kind::kInteger:
      return "Integer";
    case Kind::kLong:
      return "Long";
    case Kind::kDouble:
      return "Double";
    case Kind::kBoolean:
      return "Boolean";
    case Kind::kTimestamp:
      return "Date";
    default:
      return "String";
  }
}

class JsonDecoder {
 public:
  explicit JsonDecoder(Findings& findings) : findings_(findings) {}

  bool structure(const Shape& shape, const element& json, void* out, bool body_only, const Path* path);

 private:
  bool value(const Shape& shape, const Member* member, const element& json, void* out, const Path* path);
  bool scalar(const Shape& shape, const Member* member, const element& json, void* out);
  bool timestamp(TimeFormat format, const element& json, Timestamp& out);
  bool list(const Shape& shape, const element& json, void* out, const Path* path);
  bool map(const Shape& shape, const element& json, void* out, const Path* path);
  bool attribute(const element& json, AttributeValue& out);
  bool attribute_of_type(std::string_view type, const element& json, AttributeValue& out);
  bool attribute_set(const element& json, bool binary, AttributeValue::Set& out);
  bool attribute_list(const element& json, AttributeValue::List& out);
  bool attribute_map(const element& json, AttributeValue::Map& out);
  bool string(const element& json, std::string& out);
  bool bytes(const element& json, std::string& out);

  bool wrong(std::string message) {
    if (!findings_.fatal) findings_.fatal = Error(errors::kSerialization, std::move(message));
    return false;
  }
  /// A token of the wrong type where a value of `kind` was expected.
  bool mismatch(const element& json, Kind kind) {
    if (json.is_object()) return wrong("Start of structure or map found where not expected");
    const std::string name(java_name(kind));
    if (json.is_array()) return wrong("Unrecognized collection type class java.lang." + name);
    return wrong(std::string(token_name(json)) + " cannot be converted to " + name);
  }
  void late(std::string_view message) {
    if (!findings_.late) findings_.late = Error(errors::kValidation, std::string(message));
  }

  Findings& findings_;
  std::size_t structures_ = 0;
};

bool JsonDecoder::structure(const Shape& shape, const element& json, void* out, bool body_only, const Path* path) {
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) return wrong("Unexpected field type");
  if (++structures_ > kMaxStructures) return wrong("Too many structures");
  std::bitset<kMaxMembers> seen;
  std::size_t hint = 0;  // Clients mostly write members in the model's order.
  for (const auto& [key, field] : object) {
    if (field.is_null()) continue;
    const std::size_t count = shape.members.size();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = hint + i < count ? hint + i : hint + i - count;
      const Member& member = shape.members[at];
      if (member.wire_name != key) continue;
      hint = at + 1;
      if (seen.test(at)) break;  // Said twice: the first counts.
      if ((body_only && member.location != Location::kBody) || member.shape->kind == Kind::kStream) break;
      const Path here{path, Path::Step::kMember, member.name, 0};
      if (!value(*member.shape, &member, field, make_member(member, out), &here)) return false;
      seen.set(at);
      break;
    }
  }
  for (std::size_t i = 0; i < shape.members.size(); ++i) {
    const Member& member = shape.members[i];
    if (!member.required || seen.test(i) || (body_only && member.location != Location::kBody)) continue;
    const Path here{path, Path::Step::kMember, member.name, 0};
    findings_.add_missing(here);
  }
  return true;
}

bool JsonDecoder::value(const Shape& shape, const Member* member, const element& json, void* out, const Path* path) {
  switch (shape.kind) {
    case Kind::kStructure:
      return structure(shape, json, out, false, path);
    case Kind::kList:
      return list(shape, json, out, path);
    case Kind::kMap:
      return map(shape, json, out, path);
    case Kind::kAttributeValue:
      return attribute(json, *static_cast<AttributeValue*>(out));
    case Kind::kStream:
      return true;
    default:
      return scalar(shape, member, json, out);
  }
}

bool JsonDecoder::scalar(const Shape& shape, const Member* member, const element& json, void* out) {
  switch (shape.kind) {
    case Kind::kString:
      return string(json, *static_cast<std::string*>(out));
    case Kind::kBlob:
      return bytes(json, *static_cast<std::string*>(out));
    case Kind::kInteger:
    case Kind::kLong: {
      std::int64_t number = 0;
      double decimal = 0;
      const bool whole = json.get(number) == simdjson::SUCCESS;
      if (!whole && json.is_double() && json.get(decimal) == simdjson::SUCCESS && std::fabs(decimal) < 9e15) {
        number = static_cast<std::int64_t>(decimal);
      } else if (!whole) {
        return mismatch(json, shape.kind);
      }
      if (shape.kind == Kind::kLong) {
        *static_cast<std::int64_t*>(out) = number;
        return true;
      }
      if (number > std::numeric_limits<std::int32_t>::max() || number < std::numeric_limits<std::int32_t>::min()) {
        return mismatch(json, shape.kind);
      }
      *static_cast<std::int32_t*>(out) = static_cast<std::int32_t>(number);
      return true;
    }
    case Kind::kDouble: {
      std::string_view text;
      if (json.get(*static_cast<double*>(out)) == simdjson::SUCCESS) return true;
      const bool named = json.get(text) == simdjson::SUCCESS && (text == "NaN" || text.ends_with("Infinity"));
      return (named && parse_scalar(shape, TimeFormat::kDefault, text, out)) || mismatch(json, shape.kind);
    }
    case Kind::kBoolean:
      return json.get(*static_cast<bool*>(out)) == simdjson::SUCCESS || mismatch(json, shape.kind);
    case Kind::kTimestamp:
      return timestamp(time_format(member, shape, TimeFormat::kEpochSeconds), json, *static_cast<Timestamp*>(out));
    default:
      return mismatch(json, shape.kind);
  }
}

bool JsonDecoder::timestamp(TimeFormat format, const element& json, Timestamp& out) {
  double seconds = 0;
  std::string_view text;
  if (json.get(seconds) == simdjson::SUCCESS) {
    return timestamp_from_epoch(seconds, out) || mismatch(json, Kind::kTimestamp);
  }
  if (json.get(text) == simdjson::SUCCESS) {
    static constexpr Shape kTime{.name = "Timestamp", .kind = Kind::kTimestamp};
    return parse_scalar(kTime, format, text, &out) || mismatch(json, Kind::kTimestamp);
  }
  return mismatch(json, Kind::kTimestamp);
}

bool JsonDecoder::string(const element& json, std::string& out) {
  std::string_view text;
  if (json.get(text) != simdjson::SUCCESS) return mismatch(json, Kind::kString);
  out = text;
  return true;
}

bool JsonDecoder::bytes(const element& json, std::string& out) {
  std::string_view text;
  if (json.get(text) != simdjson::SUCCESS) return mismatch(json, Kind::kString);
  std::optional<std::string> decoded = base64_decode(text);
  if (!decoded) return wrong("Only base64-encoded data is expected");
  out = std::move(*decoded);
  return true;
}

bool JsonDecoder::list(const Shape& shape, const element& json, void* out, const Path* path) {
  simdjson::dom::array array;
  if (json.get(array) != simdjson::SUCCESS) {
    return json.is_object() ? wrong("Start of structure or map found where not expected")
                            : wrong("Unexpected field type");
  }
  shape.list->clear(out);
  const std::size_t wanted = wanted_elements(shape);
  shape.list->reserve(out, std::min(array.size(), wanted));
  std::size_t index = 0;
  for (const element entry : array) {
    if (index == wanted) break;
    void* at = shape.list->append(out);
    const Path here{path, Path::Step::kElement, {}, index++};
    if (entry.is_null()) {
      findings_.add_missing(here);
    } else if (!value(*shape.element, nullptr, entry, at, &here)) {
      return false;
    }
  }
  return true;
}

bool JsonDecoder::map(const Shape& shape, const element& json, void* out, const Path* path) {
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) return wrong("Unexpected field type");
  shape.map->clear(out);
  for (const auto& [key, field] : object) {
    const Path here{path, Path::Step::kEntry, key, 0};
    if (field.is_null() && shape.element->kind != Kind::kAttributeValue) {
      findings_.add_missing(here);
    } else if (!value(*shape.element, nullptr, field, shape.map->insert(out, std::string(key)), &here)) {
      return false;
    }
  }
  return true;
}

bool JsonDecoder::attribute(const element& json, AttributeValue& out) {
  if (findings_.late) return true;  // The request fails; what else it holds does not matter.
  if (json.is_null()) {
    late(kEmptyValue);
    return true;
  }
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) return wrong("Unexpected value type in payload");
  int types = 0;
  for (const auto& [type, field] : object) {
    if (field.is_null()) continue;
    const bool known = type == "S" || type == "N" || type == "B" || type == "M" || type == "L" || type == "SS" ||
                       type == "NS" || type == "BS" || type == "NULL" || type == "BOOL";
    if (!known) continue;
    ++types;
    if (!attribute_of_type(type, field, out)) return false;
  }
  if (types == 0) late(kEmptyValue);
  if (types > 1) late(kManyValues);
  return true;
}

bool JsonDecoder::attribute_of_type(std::string_view type, const element& json, AttributeValue& out) {
  if (type == "S" || type == "N") {
    std::string text;
    if (!string(json, text)) return false;
    out = type == "S" ? AttributeValue::string(std::move(text)) : AttributeValue::number(std::move(text));
  } else if (type == "B") {
    std::string text;
    if (!bytes(json, text)) return false;
    out = AttributeValue::binary(std::move(text));
  } else if (type == "M") {
    AttributeValue::Map members;
    if (!attribute_map(json, members)) return false;
    out = AttributeValue::map(std::move(members));
  } else if (type == "L") {
    AttributeValue::List elements;
    if (!attribute_list(json, elements)) return false;
    out = AttributeValue::list(std::move(elements));
  } else if (type == "BOOL" || type == "NULL") {
    bool flag = false;
    if (json.get(flag) != simdjson::SUCCESS) return mismatch(json, Kind::kBoolean);
    if (type == "NULL" && !flag) late(kFalseNull);
    out = type == "NULL" ? AttributeValue::null() : AttributeValue::boolean(flag);
  } else {
    AttributeValue::Set set;
    if (!attribute_set(json, type == "BS", set)) return false;
    out = type == "SS"   ? AttributeValue::string_set(std::move(set))
          : type == "NS" ? AttributeValue::number_set(std::move(set))
                         : AttributeValue::binary_set(std::move(set));
  }
  return true;
}

bool JsonDecoder::attribute_set(const element& json, bool binary, AttributeValue::Set& out) {
  simdjson::dom::array array;
  if (json.get(array) != simdjson::SUCCESS) return wrong("Unexpected field type");
  out.reserve(array.size());
  for (const element entry : array) {
    std::string& text = out.emplace_back();
    if (binary ? !bytes(entry, text) : !string(entry, text)) return false;
  }
  return true;
}

bool JsonDecoder::attribute_list(const element& json, AttributeValue::List& out) {
  simdjson::dom::array array;
  if (json.get(array) != simdjson::SUCCESS) return wrong("Unexpected field type");
  for (const element entry : array) {
    if (findings_.late) break;
    if (!attribute(entry, out.emplace_back())) return false;
  }
  return true;
}

bool JsonDecoder::attribute_map(const element& json, AttributeValue::Map& out) {
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) return wrong("Unexpected field type");
  for (const auto& [key, field] : object) {
    AttributeValue& member = out[std::string(key)];
    if (!attribute(field, member)) return false;
  }
  return true;
}

/// This thread's parser: its buffers are reused from request to request.
simdjson::dom::parser& parser() {
  thread_local simdjson::dom::parser instance;
  if (instance.capacity() > kKeptCapacity) instance = simdjson::dom::parser();
  return instance;
}

}  // namespace

void decode_json(std::string_view text, const Shape& shape, void* structure, bool body_only, Findings& findings) {
  simdjson::dom::parser& json = parser();
  if (json.max_depth() != kMaxJsonDepth &&
      json.allocate(std::max<std::size_t>(text.size(), 4096), kMaxJsonDepth) != simdjson::SUCCESS) {
    findings.fatal = Error(errors::kInternalFailure, "out of memory");
    return;
  }
  element root;
  if (json.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) {
    findings.fatal = Error(errors::kSerialization, "");
    return;
  }
  JsonDecoder(findings).structure(shape, root, structure, body_only, nullptr);
}

}  // namespace cumulet::wire
