#include "wire/validate.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "wire/attribute_value_json.h"
#include "wire/pattern.h"
#include "wire/scalars.h"

namespace cumulet::wire {
namespace {

/// AWS reports no more than this many at once.
constexpr std::size_t kMaxReported = 10;
/// A longer value is cut in messages.
constexpr std::size_t kMaxShown = 4'096;

bool is_scalar(const Shape& shape) {
  switch (shape.kind) {
    case Kind::kList:
    case Kind::kMap:
    case Kind::kStructure:
    case Kind::kStream:
    case Kind::kAttributeValue:
      return false;
    default:
      return true;
  }
}

bool has_own_constraint(const Shape& shape) {
  return shape.has_min || shape.has_max || shape.pattern != nullptr || !shape.enum_values.empty();
}

/// A value as messages show it: [a, b], {k=v}, Name(member=value).
std::string shown(const Shape& shape, const void* value);

struct ShowContext {
  const Shape* element;
  std::string* out;
};

std::string shown_members(const Shape& shape, const void* value) {
  std::string out = std::string(shape.name) + "(";
  for (const Member& member : shape.members) {
    const void* at = get_member(member, value);
    if (out.back() != '(') out += ", ";
    std::string name(member.name);
    if (name[0] >= 'A' && name[0] <= 'Z') name[0] = static_cast<char>(name[0] + 32);
    out += name + "=" + (at == nullptr ? "null" : shown(*member.shape, at));
  }
  return out + ")";
}

std::string shown(const Shape& shape, const void* value) {
  if (shape.sensitive) return "***";
  switch (shape.kind) {
    case Kind::kList: {
      std::string out = "[";
      for (std::size_t i = 0; i < shape.list->size(value); ++i) {
        if (i != 0) out += ", ";
        out += shown(*shape.element, shape.list->at(value, i));
      }
      return out + "]";
    }
    case Kind::kMap: {
      std::string out = "{";
      ShowContext context{shape.element, &out};
      shape.map->each(value, &context, [](void* context, const std::string& key, const void* entry) {
        const auto& show = *static_cast<ShowContext*>(context);
        if (show.out->size() > 1) *show.out += ", ";
        *show.out += key + "=" + shown(*show.element, entry);
      });
      return out + "}";
    }
    case Kind::kStructure:
      return shown_members(shape, value);
    case Kind::kAttributeValue:
      return attribute_value_json(*static_cast<const AttributeValue*>(value));
    default:
      return scalar_text(shape, time_format(nullptr, shape, TimeFormat::kIso8601), value);
  }
}

std::string bound_text(double bound) { return std::to_string(static_cast<std::int64_t>(bound)); }

std::string value_bound_text(const Shape& shape, double bound) {
  static constexpr Shape kNumber{.name = "Double", .kind = Kind::kDouble};
  return shape.kind == Kind::kDouble ? scalar_text(kNumber, TimeFormat::kDefault, &bound) : bound_text(bound);
}

/// What a min and a max are held against: value, length or count.
double measure(const Shape& shape, const void* value) {
  switch (shape.kind) {
    case Kind::kString:
      return static_cast<double>(utf8_length(*static_cast<const std::string*>(value)));
    case Kind::kBlob:
      return static_cast<double>(static_cast<const std::string*>(value)->size());
    case Kind::kInteger:
      return *static_cast<const std::int32_t*>(value);
    case Kind::kLong:
      return static_cast<double>(*static_cast<const std::int64_t*>(value));
    case Kind::kDouble:
      return *static_cast<const double*>(value);
    case Kind::kList:
      return static_cast<double>(shape.list->size(value));
    case Kind::kMap:
      return static_cast<double>(shape.map->size(value));
    default:
      return 0;
  }
}

std::string bound_message(const Shape& shape, bool lower) {
  const double bound = lower ? shape.min : shape.max;
  const std::string_view than = lower ? "greater than or equal to " : "less than or equal to ";
  if (shape.kind == Kind::kInteger || shape.kind == Kind::kLong || shape.kind == Kind::kDouble) {
    return "Member must have value " + std::string(than) + value_bound_text(shape, bound);
  }
  return "Member must have length " + std::string(than) + bound_text(bound);
}

std::string enum_message(const Shape& shape) {
  std::string out = "Member must satisfy enum value set: [";
  for (const std::string_view value : shape.enum_values) {
    if (out.back() != '[') out += ", ";
    out += value;
  }
  return out + "]";
}

std::string pattern_message(const Shape& shape) {
  return std::string("Member must satisfy regular expression pattern: ") + shape.pattern;
}

bool in_enum(const Shape& shape, const void* value) {
  const std::string_view text = *static_cast<const std::string*>(value);
  return shape.enum_values.empty() ||
         std::find(shape.enum_values.begin(), shape.enum_values.end(), text) != shape.enum_values.end();
}

/// Texts have at least a quarter as many characters as bytes and at most as many: most are within bounds by that alone.
bool surely_within_bounds(const Shape& shape, const void* value) {
  if (shape.kind != Kind::kString) return false;
  const auto bytes = static_cast<double>(static_cast<const std::string*>(value)->size());
  return (!shape.has_max || bytes <= shape.max) &&
         (!shape.has_min || bytes / 4 >= shape.min || (shape.min <= 1 && bytes >= 1));
}

/// The constraints of a shape, not of what is inside it, that a value breaks.
void broken(const Shape& shape, const void* value, std::vector<std::string>& out) {
  if ((shape.has_min || shape.has_max) && !surely_within_bounds(shape, value)) {
    const double measured = measure(shape, value);
    if (shape.has_max && measured > shape.max) out.push_back(bound_message(shape, false));
    if (shape.has_min && measured < shape.min) out.push_back(bound_message(shape, true));
  }
  if (shape.kind != Kind::kString) return;
  if (shape.pattern != nullptr && !matches_pattern(shape.pattern, *static_cast<const std::string*>(value))) {
    out.push_back(pattern_message(shape));
  }
  if (!in_enum(shape, value)) out.push_back(enum_message(shape));
}

/// All constraints of a scalar shape, as AWS lists them when an element of a list breaks one.
std::string all_constraints(const Shape& shape) {
  std::vector<std::string> all;
  if (shape.has_max) all.push_back(bound_message(shape, false));
  if (shape.has_min) all.push_back(bound_message(shape, true));
  if (shape.pattern != nullptr) all.push_back(pattern_message(shape));
  if (!shape.enum_values.empty()) all.push_back(enum_message(shape));
  return "[" + join(all, ", ") + "]";
}

class Validator {
 public:
  explicit Validator(const Findings& findings) : findings_(findings) {}

  void members(const Shape& shape, const void* structure, const Path* path) {
    for (const Member& member : shape.members) {
      if (full()) return;
      const Path here{path, Path::Step::kMember, member.name, 0};
      if (member.required && is_missing(here)) {
        report("null", here, "Member must not be null");
        continue;
      }
      if (!member.shape->constrained) continue;
      const void* at = get_member(member, structure);
      if (at != nullptr) value(*member.shape, at, here);
    }
  }

  std::optional<std::string> message() const {
    if (reports_.empty()) return std::nullopt;
    return std::to_string(reports_.size()) +
           (reports_.size() == 1 ? " validation error detected: " : " validation errors detected: ") +
           join(reports_, "; ");
  }

 private:
  void value(const Shape& shape, const void* at, const Path& path) {
    std::vector<std::string> messages;
    broken(shape, at, messages);
    for (const std::string& message : messages) report_value(shape, at, path, message);
    switch (shape.kind) {
      case Kind::kStructure:
        members(shape, at, &path);
        break;
      case Kind::kList:
        elements(shape, at, path);
        break;
      case Kind::kMap:
        entries(shape, at, path);
        break;
      default:
        break;
    }
  }

  void elements(const Shape& shape, const void* list, const Path& path) {
    const Shape& element = *shape.element;
    const bool scalar = is_scalar(element);
    if (!element.constrained && findings_.missing.empty()) return;
    for (std::size_t i = 0; i < shape.list->size(list) && !full(); ++i) {
      const Path here{&path, Path::Step::kElement, {}, i};
      if (is_missing(here)) {
        report("null", here, "Member must not be null");
      } else if (!scalar) {
        value(element, shape.list->at(list, i), here);
      } else if (breaks(element, shape.list->at(list, i))) {
        report_value(shape, list, path, "Member must satisfy constraint: " + all_constraints(element));
        return;
      }
    }
  }

  struct EntryContext {
    Validator* self;
    const Shape* shape;
    const Path* path;
    bool key_broken = false;
    bool value_broken = false;
  };

  void entries(const Shape& shape, const void* map, const Path& path) {
    EntryContext context{this, &shape, &path};
    shape.map->each(map, &context, [](void* opaque, const std::string& key, const void* at) {
      auto& entry = *static_cast<EntryContext*>(opaque);
      if (entry.self->full()) return;
      const Shape& element = *entry.shape->element;
      const Path here{entry.path, Path::Step::kEntry, key, 0};
      if (breaks(*entry.shape->key, &key)) entry.key_broken = true;
      if (entry.self->is_missing(here)) {
        entry.self->report("null", here, "Member must not be null");
      } else if (!is_scalar(element)) {
        if (element.constrained) entry.self->value(element, at, here);
      } else if (breaks(element, at)) {
        entry.value_broken = true;
      }
    });
    if (context.key_broken) {
      report_value(shape, map, path, "Map keys must satisfy constraint: " + all_constraints(*shape.key));
    }
    if (context.value_broken) {
      report_value(shape, map, path, "Map value must satisfy constraint: " + all_constraints(*shape.element));
    }
  }

  static bool breaks(const Shape& shape, const void* value) {
    if (!has_own_constraint(shape)) return false;
    std::vector<std::string> messages;
    broken(shape, value, messages);
    return !messages.empty();
  }

  bool is_missing(const Path& path) const {
    if (findings_.missing.empty()) return false;
    return std::find(findings_.missing.begin(), findings_.missing.end(), to_string(&path)) != findings_.missing.end();
  }

  bool full() const { return reports_.size() >= kMaxReported; }

  void report_value(const Shape& shape, const void* at, const Path& path, const std::string& message) {
    if (!full()) report("'" + cut(shown(shape, at)) + "'", path, message);
  }

  static std::string cut(std::string text) {
    if (text.size() <= kMaxShown) return text;
    std::size_t end = kMaxShown;
    while ((text[end] & 0xC0) == 0x80) --end;  // Not inside a character.
    return text.substr(0, end) + "...";
  }

  void report(const std::string& value, const Path& path, const std::string& message) {
    if (full()) return;
    reports_.push_back("Value " + value + " at '" + to_string(&path) + "' failed to satisfy constraint: " + message);
  }

  const Findings& findings_;
  std::vector<std::string> reports_;
};

}  // namespace

std::optional<std::string> validate(const Shape& shape, const void* structure, const Findings& findings) {
  Validator validator(findings);
  if (shape.constrained) validator.members(shape, structure, nullptr);
  std::optional<std::string> message = validator.message();
  if (message || findings.missing.empty()) return message;
  // A null inside a list or map that has no other constraint.
  return "1 validation error detected: Value null at '" + findings.missing.front() +
         "' failed to satisfy constraint: Member must not be null";
}

bool enums_hold(const Shape& shape, const void* value) {
  if (!shape.constrained) return true;
  switch (shape.kind) {
    case Kind::kString:
      return in_enum(shape, value);
    case Kind::kList:
      for (std::size_t i = 0; i < shape.list->size(value); ++i) {
        if (!enums_hold(*shape.element, shape.list->at(value, i))) return false;
      }
      return true;
    case Kind::kStructure:
      for (const Member& member : shape.members) {
        const void* at = get_member(member, value);
        if (at != nullptr && !enums_hold(*member.shape, at)) return false;
      }
      return true;
    default:
      return true;
  }
}

}  // namespace cumulet::wire
