#pragma once

#include <string>
#include <string_view>

#include "wire/decoding.h"
#include "wire/schema.h"
#include "wire/xml_reader.h"

/// XML to and from generated structs, driven by their shapes.
namespace cumulet::wire {

/// Fills `structure` from an element's children. Unknown elements are ignored; findings.fatal is MalformedXML.
void decode_xml(const XmlElement& element, const Shape& shape, void* structure, Findings& findings);

/// How XML comes out of a service.
struct XmlStyle {
  bool millis = false;  ///< S3: timestamps always have milliseconds.
};

/// Appends the elements of a structure's members (those of the body, with `body_only`), without an element around them.
void encode_xml_members(const Shape& shape, const void* structure, bool body_only, XmlStyle style, std::string& out);
/// Appends the attributes that a structure's members make on its element.
void encode_xml_attributes(const Shape& shape, const void* structure, std::string& out);

/// Character data and attribute values: also control characters, as references, since object keys may hold them.
void append_xml_text(std::string_view text, std::string& out);
void append_xml_element(std::string_view name, std::string_view text, std::string& out);

}  // namespace cumulet::wire
