#include "wire/scalars.h"
#include "wire/xml.h"

namespace cumulet::wire {
namespace {

class XmlEncoder {
 public:
  XmlEncoder(std::string& out, XmlStyle style) : out_(out), style_(style) {}

  void members(const Shape& shape, const void* structure, bool body_only) {
    for (const Member& member : shape.members) {
      if (member.xml_attribute || (body_only && member.location != Location::kBody)) continue;
      const void* value = get_member(member, structure);
      if (value == nullptr) continue;
      if (!member.flattened) {
        element(member.wire_name, *member.shape, &member, value);
      } else if (member.shape->kind == Kind::kList) {
        elements(member.wire_name, *member.shape, value);
      } else {
        entries(member.wire_name, *member.shape, value);
      }
    }
  }

 private:
  void open(std::string_view name) {
    out_ += '<';
    out_ += name;
  }
  void close(std::string_view name) {
    out_ += "</";
    out_ += name;
    out_ += '>';
  }

  void element(std::string_view name, const Shape& shape, const Member* member, const void* value) {
    open(name);
    if (member != nullptr && !member->xml_namespace.empty() && !member->xml_prefix.empty()) {
      out_ += " xmlns:";
      out_ += member->xml_prefix;
      out_ += "=\"";
      out_ += member->xml_namespace;
      out_ += '"';
    }
    if (shape.kind == Kind::kStructure) encode_xml_attributes(shape, value, out_);
    out_ += '>';
    content(shape, member, value);
    close(name);
  }

  void content(const Shape& shape, const Member* member, const void* value) {
    switch (shape.kind) {
      case Kind::kStructure:
        members(shape, value, false);
        break;
      case Kind::kList:
        elements(shape.element_name, shape, value);
        break;
      case Kind::kMap:
        entries("entry", shape, value);
        break;
      default:
        append_xml_text(scalar_text(shape, time_format(member, shape, TimeFormat::kIso8601), value, style_.millis),
                        out_);
    }
  }

  void elements(std::string_view name, const Shape& shape, const void* list) {
    for (std::size_t i = 0; i < shape.list->size(list); ++i) {
      element(name, *shape.element, nullptr, shape.list->at(list, i));
    }
  }

  struct EntryContext {
    XmlEncoder* self;
    std::string_view name;
    const Shape* shape;
  };

  void entries(std::string_view name, const Shape& shape, const void* map) {
    EntryContext context{this, name, &shape};
    shape.map->each(map, &context, [](void* opaque, const std::string& key, const void* value) {
      const auto& entry = *static_cast<EntryContext*>(opaque);
      entry.self->open(entry.name);
      entry.self->out_ += '>';
      append_xml_element(entry.shape->key_name, key, entry.self->out_);
      entry.self->element(entry.shape->element_name, *entry.shape->element, nullptr, value);
      entry.self->close(entry.name);
    });
  }

  std::string& out_;
  XmlStyle style_;
};

}  // namespace

void append_xml_text(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 && c != '\n' && c != '\t') {
          out += "&#x";
          if (byte >= 16) out += kHex[byte >> 4];
          out += kHex[byte & 15];
          out += ';';
        } else {
          out += c;
        }
      }
    }
  }
}

void append_xml_element(std::string_view name, std::string_view text, std::string& out) {
  out += '<';
  out += name;
  out += '>';
  append_xml_text(text, out);
  out += "</";
  out += name;
  out += '>';
}

void encode_xml_attributes(const Shape& shape, const void* structure, std::string& out) {
  for (const Member& member : shape.members) {
    const void* value = member.xml_attribute ? get_member(member, structure) : nullptr;
    if (value == nullptr) continue;
    out += ' ';
    out += member.wire_name;
    out += "=\"";
    append_xml_text(scalar_text(*member.shape, time_format(&member, *member.shape, TimeFormat::kIso8601), value), out);
    out += '"';
  }
}

void encode_xml_members(const Shape& shape, const void* structure, bool body_only, XmlStyle style, std::string& out) {
  XmlEncoder(out, style).members(shape, structure, body_only);
}

}  // namespace cumulet::wire
