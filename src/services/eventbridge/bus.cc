#include "services/eventbridge/bus.h"

#include "services/eventbridge/names.h"
#include "wire/document.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;

constexpr std::size_t kKeptBuses = 1000;
constexpr std::size_t kPage = 200;
/// Matches every event.
constexpr std::string_view kAnything = R"({"version":["0"]})";

Task<void> compile_rules(storage::Transaction& txn, Store store, std::string bus, CompiledBus& out) {
  std::vector<events::EventPattern> patterns;
  std::string after;
  while (true) {
    const std::vector<Named> page = co_await store.list(txn, Part::kRule, bus, "", after, kPage);
    for (const Named& row : page) {
      const api::DescribeRuleResponse rule = co_await wire::read_output<api::DescribeRule>(row.document);
      after = row.name;
      if (!rule.event_pattern || !is_enabled(rule)) continue;
      Result<events::EventPattern> pattern = events::EventPattern::parse(*rule.event_pattern);
      if (!pattern.ok()) continue;
      CompiledBus::Rule& compiled = out.rules.emplace_back();
      compiled.name = row.name;
      compiled.arn = rule.arn.value_or("");
      compiled.targets = co_await targets_of(store, txn, bus, row.name);
      patterns.push_back(std::move(*pattern));
    }
    if (page.size() < kPage) break;
  }
  out.rule_index = events::EventPatternIndex(std::move(patterns));
}

Task<void> compile_archives(storage::Transaction& txn, Store store, std::string bus, CompiledBus& out) {
  std::vector<events::EventPattern> patterns;
  const std::vector<Named> rows = co_await store.list(txn, Part::kArchive, "", "", "", kArchiveLimit);
  for (const Named& row : rows) {
    const api::DescribeArchiveResponse archive = co_await wire::read_output<api::DescribeArchive>(row.document);
    if (bus_of(archive.event_source_arn.value_or("")) != bus) continue;
    const std::string pattern = archive.event_pattern.value_or(std::string(kAnything));
    Result<events::EventPattern> parsed = events::EventPattern::parse(pattern);
    if (!parsed.ok()) continue;
    out.archives.push_back(row.name);
    patterns.push_back(std::move(*parsed));
  }
  out.archive_index = events::EventPatternIndex(std::move(patterns));
}

}  // namespace

Task<std::shared_ptr<const CompiledBus>> BusCache::get(storage::Transaction& txn, Store store, std::string bus) {
  const std::uint64_t revision = co_await store.revision(txn, bus);
  const Key key(store.account(), store.region(), bus);
  {
    const std::lock_guard lock(mutex_);
    const auto found = buses_.find(key);
    if (found != buses_.end() && found->second->revision == revision) co_return found->second;
  }
  auto fresh = std::make_shared<CompiledBus>();
  fresh->revision = revision;
  co_await compile_rules(txn, store, bus, *fresh);
  co_await compile_archives(txn, store, bus, *fresh);
  const std::lock_guard lock(mutex_);
  if (buses_.size() >= kKeptBuses) buses_.clear();
  buses_[key] = fresh;
  co_return std::shared_ptr<const CompiledBus>(std::move(fresh));
}

}  // namespace cumulet::eventbridge
