#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Messages of application/vnd.amazon.eventstream: how a response goes on and on.
/// https://smithy.io/2.0/aws/amazon-eventstream.html
namespace cumulet::wire {

/// Headers are text; names have at most 255 bytes.
using EventHeaders = std::vector<std::pair<std::string_view, std::string_view>>;

/// One message: its length, headers and payload, each part with its checksum.
std::string event_message(const EventHeaders& headers, std::string_view payload);

/// A message that carries an event.
std::string event(std::string_view type, std::string_view content_type, std::string_view payload);
/// A message that ends the stream with an error of the model.
std::string event_exception(std::string_view code, std::string_view content_type, std::string_view payload);

}  // namespace cumulet::wire
