#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "services/sqs/model.h"
#include "wire/generated/sqs.h"

/// What a message may hold, and its digests.
namespace cumulet::sqs {

inline constexpr std::size_t kMaxMessageBytes = 1'048'576;

/// #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF
bool has_allowed_characters(std::string_view text);

/// The user's attributes of a message; fails with InvalidParameterValue.
Result<std::map<std::string, Attribute>> attributes_from(
    const std::map<std::string, wire::sqs::MessageAttributeValue>& given);
wire::sqs::MessageAttributeValue shown(const Attribute& attribute);

/// What counts against the limit: the body, and names, types and values of the attributes.
std::size_t message_bytes(std::string_view body, const std::map<std::string, Attribute>& attributes);

/// Hex digests, as the SDKs verify them. An empty map has none.
std::string md5_of(std::string_view body);
std::optional<std::string> md5_of(const std::map<std::string, Attribute>& attributes);

/// The attributes that a receive asks for: names, "All", ".*", and prefixes like "bar.*".
bool wants_attribute(const std::vector<std::string>& wanted, std::string_view name);

/// MessageGroupId and MessageDeduplicationId: 1 to 128 letters, digits and punctuation.
bool is_valid_fifo_id(std::string_view id);
/// A batch entry's Id: 1 to 80 letters, digits, hyphens and underscores.
bool is_valid_entry_id(std::string_view id);

}  // namespace cumulet::sqs
