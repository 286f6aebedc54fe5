#include "wire/query_form.h"

#include <map>
#include <optional>

#include "base/text.h"
#include "wire/scalars.h"

namespace cumulet::wire {
namespace {

constexpr std::size_t kMaxFields = 20'000;
constexpr std::size_t kMaxSteps = 32;
constexpr std::size_t kMaxNameLength = 1'024;

/// The fields as the tree that their dotted names describe.
struct FormNode {
  std::optional<std::string_view> text;
  std::map<std::string_view, FormNode> children;

  const FormNode* find(std::string_view name) const {
    const auto found = children.find(name);
    return found == children.end() ? nullptr : &found->second;
  }
};

bool build_tree(const FormFields& fields, FormNode& root) {
  for (const auto& [name, text] : fields) {
    if (name.size() > kMaxNameLength) return false;
    FormNode* node = &root;
    std::size_t steps = 0;
    for (const std::string_view step : split(name, '.')) {
      if (++steps > kMaxSteps) return false;
      node = &node->children[step];
    }
    node->text = text;
  }
  return true;
}

/// The numbered children, by number.
std::map<std::int64_t, const FormNode*> numbered(const FormNode& node) {
  std::map<std::int64_t, const FormNode*> out;
  for (const auto& [name, child] : node.children) {
    const std::optional<std::int64_t> number = parse_int(name);
    if (number && *number >= 0) out[*number] = &child;
  }
  return out;
}

class FormDecoder {
 public:
  explicit FormDecoder(Findings& findings) : findings_(findings) {}

  bool structure(const Shape& shape, const FormNode& node, void* out, const Path* path) {
    for (const Member& member : shape.members) {
      const Path here{path, Path::Step::kMember, member.name, 0};
      const FormNode* child = node.find(member.wire_name);
      if (child == nullptr) {
        if (member.required) findings_.add_missing(here);
      } else if (!value(*member.shape, &member, *child, make_member(member, out), &here)) {
        return false;
      }
    }
    return true;
  }

 private:
  bool value(const Shape& shape, const Member* member, const FormNode& node, void* out, const Path* path) {
    const bool flattened = shape.flattened || (member != nullptr && member->flattened);
    switch (shape.kind) {
      case Kind::kStructure:
        return structure(shape, node, out, path);
      case Kind::kList:
        return list(shape, flattened ? &node : node.find(shape.element_name), out, path);
      case Kind::kMap:
        return map(shape, flattened ? &node : node.find("entry"), out, path);
      default:
        if (node.text && parse_scalar(shape, time_format(member, shape, TimeFormat::kIso8601), *node.text, out)) {
          return true;
        }
        return wrong(node.text ? *node.text : "");
    }
  }

  /// `entries` is null for an empty list, which forms write as "Tags=".
  bool list(const Shape& shape, const FormNode* entries, void* out, const Path* path) {
    if (entries == nullptr) return true;
    std::size_t index = 0;
    for (const auto& [number, child] : numbered(*entries)) {
      const Path here{path, Path::Step::kElement, {}, index++};
      if (!value(*shape.element, nullptr, *child, shape.list->append(out), &here)) return false;
    }
    return true;
  }

  bool map(const Shape& shape, const FormNode* entries, void* out, const Path* path) {
    if (entries == nullptr) return true;
    for (const auto& [number, child] : numbered(*entries)) {
      const FormNode* key = child->find(shape.key_name);
      const FormNode* entry = child->find(shape.element_name);
      if (key == nullptr || !key->text || entry == nullptr) return wrong("");
      const Path here{path, Path::Step::kEntry, *key->text, 0};
      if (!value(*shape.element, nullptr, *entry, shape.map->insert(out, std::string(*key->text)), &here)) return false;
    }
    return true;
  }

  bool wrong(std::string_view text) {
    findings_.fatal = Error("MalformedInput", 400, text.empty() ? "" : "Invalid value: " + std::string(text));
    return false;
  }

  Findings& findings_;
};

}  // namespace

bool parse_form(std::string_view text, FormFields& fields) {
  if (text.empty()) return true;
  for (const std::string_view part : split(text, '&')) {
    if (part.empty()) continue;
    if (fields.size() == kMaxFields) return false;
    const std::size_t equals = part.find('=');
    std::optional<std::string> name = uri_decode(part.substr(0, equals), true);
    std::optional<std::string> value =
        equals == std::string_view::npos ? std::string() : uri_decode(part.substr(equals + 1), true);
    if (!name || !value || !is_utf8(*name) || !is_utf8(*value)) return false;
    fields.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

void decode_form(const FormFields& fields, const Shape& shape, void* structure, Findings& findings) {
  FormNode root;
  if (!build_tree(fields, root)) {
    findings.fatal = Error("MalformedInput", 400, "");
    return;
  }
  FormDecoder(findings).structure(shape, root, structure, nullptr);
}

}  // namespace cumulet::wire
