#include "wire/scalars.h"
#include "wire/xml.h"

namespace cumulet::wire {
namespace {

constexpr std::string_view kNotValid =
    "The XML you provided was not well-formed or did not validate against our published schema";

std::string_view local_part(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

class XmlDecoder {
 public:
  explicit XmlDecoder(Findings& findings) : findings_(findings) {}

  bool structure(const Shape& shape, const XmlElement& element, void* out, const Path* path) {
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const Member& member = shape.members[i];
      if (member.location != Location::kBody) continue;
      const Path here{path, Path::Step::kMember, member.name, 0};
      bool found = false;
      if (!this->member(member, element, out, &here, found)) return false;
      if (member.required && !found) findings_.add_missing(here);
    }
    return true;
  }

 private:
  bool member(const Member& member, const XmlElement& element, void* out, const Path* path, bool& found) {
    const Shape& shape = *member.shape;
    if (member.xml_attribute) {
      for (const auto& [name, text] : element.attributes) {
        if (name != local_part(member.wire_name)) continue;
        found = true;
        return parse_scalar(shape, time_format(&member, shape, TimeFormat::kIso8601), text, make_member(member, out)) ||
               wrong();
      }
      return true;
    }
    if (member.flattened && (shape.kind == Kind::kList || shape.kind == Kind::kMap)) {
      return flattened(member, element, out, path, found);
    }
    const XmlElement* child = element.find(member.wire_name);
    if (child == nullptr) return true;
    found = true;
    return value(shape, &member, *child, make_member(member, out), path);
  }

  /// The entries stand among the other members, each under the member's own name.
  bool flattened(const Member& member, const XmlElement& element, void* out, const Path* path, bool& found) {
    void* container = nullptr;
    std::size_t index = 0;
    for (const XmlElement& child : element.children) {
      if (child.name != member.wire_name) continue;
      if (!found) container = make_member(member, out);
      found = true;
      const bool good = member.shape->kind == Kind::kList ? list_element(*member.shape, child, container, index++, path)
                                                          : map_entry(*member.shape, child, container, path);
      if (!good) return false;
    }
    return true;
  }

  bool value(const Shape& shape, const Member* member, const XmlElement& element, void* out, const Path* path) {
    std::size_t index = 0;
    switch (shape.kind) {
      case Kind::kStructure:
        return structure(shape, element, out, path);
      case Kind::kList:
        for (const XmlElement& child : element.children) {
          if (child.name == shape.element_name && !list_element(shape, child, out, index++, path)) return false;
        }
        return true;
      case Kind::kMap:
        for (const XmlElement& child : element.children) {
          if (child.name == "entry" && !map_entry(shape, child, out, path)) return false;
        }
        return true;
      default:
        return parse_scalar(shape, time_format(member, shape, TimeFormat::kIso8601), element.text, out) || wrong();
    }
  }

  bool list_element(const Shape& shape, const XmlElement& element, void* list, std::size_t index, const Path* path) {
    if (index >= wanted_elements(shape)) return true;
    const Path here{path, Path::Step::kElement, {}, index};
    return value(*shape.element, nullptr, element, shape.list->append(list), &here);
  }

  bool map_entry(const Shape& shape, const XmlElement& element, void* map, const Path* path) {
    const XmlElement* key = element.find(shape.key_name);
    const XmlElement* entry = element.find(shape.element_name);
    if (key == nullptr || entry == nullptr) return wrong();
    const Path here{path, Path::Step::kEntry, key->text, 0};
    return value(*shape.element, nullptr, *entry, shape.map->insert(map, key->text), &here);
  }

  bool wrong() {
    findings_.fatal = Error("MalformedXML", 400, std::string(kNotValid));
    return false;
  }

  Findings& findings_;
};

}  // namespace

void decode_xml(const XmlElement& element, const Shape& shape, void* structure, Findings& findings) {
  XmlDecoder(findings).structure(shape, element, structure, nullptr);
}

}  // namespace cumulet::wire
