#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "events/event_pattern.h"
#include "services/eventbridge/store.h"
#include "storage/database.h"
#include "wire/generated/events.h"

namespace cumulet::eventbridge {

/// What events on a bus are matched with: its enabled rules and its archives, ready for use. Immutable.
struct CompiledBus {
  struct Rule {
    std::string name;
    std::string arn;
    std::vector<wire::events::Target> targets;
  };
  std::uint64_t revision = 0;
  std::vector<Rule> rules;
  std::vector<std::string> archives;  ///< Names.
  events::EventPatternIndex rule_index{{}};
  events::EventPatternIndex archive_index{{}};
};

/// Compiled buses, each kept until its revision changes. Thread-safe.
class BusCache {
 public:
  Task<std::shared_ptr<const CompiledBus>> get(storage::Transaction& txn, Store store, std::string bus);

 private:
  using Key = std::tuple<std::string, std::string, std::string>;
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const CompiledBus>> buses_;
};

}  // namespace cumulet::eventbridge
