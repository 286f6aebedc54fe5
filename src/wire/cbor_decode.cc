#include <bit>
#include <bitset>
#include <cmath>
#include <limits>
#include <optional>

#include "base/text.h"
#include "wire/cbor.h"
#include "wire/scalars.h"

namespace cumulet::wire {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxMembers = 192;
/// An empty map is one byte of a request and hundreds of ours. No operation takes as many.
constexpr std::size_t kMaxStructures = 100'000;

constexpr std::uint8_t kUnsigned = 0;
constexpr std::uint8_t kNegative = 1;
constexpr std::uint8_t kBytes = 2;
constexpr std::uint8_t kText = 3;
constexpr std::uint8_t kArray = 4;
constexpr std::uint8_t kMap = 5;
constexpr std::uint8_t kTag = 6;
constexpr std::uint8_t kSimple = 7;

/// The begin of a data item.
struct Head {
  Head() = default;
  std::uint8_t major = 0;
  std::uint8_t info = 0;       ///< The five low bits: how the argument is given.
  std::uint64_t argument = 0;  ///< Of a float its bits.
  bool indefinite() const { return info == 31; }
  bool null() const { return major == kSimple && (info == 22 || info == 23); }
};

double half_to_double(std::uint64_t bits) {
  const int exponent = static_cast<int>(bits >> 10 & 0x1f);
  const auto mantissa = static_cast<double>(bits & 0x3ff);
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent != 31) {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  } else {
    value = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

/// Reads data items one after the other. Every function is false when the bytes are no CBOR.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }
  /// The "break" that ends what has no length; taken when it is there.
  bool take_break() {
    if (rest_.empty() || rest_.front() != '\xff') return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool head(Head& out) {
    if (rest_.empty()) return false;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    out.major = first >> 5;
    out.info = first & 31;
    out.argument = out.info;
    if (out.info < 24) return true;
    if (out.info == 31) return out.major >= kBytes && out.major <= kMap;
    if (out.info > 27) return false;
    const std::size_t bytes = std::size_t{1} << (out.info - 24);
    if (rest_.size() < bytes) return false;
    out.argument = 0;
    for (std::size_t i = 0; i < bytes; ++i) out.argument = out.argument << 8 | static_cast<std::uint8_t>(rest_[i]);
    rest_.remove_prefix(bytes);
    return true;
  }

  /// The bytes of a string whose head was read.
  bool string(const Head& head, std::string& out) {
    if (!head.indefinite()) return take(head.argument, out);
    while (!take_break()) {
      Head chunk;
      if (!this->head(chunk) || chunk.major != head.major || chunk.indefinite()) return false;
      if (!take(chunk.argument, out)) return false;
    }
    return true;
  }

  bool skip(const Head& head, std::size_t depth) {
    if (depth > kMaxDepth) return false;
    switch (head.major) {
      case kUnsigned:
      case kNegative:
      case kSimple:
        return true;
      case kBytes:
      case kText: {
        std::string ignored;
        return string(head, ignored);
      }
      case kTag:
        return skip_one(depth + 1);
      default:
        break;
    }
    const std::uint64_t items = head.major == kMap ? 2 : 1;
    if (!head.indefinite() && head.argument > rest_.size()) return false;
    for (std::uint64_t i = 0; head.indefinite() ? !take_break() : i < head.argument; ++i) {
      for (std::uint64_t item = 0; item < items; ++item) {
        if (!skip_one(depth + 1)) return false;
      }
    }
    return true;
  }

 private:
  bool skip_one(std::size_t depth) {
    Head head;
    return this->head(head) && skip(head, depth);
  }

  bool take(std::uint64_t size, std::string& out) {
    if (size > rest_.size()) return false;
    out.append(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
};

class CborDecoder {
 public:
  CborDecoder(std::string_view bytes, CborTime time, Findings& findings)
      : reader_(bytes), time_(time), findings_(findings) {}

  bool document(const Shape& shape, void* out) {
    Head head;
    if (!reader_.head(head)) return broken();
    return structure(shape, head, out, nullptr, 0) && (reader_.at_end() || broken());
  }

 private:
  bool broken() {
    if (!findings_.fatal) findings_.fatal = Error(errors::kSerialization, "");
    return false;
  }
  bool wrong(std::string_view message) {
    if (!findings_.fatal) findings_.fatal = Error(errors::kSerialization, std::string(message));
    return false;
  }

  bool structure(const Shape& shape, const Head& head, void* out, const Path* path, std::size_t depth);
  bool member(const Shape& shape, const std::string& key, std::bitset<kMaxMembers>& seen, void* out, const Path* path,
              std::size_t depth);
  bool list(const Shape& shape, const Head& head, void* out, const Path* path, std::size_t depth);
  bool map(const Shape& shape, const Head& head, void* out, const Path* path, std::size_t depth);
  bool value(const Shape& shape, const Head& head, void* out, const Path* path, std::size_t depth);
  bool text(const Head& head, std::string& out);
  bool integer(const Head& head, std::int64_t& out);
  bool floating(const Head& head, double& out);
  bool timestamp(const Head& head, Timestamp& out);
  /// What stands for the next entry of a list or a map; false at its end or when the bytes are broken.
  bool more(const Head& head, std::uint64_t done) {
    return head.indefinite() ? !reader_.take_break() : done < head.argument;
  }
  bool next(Head& head) { return reader_.head(head) || broken(); }

  Reader reader_;
  const CborTime time_;
  Findings& findings_;
  std::size_t structures_ = 0;
};

bool CborDecoder::structure(const Shape& shape, const Head& head, void* out, const Path* path, std::size_t depth) {
  if (head.major != kMap) return wrong("Unexpected field type");
  if (depth > kMaxDepth || ++structures_ > kMaxStructures) return wrong("Too many structures");
  std::bitset<kMaxMembers> seen;
  for (std::uint64_t done = 0; more(head, done); ++done) {
    Head key_head;
    std::string key;
    if (!next(key_head) || !text(key_head, key)) return broken();
    if (!member(shape, key, seen, out, path, depth)) return false;
  }
  for (std::size_t i = 0; i < shape.members.size(); ++i) {
    const Member& wanted = shape.members[i];
    if (!wanted.required || seen.test(i)) continue;
    const Path here{path, Path::Step::kMember, wanted.name, 0};
    findings_.add_missing(here);
  }
  return true;
}

bool CborDecoder::member(const Shape& shape, const std::string& key, std::bitset<kMaxMembers>& seen, void* out,
                         const Path* path, std::size_t depth) {
  Head head;
  if (!next(head)) return false;
  if (head.null()) return true;
  for (std::size_t at = 0; at < shape.members.size(); ++at) {
    const Member& member = shape.members[at];
    if (member.wire_name != key) continue;
    if (seen.test(at) || member.shape->kind == Kind::kStream) break;
    seen.set(at);
    const Path here{path, Path::Step::kMember, member.name, 0};
    return value(*member.shape, head, make_member(member, out), &here, depth + 1);
  }
  return reader_.skip(head, depth + 1) || broken();
}

bool CborDecoder::value(const Shape& shape, const Head& head, void* out, const Path* path, std::size_t depth) {
  std::int64_t number = 0;
  switch (shape.kind) {
    case Kind::kStructure:
      return structure(shape, head, out, path, depth);
    case Kind::kList:
      return list(shape, head, out, path, depth);
    case Kind::kMap:
      return map(shape, head, out, path, depth);
    case Kind::kString:
      return text(head, *static_cast<std::string*>(out));
    case Kind::kBlob:
      static_cast<std::string*>(out)->clear();
      if (head.major != kBytes) return wrong("Unexpected field type");
      return reader_.string(head, *static_cast<std::string*>(out)) || broken();
    case Kind::kInteger:
      if (!integer(head, number)) return false;
      if (number > std::numeric_limits<std::int32_t>::max() || number < std::numeric_limits<std::int32_t>::min()) {
        return wrong("NUMBER_VALUE cannot be converted to Integer");
      }
      *static_cast<std::int32_t*>(out) = static_cast<std::int32_t>(number);
      return true;
    case Kind::kLong:
      return integer(head, *static_cast<std::int64_t*>(out));
    case Kind::kDouble:
      return floating(head, *static_cast<double*>(out));
    case Kind::kBoolean:
      if (head.major != kSimple || (head.info != 20 && head.info != 21)) return wrong("Unexpected field type");
      *static_cast<bool*>(out) = head.info == 21;
      return true;
    case Kind::kTimestamp:
      return timestamp(head, *static_cast<Timestamp*>(out));
    case Kind::kAttributeValue:
    case Kind::kStream:
      break;
  }
  return reader_.skip(head, depth) || broken();
}

bool CborDecoder::text(const Head& head, std::string& out) {
  out.clear();
  if (head.major != kText) return wrong("Unexpected field type");
  if (!reader_.string(head, out)) return broken();
  return is_utf8(out) || wrong("Text is not valid UTF-8");
}

bool CborDecoder::integer(const Head& head, std::int64_t& out) {
  constexpr std::uint64_t kLimit = std::numeric_limits<std::int64_t>::max();
  if (head.major == kUnsigned || head.major == kNegative) {
    if (head.argument > kLimit) return wrong("NUMBER_VALUE cannot be converted to Long");
    const auto number = static_cast<std::int64_t>(head.argument);
    out = head.major == kUnsigned ? number : -1 - number;
    return true;
  }
  double number = 0;
  if (!floating(head, number)) return false;
  if (number != std::floor(number) || std::fabs(number) > 9e15) {
    return wrong("DECIMAL_VALUE cannot be converted to Long");
  }
  out = static_cast<std::int64_t>(number);
  return true;
}

bool CborDecoder::floating(const Head& head, double& out) {
  if (head.major == kUnsigned || head.major == kNegative) {
    out = head.major == kUnsigned ? static_cast<double>(head.argument) : -1 - static_cast<double>(head.argument);
    return true;
  }
  if (head.major != kSimple || head.info < 25 || head.info > 27) return wrong("Unexpected field type");
  if (head.info == 25) {
    out = half_to_double(head.argument);
  } else if (head.info == 26) {
    out = std::bit_cast<float>(static_cast<std::uint32_t>(head.argument));
  } else {
    out = std::bit_cast<double>(head.argument);
  }
  return true;
}

bool CborDecoder::timestamp(const Head& head, Timestamp& out) {
  Head number_head = head;
  if (head.major == kTag) {
    if (head.argument != 1) return wrong("Unexpected field type");
    if (!next(number_head)) return false;
  }
  double number = 0;
  if (!floating(number_head, number)) return false;
  return timestamp_from_epoch(time_ == CborTime::kMillis ? number / 1000 : number, out) ||
         wrong("NUMBER_VALUE cannot be converted to Date");
}

bool CborDecoder::list(const Shape& shape, const Head& head, void* out, const Path* path, std::size_t depth) {
  if (head.major != kArray) return wrong("Unexpected field type");
  if (depth > kMaxDepth || (!head.indefinite() && head.argument > reader_.left())) return broken();
  shape.list->clear(out);
  const std::size_t wanted = wanted_elements(shape);
  for (std::uint64_t done = 0; more(head, done); ++done) {
    Head entry;
    if (!next(entry)) return false;
    if (done >= wanted) {
      if (!reader_.skip(entry, depth + 1)) return broken();
      continue;
    }
    void* at = shape.list->append(out);
    const Path here{path, Path::Step::kElement, {}, static_cast<std::size_t>(done)};
    if (entry.null()) {
      findings_.add_missing(here);
    } else if (!value(*shape.element, entry, at, &here, depth + 1)) {
      return false;
    }
  }
  return true;
}

bool CborDecoder::map(const Shape& shape, const Head& head, void* out, const Path* path, std::size_t depth) {
  if (head.major != kMap) return wrong("Unexpected field type");
  if (depth > kMaxDepth) return broken();
  shape.map->clear(out);
  for (std::uint64_t done = 0; more(head, done); ++done) {
    Head key_head;
    Head entry;
    std::string key;
    if (!next(key_head) || !text(key_head, key) || !next(entry)) return broken();
    const Path here{path, Path::Step::kEntry, key, 0};
    if (entry.null()) {
      findings_.add_missing(here);
    } else if (!value(*shape.element, entry, shape.map->insert(out, key), &here, depth + 1)) {
      return false;
    }
  }
  return true;
}

}  // namespace

void decode_cbor(std::string_view bytes, const Shape& shape, void* structure, CborTime time, Findings& findings) {
  CborDecoder(bytes, time, findings).document(shape, structure);
}

}  // namespace cumulet::wire
