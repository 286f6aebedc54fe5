#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cumulet::wire {

/// One element of an XML document. Names are without their namespace prefix.
struct XmlElement {
  std::string name;
  std::string text;  ///< Its character data, all pieces joined.
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<XmlElement> children;

  /// The first child of that name; null without one.
  const XmlElement* find(std::string_view child) const;
};

/// Parses a whole document. Nullopt when it is not well-formed, has a DOCTYPE (hence no entities of its own), nests
/// deeper than 64 or has more than 80,000 elements and attributes.
std::optional<XmlElement> parse_xml(std::string_view text);

}  // namespace cumulet::wire
