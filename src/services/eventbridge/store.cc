#include "services/eventbridge/store.h"

#include <array>

#include "base/text.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::eventbridge {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;

constexpr std::string_view kSpace = "events";
constexpr std::array<std::string_view, 10> kParts{"bus",         "rule",       "targets", "archive", "replay",
                                                  "destination", "connection", "secret",  "due",     "position"};

Key space(const std::string& account, const std::string& region, std::string_view kind) {
  return Key(kSpace).text(account).text(region).text(kind);
}

/// A text part without its end: what the keys of all texts that start with it start with.
std::string open_prefix(const std::string& stem, const std::string& prefix) {
  std::string key = stem;
  for (const char c : prefix) {
    key += c;
    if (c == '\0') key += '\xff';
  }
  return key;
}

}  // namespace

std::string Store::part_key(Part part, const std::string& bus, const std::string& name) const {
  return space(account_, region_, "part").text(kParts[static_cast<std::size_t>(part)]).text(bus).text(name).bytes();
}

Task<std::optional<std::string>> Store::find(storage::Transaction& txn, Part part, std::string bus,
                                             std::string name) const {
  co_return co_await txn.get(part_key(part, bus, name));
}

void Store::put(storage::Transaction& txn, Part part, const std::string& bus, const std::string& name,
                std::string document) const {
  txn.put(part_key(part, bus, name), std::move(document));
}

void Store::erase(storage::Transaction& txn, Part part, const std::string& bus, const std::string& name) const {
  txn.erase(part_key(part, bus, name));
}

Task<std::vector<Named>> Store::list(storage::Transaction& txn, Part part, std::string bus, std::string prefix,
                                     std::string after, std::size_t limit) const {
  const std::string stem =
      space(account_, region_, "part").text(kParts[static_cast<std::size_t>(part)]).text(bus).bytes();
  const std::string all = open_prefix(stem, prefix);
  KeyRange range(all, storage::after_prefix(all));
  if (!after.empty()) range.begin = std::max(range.begin, part_key(part, bus, after) + '\0');
  storage::ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<Named> named;
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(stem.size()));
    named.emplace_back(reader.text().value_or(""), row.value);
  }
  co_return named;
}

Task<std::uint64_t> Store::revision(storage::Transaction& txn, std::string bus) const {
  const std::optional<std::string> row = co_await txn.get(space(account_, region_, "revision").text(bus).bytes());
  co_return row ? static_cast<std::uint64_t>(parse_int(*row).value_or(0)) : 0;
}

Task<void> Store::bump_revision(storage::Transaction& txn, std::string bus) const {
  const std::uint64_t now = co_await revision(txn, bus);
  txn.put(space(account_, region_, "revision").text(bus).bytes(), std::to_string(now + 1));
}

Task<std::map<std::string, std::string>> Store::tags(storage::Transaction& txn, std::string arn) const {
  const std::optional<std::string> row = co_await txn.get(space(account_, region_, "tags").text(arn).bytes());
  if (!row) co_return std::map<std::string, std::string>();
  storage::RowReader reader(*row);
  co_return reader.text_map();
}

void Store::put_tags(storage::Transaction& txn, const std::string& arn,
                     const std::map<std::string, std::string>& tags) const {
  const std::string key = space(account_, region_, "tags").text(arn).bytes();
  if (tags.empty()) {
    txn.erase(key);
    return;
  }
  storage::RowWriter row;
  row.text_map(tags);
  txn.put(key, std::move(row).bytes());
}

void Store::put_archived(storage::Transaction& txn, const std::string& archive, const Archived& event) const {
  Key key = space(account_, region_, "archived").text(archive);
  txn.put(key.signed_number(event.time).text(event.id).bytes(), event.envelope);
}

Task<std::vector<Archived>> Store::list_archived(storage::Transaction& txn, std::string archive, std::int64_t time,
                                                 std::string id, std::int64_t until, std::size_t limit) const {
  const std::string stem = space(account_, region_, "archived").text(archive).bytes();
  Key from = space(account_, region_, "archived").text(archive).signed_number(time);
  Key to = space(account_, region_, "archived").text(archive).signed_number(until);
  KeyRange range(id.empty() ? from.bytes() : from.text(id).bytes() + '\0', to.bytes());
  std::vector<Archived> events;
  if (range.begin >= range.end) co_return events;
  storage::ScanOptions options;
  options.limit = limit;
  options.byte_limit = 1u << 20;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(stem.size()));
    const std::int64_t at = reader.signed_number().value_or(0);
    events.emplace_back(at, reader.text().value_or(""), row.value);
  }
  co_return events;
}

void Store::erase_archived(storage::Transaction& txn, const std::string& archive, const Archived& event) const {
  Key key = space(account_, region_, "archived").text(archive);
  txn.erase(key.signed_number(event.time).text(event.id).bytes());
}

}  // namespace cumulet::eventbridge
