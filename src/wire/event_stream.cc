#include "wire/event_stream.h"

#include <cstdint>

#include "base/digest.h"

namespace cumulet::wire {
namespace {

constexpr char kTextHeader = 7;
constexpr std::size_t kPrelude = 12;  ///< Both lengths and their checksum.
constexpr std::size_t kChecksum = 4;

void append(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>((number >> shift) & 0xff);
}

}  // namespace

std::string event_message(const EventHeaders& headers, std::string_view payload) {
  std::string encoded;
  for (const auto& [name, value] : headers) {
    append(encoded, name.size(), 1);
    encoded += name;
    encoded += kTextHeader;
    append(encoded, value.size(), 2);
    encoded += value;
  }
  std::string out;
  out.reserve(kPrelude + encoded.size() + payload.size() + kChecksum);
  append(out, kPrelude + encoded.size() + payload.size() + kChecksum, 4);
  append(out, encoded.size(), 4);
  append(out, crc32(0, out), 4);
  out += encoded;
  out += payload;
  append(out, crc32(0, out), 4);
  return out;
}

std::string event(std::string_view type, std::string_view content_type, std::string_view payload) {
  const EventHeaders headers{{":event-type", type}, {":content-type", content_type}, {":message-type", "event"}};
  return event_message(headers, payload);
}

std::string event_exception(std::string_view code, std::string_view content_type, std::string_view payload) {
  const EventHeaders headers{
      {":exception-type", code}, {":content-type", content_type}, {":message-type", "exception"}};
  return event_message(headers, payload);
}

}  // namespace cumulet::wire
