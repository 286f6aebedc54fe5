#include "services/sqs/receipt.h"

#include "base/digest.h"
#include "base/text.h"
#include "storage/key.h"

namespace cumulet::sqs {
namespace {

constexpr std::string_view kMark = "r1";
constexpr std::size_t kMaxHandle = 200;

}  // namespace

std::string Receipt::handle() const {
  storage::Key key(kMark);
  key.number(queue).signed_number(position.time).number(position.sequence).number(receives);
  key.number(crc32(0, key.bytes()));
  return base64_encode(key.bytes());
}

std::optional<Receipt> parse_receipt(std::string_view handle) {
  if (handle.size() > kMaxHandle) return std::nullopt;
  const std::optional<std::string> bytes = base64_decode(handle);
  if (!bytes) return std::nullopt;
  storage::KeyReader reader(*bytes);
  if (reader.text() != kMark) return std::nullopt;
  const std::optional<std::uint64_t> queue = reader.number();
  const std::optional<std::int64_t> time = reader.signed_number();
  const std::optional<std::uint64_t> sequence = reader.number();
  const std::optional<std::uint64_t> receives = reader.number();
  const std::string_view signed_part(bytes->data(), bytes->size() - reader.rest().size());
  const std::optional<std::uint64_t> sum = reader.number();
  if (!queue || !time || !sequence || !receives || !sum || !reader.rest().empty()) return std::nullopt;
  if (*sum != crc32(0, signed_part)) return std::nullopt;
  return Receipt(*queue, Position(*time, *sequence), static_cast<std::uint32_t>(*receives));
}

}  // namespace cumulet::sqs
