#include "services/cloudformation/value.h"

#include <algorithm>

#include "base/text.h"

namespace cumulet::cloudformation {

Value Value::boolean(bool value) {
  Value made;
  made.kind_ = Kind::kBoolean;
  made.text_ = value ? "true" : "false";
  return made;
}

Value Value::number(std::string text) {
  Value made;
  made.kind_ = Kind::kNumber;
  made.text_ = std::move(text);
  return made;
}

Value Value::string(std::string text) {
  Value made;
  made.kind_ = Kind::kString;
  made.text_ = std::move(text);
  return made;
}

Value Value::list(std::vector<Value> items) {
  Value made;
  made.kind_ = Kind::kList;
  made.items_ = std::move(items);
  return made;
}

Value Value::object(std::vector<Member> members) {
  Value made;
  made.kind_ = Kind::kObject;
  made.members_ = std::move(members);
  return made;
}

const Value* Value::find(std::string_view name) const {
  const auto found =
      std::find_if(members_.begin(), members_.end(), [name](const Member& member) { return member.first == name; });
  return found == members_.end() ? nullptr : &found->second;
}

Value* Value::find(std::string_view name) { return const_cast<Value*>(std::as_const(*this).find(name)); }

std::string Value::text_of(std::string_view name) const {
  const Value* member = find(name);
  return member != nullptr && member->is_scalar() ? member->text_ : std::string();
}

void Value::set(std::string name, Value value) {
  if (Value* existing = find(name)) {
    *existing = std::move(value);
  } else {
    members_.emplace_back(std::move(name), std::move(value));
  }
}

void Value::erase(std::string_view name) {
  std::erase_if(members_, [name](const Member& member) { return member.first == name; });
}

std::string Value::to_json() const {
  std::string out;
  write_json(out);
  return out;
}

void Value::write_json(std::string& out) const {
  switch (kind_) {
    case Kind::kNull:
      out += "null";
      return;
    case Kind::kBoolean:
    case Kind::kNumber:
      out += text_;
      return;
    case Kind::kString:
      out += '"' + json_escape(text_) + '"';
      return;
    case Kind::kList:
      out += '[';
      for (std::size_t i = 0; i < items_.size(); ++i) {
        if (i > 0) out += ',';
        items_[i].write_json(out);
      }
      out += ']';
      return;
    case Kind::kObject:
      out += '{';
      for (std::size_t i = 0; i < members_.size(); ++i) {
        if (i > 0) out += ',';
        out += '"' + json_escape(members_[i].first) + "\":";
        members_[i].second.write_json(out);
      }
      out += '}';
      return;
  }
}

bool operator==(const Value& a, const Value& b) {
  if (a.is_scalar() && b.is_scalar()) return a.text_ == b.text_;  // 3 and "3" are the same property.
  if (a.kind_ != b.kind_ || a.items_ != b.items_ || a.members_.size() != b.members_.size()) return false;
  return std::all_of(a.members_.begin(), a.members_.end(), [&b](const Value::Member& member) {
    const Value* other = b.find(member.first);
    return other != nullptr && *other == member.second;
  });
}

}  // namespace cumulet::cloudformation
