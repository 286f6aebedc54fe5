#include "services/kinesis/iterator.h"

#include "base/text.h"
#include "storage/row.h"

namespace cumulet::kinesis {
namespace {

constexpr std::uint64_t kForm = 0x6b;  // Of the text, should it change.

}  // namespace

std::string ShardIterator::text() const {
  storage::RowWriter row;
  row.number(kForm).text(account).text(region).text(stream).text(stream_id).number(shard).number(from);
  row.signed_number(made.time_since_epoch().count()).number(kForm);  // What is cut short lacks the last.
  return base64_encode(std::move(row).bytes());
}

std::optional<ShardIterator> parse_iterator(std::string_view text) {
  const std::optional<std::string> bytes = base64_decode(text);
  if (!bytes) return std::nullopt;
  storage::RowReader row(*bytes);
  if (row.number() != kForm) return std::nullopt;
  ShardIterator iterator;
  iterator.account = row.text();
  iterator.region = row.text();
  iterator.stream = row.text();
  iterator.stream_id = row.text();
  iterator.shard = static_cast<std::uint32_t>(row.number());
  iterator.from = row.number();
  iterator.made = Timestamp(std::chrono::microseconds(row.signed_number()));
  if (row.number() != kForm || !row.ok() || !row.at_end() || iterator.stream_id.empty()) return std::nullopt;
  return iterator;
}

}  // namespace cumulet::kinesis
