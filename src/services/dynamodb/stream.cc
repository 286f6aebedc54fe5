#include "services/dynamodb/stream.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/keys.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kDigits = 21;
constexpr std::uint64_t kCallsPerCommit = 10'000;

std::int64_t micros(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp timestamp(std::int64_t value) { return Timestamp(std::chrono::microseconds(value)); }

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<std::uint8_t>(c);
  return number;
}

std::string place(std::uint64_t commit, std::uint64_t call) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(commit >> shift);
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(call >> shift);
  return bytes;
}

bool same(const Item& a, const Item& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && equal(x.second, y.second);
         });
}

void write(storage::RowWriter& row, const std::optional<Timestamp>& time) {
  row.signed_number(time ? micros(*time) : 0);
}

std::optional<Timestamp> read_time(storage::RowReader& row) {
  const std::int64_t value = row.signed_number();
  if (value == 0) return std::nullopt;
  return timestamp(value);
}

}  // namespace

std::string Stream::arn() const {
  return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + table + "/stream/" + label;
}

const Shard* Stream::find_shard(std::string_view id) const {
  const auto found = std::find_if(shards.begin(), shards.end(), [&](const Shard& shard) { return shard.id == id; });
  return found == shards.end() ? nullptr : &*found;
}

std::string Stream::row_key() const { return keys::stream_row(account, region, table, label); }

std::string Stream::shard_rows(const std::string& shard) const {
  return keys::shard_rows(account, region, number, shard);
}

std::string Stream::log(const std::string& shard) const {
  return keys::shard_part(shard_rows(shard), keys::ShardPart::kRecords);
}

std::string Stream::encode() const {
  storage::RowWriter row;
  row.number(number).number(table_number).text(view);
  write_key_schema(row, keys);
  row.signed_number(micros(created));
  write(row, disabled);
  row.number(shards.size());
  for (const Shard& shard : shards) {
    row.text(shard.id).text(shard.parent).number(shard.first_place).number(shard.last_place);
    row.signed_number(micros(shard.opened));
    write(row, shard.closed);
    row.text(shard.trimmed);
  }
  return std::move(row).bytes();
}

Result<Stream> Stream::decode(std::string account, std::string region, std::string table, std::string label,
                              std::string_view bytes) {
  storage::RowReader row(bytes);
  Stream stream;
  stream.account = std::move(account);
  stream.region = std::move(region);
  stream.table = std::move(table);
  stream.label = std::move(label);
  stream.number = row.number();
  stream.table_number = row.number();
  stream.view = row.text();
  stream.keys = read_key_schema(row);
  stream.created = timestamp(row.signed_number());
  stream.disabled = read_time(row);
  for (std::size_t count = row.count(); count > 0 && row.ok(); --count) {
    Shard& shard = stream.shards.emplace_back();
    shard.id = row.text();
    shard.parent = row.text();
    shard.first_place = static_cast<std::uint32_t>(row.number());
    shard.last_place = static_cast<std::uint32_t>(row.number());
    shard.opened = timestamp(row.signed_number());
    shard.closed = read_time(row);
    shard.trimmed = row.text();
  }
  if (!row.ok()) return Error(errors::kInternalFailure, "The description of a stream is damaged.");
  return stream;
}

std::optional<StreamName> parse_stream_arn(std::string_view arn) {
  // arn:aws:dynamodb:region:account:table/name/stream/label, where the label has colons too.
  constexpr std::string_view kBegin = "arn:aws:dynamodb:";
  if (!arn.starts_with(kBegin)) return std::nullopt;
  std::string_view rest = arn.substr(kBegin.size());
  const auto next = [&rest](std::string_view separator) -> std::optional<std::string> {
    const std::size_t at = rest.find(separator);
    if (at == std::string_view::npos) return std::nullopt;
    std::string part(rest.substr(0, at));
    rest.remove_prefix(at + separator.size());
    return part;
  };
  std::optional<std::string> region = next(":");
  std::optional<std::string> account = region ? next(":table/") : std::nullopt;
  std::optional<std::string> table = account ? next("/stream/") : std::nullopt;
  if (!table || rest.empty()) return std::nullopt;
  StreamName name;
  name.region = std::move(*region);
  name.account = std::move(*account);
  name.table = std::move(*table);
  name.label = rest;
  return name;
}

Shard new_shard(Timestamp now, std::uint32_t first_place, std::uint32_t last_place, std::string parent) {
  std::array<char, 40> id{};
  std::snprintf(id.data(), id.size(), "shardId-%020lld-", static_cast<long long>(micros(now) / 1000));
  Shard shard;
  shard.id = id.data() + hex_encode(random_bytes(4));
  shard.parent = std::move(parent);
  shard.first_place = first_place;
  shard.last_place = last_place;
  shard.opened = now;
  return shard;
}

std::string sequence_number(std::string_view place) {
  const std::uint64_t commit = big_endian(place.substr(0, 8));
  const std::uint64_t call = big_endian(place.substr(8, 4));
  std::string digits = std::to_string(commit * kCallsPerCommit + call);
  return "1" + std::string(kDigits - 1 - std::min(digits.size(), kDigits - 1), '0') + digits;
}

std::optional<std::string> place_of(std::string_view text) {
  if (text.size() != kDigits || text.front() != '1') return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9' || number > (UINT64_MAX - 9) / 10) return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return place(number / kCallsPerCommit, number % kCallsPerCommit);
}

std::string Change::event_id(const Stream& stream) const {
  return hex_encode(md5(std::to_string(stream.number) + "/" + sequence_number(place)));
}

std::string_view event_name(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kInsert:
      return "INSERT";
    case Change::Kind::kModify:
      return "MODIFY";
    case Change::Kind::kRemove:
      break;
  }
  return "REMOVE";
}

bool differs(const Item* before, const Item* after) {
  if (before && after) return !same(*before, *after);
  return before != nullptr || after != nullptr;
}

Change::Kind kind_of_change(const Item* before, const Item* after) {
  if (!before) return Change::Kind::kInsert;
  return after ? Change::Kind::kModify : Change::Kind::kRemove;
}

void append_change(storage::Transaction& transaction, const Table& table, const std::string& key, const Item* before,
                   const Item* after, ChangeOrigin origin, Timestamp now) {
  if (!differs(before, after)) return;
  const Change::Kind kind = kind_of_change(before, after);
  const std::string& view = table.stream.view;
  const bool shows_before = view == "OLD_IMAGE" || view == "NEW_AND_OLD_IMAGES";
  const bool shows_after = view == "NEW_IMAGE" || view == "NEW_AND_OLD_IMAGES";
  const Item item_key = key_of(table.keys, after ? *after : *before);
  storage::RowWriter row;
  row.number(static_cast<std::uint64_t>(kind)).boolean(origin == ChangeOrigin::kTimeToLive);
  row.signed_number(micros(now)).text(encode_item(item_key));
  row.text(before && shows_before ? encode_item(*before) : "").text(after && shows_after ? encode_item(*after) : "");
  const auto hash = static_cast<std::uint32_t>(big_endian(std::string_view(key).substr(table.rows.size() + 4, 4)));
  storage::append(transaction, table.stream.shard_for(hash).log, std::move(row).bytes());
}

Result<Change> Change::decode(std::string place, std::string_view bytes) {
  storage::RowReader row(bytes);
  Change change;
  change.place = std::move(place);
  change.kind = static_cast<Kind>(row.number());
  change.expired = row.boolean();
  change.time = timestamp(row.signed_number());
  const auto read_item = [&row, &change]() -> std::optional<Item> {
    const std::string bytes = row.text();
    if (bytes.empty()) return std::nullopt;
    ItemReader reader(bytes);
    change.size += reader.size();
    return reader.all();
  };
  change.keys = read_item().value_or(Item());
  change.before = read_item();
  change.after = read_item();
  if (!row.ok()) return Error(errors::kInternalFailure, "A record of a stream is damaged.");
  return change;
}

}  // namespace cumulet::dynamodb
