#include "services/cloudwatch/store.h"

#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::cloudwatch {
namespace {

constexpr std::string_view kSpace = "cw";

std::optional<ListedSeries> parse_series(const storage::KeyValue& row) {
  storage::KeyReader key(row.key);
  for (int part = 0; part < 4; ++part) key.text();
  std::optional<std::string> space = key.text();
  std::optional<std::string> name = key.text();
  if (!space || !name) return std::nullopt;
  Series series(std::move(*space), std::move(*name), {});
  while (std::optional<std::string> dimension = key.text()) {
    std::optional<std::string> value = key.text();
    if (!value) return std::nullopt;
    series.dimensions.emplace(std::move(*dimension), std::move(*value));
  }
  return ListedSeries(std::move(series), Store::last_of(row.value));
}

}  // namespace

std::int64_t kept_for(Level level) {
  switch (level) {
    case Level::kSecond:
      return 3 * kHourSeconds;
    case Level::kMinute:
      return 15 * kDaySeconds;
    case Level::kFiveMinutes:
      return 63 * kDaySeconds;
    case Level::kHour:
      break;
  }
  return 455 * kDaySeconds;
}

std::int64_t floor_to(std::int64_t time, std::int64_t step) { return time - ((time % step) + step) % step; }

std::string Store::prefix(std::string_view kind) const {
  return storage::Key(kSpace).text(account_).text(region_).text(kind).bytes();
}

std::string Store::series_key(const Series& series) const {
  storage::Key key(kSpace);
  key.text(account_).text(region_).text("m").text(series.space).text(series.name);
  for (const auto& [name, value] : series.dimensions) key.text(name).text(value);
  return std::move(key).bytes();
}

std::string Store::bucket_key(const SeriesHash& hash, const BucketKey& bucket) const {
  return storage::Key(kSpace)
      .text(account_)
      .text(region_)
      .text("d")
      .number(hash[0])
      .number(hash[1])
      .number(static_cast<std::uint32_t>(bucket.level))
      .signed_number(bucket.time)
      .number(bucket.unit)
      .bytes();
}

std::string Store::series_value(std::int64_t last) {
  storage::RowWriter row;
  row.signed_number(last);
  return std::move(row).bytes();
}

std::int64_t Store::last_of(std::string_view value) { return storage::RowReader(value).signed_number(); }

Task<std::vector<ListedSeries>> Store::list_series(storage::Transaction& txn, std::string space, std::string name,
                                                   std::string& after, std::size_t limit) const {
  storage::Key stem(kSpace);
  stem.text(account_).text(region_).text("m");
  if (!space.empty()) stem.text(space);
  if (!space.empty() && !name.empty()) stem.text(name);
  const std::string begin = std::max(stem.bytes(), after.empty() ? std::string() : after + '\0');
  storage::ScanOptions options;
  options.limit = limit;
  storage::KeyRange range(begin, storage::after_prefix(stem.bytes()));
  const std::vector<storage::KeyValue> rows = co_await txn.scan(std::move(range), options);
  std::vector<ListedSeries> result;
  result.reserve(rows.size());
  for (const storage::KeyValue& row : rows) {
    if (std::optional<ListedSeries> series = parse_series(row)) result.push_back(std::move(*series));
  }
  after = rows.empty() ? std::string() : rows.back().key;
  co_return result;
}

Task<std::vector<Bucket>> Store::buckets(storage::Transaction& txn, SeriesHash hash, Level level, std::int64_t from,
                                         std::int64_t to, std::size_t limit) const {
  std::vector<Bucket> result;
  const std::string end = bucket_key(hash, BucketKey(level, to, 0));
  std::string begin = bucket_key(hash, BucketKey(level, from, 0));
  while (result.size() < limit) {
    storage::ScanOptions options;
    options.limit = std::min<std::size_t>(limit - result.size(), 1000);
    storage::KeyRange range(begin, end);
    const std::vector<storage::KeyValue> rows = co_await txn.scan(std::move(range), options);
    if (rows.empty()) break;
    for (const storage::KeyValue& row : rows) {
      storage::KeyReader key(row.key);
      for (int part = 0; part < 4; ++part) key.text();
      for (int part = 0; part < 3; ++part) key.number();
      const std::optional<std::int64_t> time = key.signed_number();
      const std::optional<std::uint64_t> unit = key.number();
      if (!time || !unit) continue;
      result.emplace_back(BucketKey(level, *time, static_cast<std::uint8_t>(*unit)), Summary::read(row.value));
    }
    begin = rows.back().key + '\0';
  }
  co_return result;
}

Task<std::vector<Store>> list_stores(storage::Transaction& txn) {
  std::vector<Store> found;
  std::string begin = storage::Key(kSpace).bytes();
  const std::string end = storage::after_prefix(begin);
  while (true) {
    storage::ScanOptions options;
    options.limit = 1;
    storage::KeyRange range(begin, end);
    const std::vector<storage::KeyValue> rows = co_await txn.scan(std::move(range), options);
    if (rows.empty()) break;
    storage::KeyReader key(rows.front().key);
    key.text();
    const std::optional<std::string> account = key.text();
    const std::optional<std::string> region = key.text();
    if (!account || !region) break;
    found.emplace_back(*account, *region);
    begin = storage::after_prefix(storage::Key(kSpace).text(*account).text(*region).bytes());
  }
  co_return found;
}

}  // namespace cumulet::cloudwatch
