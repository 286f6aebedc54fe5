#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "services/lambda/event_source/poller.h"

/// All event source mappings at work. Each enabled mapping has a poller, on the loop that its id gives. A commit that
/// changes a mapping's row wakes what brings the poller into line with it, and then says so in the row: Creating,
/// Updating, Enabling → Enabled or Disabled; Disabling → Disabled; Deleting → gone.
namespace cumulet::lambda {

class EventSources {
 public:
  /// `tools.stream` and `tools.report` are filled in here.
  explicit EventSources(PollerTools tools);
  ~EventSources();

  /// Streams whose ARN's service part is `service` ("kinesis", "dynamodb"). Before `start`.
  void add_stream_source(const std::string& service, events::StreamSource& source);
  events::StreamSource* stream_source(SourceKind kind) const;

  /// Begins with what is in the store. Any thread.
  void start(std::vector<Loop*> loops);
  /// Nothing more is read; functions that run end until the deadline. Blocks; not on a loop.
  void drain(SteadyTime deadline);

 private:
  /// What runs of one mapping. Touched only on its loop.
  struct Entry {
    Entry() = default;
    std::shared_ptr<Poller> poller;
    std::uint64_t version = 0;
    Deferred<bool> ended;
    bool busy = false;
    bool again = false;
  };
  struct Place {
    explicit Place(Loop& l) : loop(l) {}
    Loop& loop;
    std::map<std::string, Entry> entries;  ///< By the mapping's key.
  };

  Task<void> find_all();
  void changed(const std::string& key);
  void settle(Place& place, const std::string& key);
  Task<void> bring_into_line(Place& place, std::string key);
  /// False when the mapping is gone.
  Task<bool> step(Entry& entry, std::string key);
  void start_poller(Entry& entry, const MappingRow& row);
  Task<void> stop_poller(Entry& entry);
  Task<void> say_so(MappingRow row);
  void report(const MappingRow& mapping, const std::string& result);
  Task<void> keep_result(MappingRow mapping, std::string result);
  bool stopping() const;
  void ended();

  PollerTools tools_;
  std::map<SourceKind, events::StreamSource*> streams_;

  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  std::vector<std::unique_ptr<Place>> places_;
  std::map<std::string, std::string> results_;  ///< The last one of each mapping.
  std::size_t running_ = 0;
  bool stopping_ = false;
};

}  // namespace cumulet::lambda
