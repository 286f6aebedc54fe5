#include "services/lambda/event_source/event_sources.h"

#include "base/log.h"
#include "storage/key.h"

namespace cumulet::lambda {
namespace {

using std::chrono::steady_clock;

constexpr seconds kStoreBackoff{1};
/// A source that does not answer does not keep its mapping from being Enabled.
constexpr seconds kReadyWithin{5};

}  // namespace

EventSources::EventSources(PollerTools tools) : tools_(std::move(tools)) {
  tools_.stream = [this](SourceKind kind) { return stream_source(kind); };
  tools_.report = [this](const MappingRow& mapping, const std::string& result) { report(mapping, result); };
  tools_.database.on_commit(mappings_prefix(), [this](std::string_view key) { changed(std::string(key)); });
}

EventSources::~EventSources() = default;

void EventSources::add_stream_source(const std::string& service, events::StreamSource& source) {
  streams_[service == "dynamodb" ? SourceKind::kDynamoDb : SourceKind::kKinesis] = &source;
}

events::StreamSource* EventSources::stream_source(SourceKind kind) const {
  const auto found = streams_.find(kind);
  return found == streams_.end() ? nullptr : found->second;
}

void EventSources::start(std::vector<Loop*> loops) {
  Loop* first = loops.front();
  {
    const std::lock_guard lock(mutex_);
    for (Loop* loop : loops) places_.push_back(std::make_unique<Place>(*loop));
  }
  first->post([this] {
    cumulet::start(find_all(), [](const Result<void>& found) {
      if (!found.ok()) log::error("event source mappings cannot be read", {{"error", found.error().message()}});
    });
  });
}

Task<void> EventSources::find_all() {
  std::string from = mappings_prefix();
  const std::string end = storage::after_prefix(from);
  while (!stopping()) {
    storage::KeyRange range(from, end);
    const std::unique_ptr<storage::Transaction> txn = tools_.database.begin();
    const Result<std::vector<storage::KeyValue>> rows = co_await attempt(txn->scan(range));
    if (!rows.ok()) {
      co_await sleep_for(kStoreBackoff);
      continue;
    }
    if (rows->empty()) co_return;
    for (const storage::KeyValue& row : *rows) changed(row.key);
    from = rows->back().key + '\0';
  }
}

void EventSources::changed(const std::string& key) {
  Place* place = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (places_.empty() || stopping_) return;
    place = places_[std::hash<std::string>()(key) % places_.size()].get();
  }
  place->loop.post([this, place, key] { settle(*place, key); });
}

void EventSources::settle(Place& place, const std::string& key) {
  Entry& entry = place.entries[key];
  entry.again = true;
  if (std::exchange(entry.busy, true)) return;
  cumulet::start(bring_into_line(place, key), [](const Result<void>& done) {
    if (!done.ok()) log::error("an event source mapping stumbled", {{"error", done.error().message()}});
  });
}

Task<void> EventSources::bring_into_line(Place& place, std::string key) {
  Entry& entry = place.entries[key];
  bool there = true;
  while (std::exchange(entry.again, false) && !stopping()) {
    const Result<bool> done = co_await attempt(step(entry, key));
    if (done.ok()) {
      there = *done;
      continue;
    }
    log::warning("an event source mapping waits", {{"why", done.error().message()}});
    entry.again = true;
    co_await sleep_for(kStoreBackoff);
  }
  entry.busy = false;
  if (there || entry.poller) co_return;
  place.entries.erase(key);
  const std::lock_guard lock(mutex_);
  results_.erase(mapping_id(key));
}

Task<bool> EventSources::step(Entry& entry, std::string key) {
  const auto read = [&](storage::Transaction& txn) { return txn.get(key); };
  const std::optional<std::string> bytes = co_await storage::transact(tools_.database, read);
  const std::optional<MappingRow> row = bytes ? decode_mapping(*bytes) : std::nullopt;
  const std::string state = row ? row->configuration.state.value_or("") : "";
  const bool wanted = row && row->enabled && state != "Deleting";
  if (entry.poller && (!wanted || entry.version != row->version)) co_await stop_poller(entry);
  if (!row) co_return false;
  const bool settled = state == "Enabled" || state == "Disabled";
  if (wanted && !entry.poller && !stopping()) {
    start_poller(entry, *row);
    if (entry.poller && !settled) {
      const Deferred<bool> ready = entry.poller->ready();
      (void)co_await attempt(ready.wait_until(steady_clock::now() + kReadyWithin,
                                              Error(errors::kRequestTimeout, "the source does not answer")));
    }
  }
  if (!settled && !stopping()) co_await say_so(*row);
  co_return true;
}

void EventSources::start_poller(Entry& entry, const MappingRow& row) {
  const SourceKind kind = source_kind(row.source()).value_or(SourceKind::kQueue);
  if (kind == SourceKind::kQueue) {
    entry.poller = make_queue_poller(tools_, row);
  } else if (events::StreamSource* source = stream_source(kind)) {
    entry.poller = make_stream_poller(tools_, row, *source);
  } else {
    return;
  }
  entry.version = row.version;
  entry.ended = Deferred<bool>();
  {
    const std::lock_guard lock(mutex_);
    ++running_;
  }
  cumulet::start(entry.poller->run(), [this, over = entry.ended](const Result<void>& done) {
    if (!done.ok()) log::error("a poller stumbled", {{"error", done.error().message()}});
    over.resolve(true);
    ended();
  });
}

Task<void> EventSources::stop_poller(Entry& entry) {
  entry.poller->stop();
  const Deferred<bool> over = entry.ended;
  co_await over.wait();
  entry.poller.reset();
}

/// The row says what is; unless the user has changed it meanwhile: then there is more to do first.
Task<void> EventSources::say_so(MappingRow row) {
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    std::optional<MappingRow> now = co_await find_mapping(txn, row.account, row.region, row.uuid());
    if (!now || now->version != row.version) co_return;
    if (now->configuration.state == "Deleting") {
      co_await erase_mapping(txn, std::move(*now));
      co_return;
    }
    now->configuration.state = now->enabled ? "Enabled" : "Disabled";
    put_mapping(txn, *now);
  };
  co_await storage::transact(tools_.database, write);
}

void EventSources::report(const MappingRow& mapping, const std::string& result) {
  {
    const std::lock_guard lock(mutex_);
    std::string& last = results_[mapping.uuid()];
    if (last == result) return;
    last = result;
  }
  cumulet::start(keep_result(mapping, result), [](const Result<void>& kept) {
    if (!kept.ok()) log::warning("a processing result is not kept", {{"why", kept.error().message()}});
  });
}

Task<void> EventSources::keep_result(MappingRow mapping, std::string result) {
  const auto put = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<MappingRow> now = co_await find_mapping(txn, mapping.account, mapping.region, mapping.uuid());
    if (now) put_result(txn, mapping.uuid(), result);
  };
  co_await storage::transact(tools_.database, put);
}

void EventSources::drain(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (const std::unique_ptr<Place>& each : places_) {
    Place* place = each.get();
    place->loop.post([place] {
      for (auto& [key, entry] : place->entries) {
        if (entry.poller) entry.poller->stop();
      }
    });
  }
  quiet_.wait_until(lock, deadline, [this] { return running_ == 0; });
}

bool EventSources::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void EventSources::ended() {
  const std::lock_guard lock(mutex_);
  if (--running_ == 0) quiet_.notify_all();
}

}  // namespace cumulet::lambda
