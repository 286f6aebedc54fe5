#include "services/sqs/message_rules.h"

#include <algorithm>

#include "base/digest.h"
#include "base/text.h"
#include "services/sqs/errors.h"

namespace cumulet::sqs {
namespace {

constexpr std::size_t kMaxAttributes = 10;
constexpr std::size_t kMaxNameLength = 256;
constexpr std::size_t kMaxIdLength = 128;
constexpr std::size_t kMaxEntryIdLength = 80;

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_valid_name(std::string_view name) {
  const bool characters = std::all_of(name.begin(), name.end(),
                                      [](char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; });
  if (name.empty() || name.size() > kMaxNameLength || !characters) return false;
  const std::string lower = to_lower(name);
  return !lower.starts_with("aws.") && !lower.starts_with("amazon.") && name.front() != '.' && name.back() != '.' &&
         name.find("..") == std::string_view::npos;
}

bool is_binary(std::string_view type) { return type == "Binary" || type.starts_with("Binary."); }
bool is_number(std::string_view type) { return type == "Number" || type.starts_with("Number."); }
bool is_string(std::string_view type) { return type == "String" || type.starts_with("String."); }

bool is_numeric(std::string_view text) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  std::size_t digits = 0;
  bool point = false;
  for (; at < text.size(); ++at) {
    if (text[at] >= '0' && text[at] <= '9') {
      ++digits;
    } else if (text[at] == '.' && !point) {
      point = true;
    } else {
      break;
    }
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) return parse_int(text.substr(at + 1)).has_value();
  return at == text.size();
}

Result<Attribute> attribute_from(const std::string& name, const wire::sqs::MessageAttributeValue& given) {
  const auto bad = [&name](std::string why) {
    return invalid_parameter("The message attribute '" + name + "' " + std::move(why));
  };
  if (given.data_type.empty()) return bad("must contain a non-empty message attribute type.");
  if (given.data_type.size() > kMaxNameLength ||
      (!is_string(given.data_type) && !is_number(given.data_type) && !is_binary(given.data_type))) {
    return bad(
        "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.");
  }
  if (given.string_list_values && !given.string_list_values->empty()) {
    return Error(wire::sqs::errors::kUnsupportedOperation,
                 "Message attribute list values in SendMessage operation are not supported.");
  }
  Attribute attribute;
  attribute.data_type = given.data_type;
  const std::optional<std::string>& value = is_binary(given.data_type) ? given.binary_value : given.string_value;
  if (!value || value->empty()) {
    return bad("must contain a non-empty message attribute value for message attribute type '" + given.data_type +
               "'.");
  }
  if (!is_binary(given.data_type) && !has_allowed_characters(*value)) {
    return Error(wire::sqs::errors::kInvalidMessageContents,
                 "Invalid characters in the value of the message attribute '" + name + "'.");
  }
  if (is_number(given.data_type) && !is_numeric(*value)) {
    return invalid_parameter("Can't cast the value of message (user) attribute '" + name + "' to a number.");
  }
  attribute.value = *value;
  return attribute;
}

void add_length(Digest& digest, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  const char bytes[4] = {static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                         static_cast<char>(size)};
  digest.update(std::string_view(bytes, 4));
  digest.update(text);
}

}  // namespace

bool has_allowed_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 && byte != 0x09 && byte != 0x0a && byte != 0x0d) return false;
    // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
    const bool three = byte == 0xef && i + 2 < text.size();
    if (three && static_cast<unsigned char>(text[i + 1]) == 0xbf && static_cast<unsigned char>(text[i + 2]) >= 0xbe) {
      return false;
    }
  }
  return is_utf8(text);
}

Result<std::map<std::string, Attribute>> attributes_from(
    const std::map<std::string, wire::sqs::MessageAttributeValue>& given) {
  if (given.size() > kMaxAttributes) {
    return invalid_parameter("Number of message attributes [" + std::to_string(given.size()) +
                             "] exceeds the allowed maximum [10].");
  }
  std::map<std::string, Attribute> attributes;
  for (const auto& [name, value] : given) {
    if (!is_valid_name(name)) {
      return invalid_parameter(
          "The message attribute name '" + name +
          "' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.) "
          "characters; it must not start with AWS-reserved prefixes, and must not start or end with a period.");
    }
    Result<Attribute> attribute = attribute_from(name, value);
    if (!attribute) return std::move(attribute).error();
    attributes.emplace(name, std::move(*attribute));
  }
  return attributes;
}

wire::sqs::MessageAttributeValue shown(const Attribute& attribute) {
  wire::sqs::MessageAttributeValue value;
  value.data_type = attribute.data_type;
  (is_binary(attribute.data_type) ? value.binary_value : value.string_value) = attribute.value;
  return value;
}

std::size_t message_bytes(std::string_view body, const std::map<std::string, Attribute>& attributes) {
  std::size_t bytes = body.size();
  for (const auto& [name, attribute] : attributes) {
    bytes += name.size() + attribute.data_type.size() + attribute.value.size();
  }
  return bytes;
}

std::string md5_of(std::string_view body) { return hex_encode(md5(body)); }

std::optional<std::string> md5_of(const std::map<std::string, Attribute>& attributes) {
  if (attributes.empty()) return std::nullopt;
  Digest digest(DigestKind::kMd5);
  for (const auto& [name, attribute] : attributes) {
    add_length(digest, name);
    add_length(digest, attribute.data_type);
    digest.update(is_binary(attribute.data_type) ? std::string_view("\x02", 1) : std::string_view("\x01", 1));
    add_length(digest, attribute.value);
  }
  return hex_encode(digest.finish());
}

bool wants_attribute(const std::vector<std::string>& wanted, std::string_view name) {
  return std::any_of(wanted.begin(), wanted.end(), [name](const std::string& one) {
    if (one == "All" || one == ".*" || one == name) return true;
    return one.ends_with(".*") && name.starts_with(std::string_view(one).substr(0, one.size() - 2));
  });
}

bool is_valid_fifo_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdLength &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_valid_entry_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxEntryIdLength &&
         std::all_of(id.begin(), id.end(), [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
}

}  // namespace cumulet::sqs
