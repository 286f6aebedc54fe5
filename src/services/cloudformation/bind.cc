#include "services/cloudformation/bind.h"

#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "services/cloudformation/template.h"

namespace cumulet::cloudformation {
namespace {

using wire::Kind;
using wire::Member;
using wire::Shape;

Error wrong_kind(const std::string& path, const char* wanted) {
  return validation_error("Properties validation failed: #" + path + ": expected type: " + wanted);
}

Result<void> put(const Value& value, const Shape& shape, void* target, const std::string& path);

Result<void> put_scalar(const Value& value, const Shape& shape, void* target, const std::string& path) {
  if (shape.kind == Kind::kString || shape.kind == Kind::kBlob) {
    // A document where the API wants its text: policies.
    *static_cast<std::string*>(target) = value.is_scalar() ? value.text() : value.to_json();
    return {};
  }
  if (!value.is_scalar()) return wrong_kind(path, "a scalar");
  const std::string& text = value.text();
  switch (shape.kind) {
    case Kind::kBoolean:
      if (text != "true" && text != "false") return wrong_kind(path, "Boolean");
      *static_cast<bool*>(target) = text == "true";
      return {};
    case Kind::kInteger:
    case Kind::kLong: {
      const std::optional<std::int64_t> number = parse_int(text);
      if (!number) return wrong_kind(path, "Integer");
      if (shape.kind == Kind::kLong) {
        *static_cast<std::int64_t*>(target) = *number;
      } else {
        *static_cast<std::int32_t*>(target) = static_cast<std::int32_t>(*number);
      }
      return {};
    }
    case Kind::kDouble:
      *static_cast<double*>(target) = std::strtod(text.c_str(), nullptr);
      return {};
    case Kind::kTimestamp:
      if (!parse_iso8601(text, *static_cast<Timestamp*>(target))) return wrong_kind(path, "Timestamp");
      return {};
    default:
      return wrong_kind(path, "something else");
  }
}

Result<void> put_structure(const Value& value, const Shape& shape, void* structure, const std::string& path) {
  if (!value.is_object()) return wrong_kind(path, "JSONObject");
  for (const Member& member : shape.members) {
    const Value* given = value.find(member.name);
    if (given == nullptr || given->is_null()) continue;
    void* at = static_cast<char*>(structure) + member.offset;
    if (member.holder != nullptr) at = member.holder->make(at);
    Result<void> done = put(*given, *member.shape, at, path + "/" + std::string(member.name));
    if (!done.ok()) return done;
  }
  return {};
}

Result<void> put(const Value& value, const Shape& shape, void* target, const std::string& path) {
  switch (shape.kind) {
    case Kind::kStructure:
      return put_structure(value, shape, target, path);
    case Kind::kList: {
      if (!value.is_list()) return wrong_kind(path, "JSONArray");
      std::size_t index = 0;
      for (const Value& item : value.items()) {
        Result<void> done = put(item, *shape.element, shape.list->append(target), path + "/" + std::to_string(index++));
        if (!done.ok()) return done;
      }
      return {};
    }
    case Kind::kMap: {
      // Tags are a list of Key and Value in most resource types, and a map in some APIs.
      if (value.is_list()) {
        for (const Value& item : value.items()) {
          Result<void> done = put_scalar(Value::string(item.text_of("Value")), *shape.element,
                                         shape.map->insert(target, item.text_of("Key")), path);
          if (!done.ok()) return done;
        }
        return {};
      }
      if (!value.is_object()) return wrong_kind(path, "JSONObject");
      for (const auto& [name, member] : value.members()) {
        Result<void> done = put(member, *shape.element, shape.map->insert(target, name), path + "/" + name);
        if (!done.ok()) return done;
      }
      return {};
    }
    default:
      return put_scalar(value, shape, target, path);
  }
}

}  // namespace

Result<void> bind(const Value& properties, const Shape& shape, void* structure) {
  return put_structure(properties, shape, structure, "");
}

}  // namespace cumulet::cloudformation
