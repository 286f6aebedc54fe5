#include <bit>
#include <cmath>

#include "base/clock.h"
#include "wire/cbor.h"

namespace cumulet::wire {

CborWriter& CborWriter::head(unsigned major, std::uint64_t argument) {
  const auto first = static_cast<unsigned char>(major << 5);
  int bytes = 8;
  if (argument < 24) {
    out_ += static_cast<char>(first | argument);
    return *this;
  }
  unsigned char length = 27;
  if (argument <= 0xff) {
    bytes = 1;
    length = 24;
  } else if (argument <= 0xffff) {
    bytes = 2;
    length = 25;
  } else if (argument <= 0xffffffff) {
    bytes = 4;
    length = 26;
  }
  out_ += static_cast<char>(first | length);
  for (int i = bytes - 1; i >= 0; --i) out_ += static_cast<char>(argument >> (8 * i));
  return *this;
}

CborWriter& CborWriter::text(std::string_view value) {
  head(3, value.size());
  out_ += value;
  return *this;
}

CborWriter& CborWriter::blob(std::string_view value) {
  head(2, value.size());
  out_ += value;
  return *this;
}

CborWriter& CborWriter::integer(std::int64_t value) {
  return value >= 0 ? head(0, static_cast<std::uint64_t>(value)) : head(1, ~static_cast<std::uint64_t>(value));
}

CborWriter& CborWriter::number(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  out_ += '\xfb';
  for (int i = 7; i >= 0; --i) out_ += static_cast<char>(bits >> (8 * i));
  return *this;
}

CborWriter& CborWriter::boolean(bool value) {
  out_ += value ? '\xf5' : '\xf4';
  return *this;
}

namespace {

class CborEncoder {
 public:
  CborEncoder(CborWriter& cbor, CborTime time) : cbor_(cbor), time_(time) {}

  void structure(const Shape& shape, const void* structure) {
    std::size_t present = 0;
    for (const Member& member : shape.members) present += is_written(member, structure) ? 1 : 0;
    cbor_.map(present);
    for (const Member& member : shape.members) {
      if (!is_written(member, structure)) continue;
      cbor_.text(member.wire_name);
      value(*member.shape, get_member(member, structure));
    }
  }

 private:
  static bool is_written(const Member& member, const void* structure) {
    return member.shape->kind != Kind::kStream && get_member(member, structure) != nullptr;
  }

  static void entry(void* context, const std::string& key, const void* value) {
    auto& [self, shape] = *static_cast<std::pair<CborEncoder*, const Shape*>*>(context);
    self->cbor_.text(key);
    self->value(*shape, value);
  }

  void timestamp(Timestamp time) {
    const std::int64_t micros = time.time_since_epoch().count();
    cbor_.tag(1);
    if (time_ == CborTime::kMillis) {
      cbor_.integer(micros / 1000);
    } else if (micros % 1'000'000 == 0) {
      cbor_.integer(micros / 1'000'000);
    } else {
      cbor_.number(static_cast<double>(micros / 1000) / 1000);
    }
  }

  void value(const Shape& shape, const void* value) {
    switch (shape.kind) {
      case Kind::kString:
        cbor_.text(*static_cast<const std::string*>(value));
        break;
      case Kind::kBlob:
        cbor_.blob(*static_cast<const std::string*>(value));
        break;
      case Kind::kInteger:
        cbor_.integer(*static_cast<const std::int32_t*>(value));
        break;
      case Kind::kLong:
        cbor_.integer(*static_cast<const std::int64_t*>(value));
        break;
      case Kind::kDouble:
        cbor_.number(*static_cast<const double*>(value));
        break;
      case Kind::kBoolean:
        cbor_.boolean(*static_cast<const bool*>(value));
        break;
      case Kind::kTimestamp:
        timestamp(*static_cast<const Timestamp*>(value));
        break;
      case Kind::kList: {
        const std::size_t size = shape.list->size(value);
        cbor_.array(size);
        for (std::size_t i = 0; i < size; ++i) this->value(*shape.element, shape.list->at(value, i));
        break;
      }
      case Kind::kMap: {
        std::pair<CborEncoder*, const Shape*> context(this, shape.element);
        cbor_.map(shape.map->size(value));
        shape.map->each(value, &context, entry);
        break;
      }
      case Kind::kStructure:
        structure(shape, value);
        break;
      case Kind::kAttributeValue:  // No service with these speaks CBOR.
      case Kind::kStream:
        cbor_.map(0);
        break;
    }
  }

  CborWriter& cbor_;
  const CborTime time_;
};

}  // namespace

std::string encode_cbor(const Shape& shape, const void* structure, CborTime time) {
  CborWriter cbor;
  CborEncoder(cbor, time).structure(shape, structure);
  return cbor.take();
}

}  // namespace cumulet::wire
