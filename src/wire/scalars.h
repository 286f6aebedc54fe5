#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "wire/schema.h"

/// The text of scalars in XML, forms, headers, query strings and labels.
namespace cumulet::wire {

/// Which format a timestamp has: the member's own, the shape's, or the one that its place implies.
TimeFormat time_format(const Member* member, const Shape& shape, TimeFormat of_place);

/// Reads a string, number, boolean, timestamp or blob (base64) into its C++ type; false when the text is none.
bool parse_scalar(const Shape& shape, TimeFormat format, std::string_view text, void* value);
/// Timestamps show milliseconds where they have any, or always with `millis`.
std::string scalar_text(const Shape& shape, TimeFormat format, const void* value, bool millis = false);

/// Epoch seconds with up to three decimals.
std::string epoch_text(Timestamp time);
/// False for a time that is out of any calendar's range.
bool timestamp_from_epoch(double seconds, Timestamp& time);

}  // namespace cumulet::wire
