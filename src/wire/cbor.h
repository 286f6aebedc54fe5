#pragma once

#include <string>
#include <string_view>

#include "wire/decoding.h"
#include "wire/schema.h"

/// CBOR (RFC 8949) to and from generated structs, driven by their shapes.
namespace cumulet::wire {

/// Numbers with tag 1 are times: seconds since 1970 in Smithy RPC v2, milliseconds in application/x-amz-cbor-1.1.
enum class CborTime { kSeconds, kMillis };

/// Fills `structure` (of `shape`, a structure) from one CBOR data item. Unknown members are ignored, null and undefined
/// count as absent. Strict: nothing may follow, lengths must fit, at most 64 levels. findings.fatal is a
/// SerializationException.
void decode_cbor(std::string_view bytes, const Shape& shape, void* structure, CborTime time, Findings& findings);

std::string encode_cbor(const Shape& shape, const void* structure, CborTime time);

/// For documents that have no shape (errors): text and maps of text.
class CborWriter {
 public:
  CborWriter& map(std::size_t members) { return head(5, members); }
  CborWriter& array(std::size_t elements) { return head(4, elements); }
  CborWriter& text(std::string_view value);
  CborWriter& blob(std::string_view value);
  CborWriter& integer(std::int64_t value);
  CborWriter& number(double value);
  CborWriter& boolean(bool value);
  CborWriter& tag(std::uint64_t number) { return head(6, number); }
  std::string take() { return std::move(out_); }

 private:
  CborWriter& head(unsigned major, std::uint64_t argument);
  std::string out_;
};

}  // namespace cumulet::wire
