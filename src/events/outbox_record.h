#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "events/outbox.h"

/// How an event lies in the store: by target, then by when it is due. A target's events are so found without passing
/// those of others, however many wait there.
namespace cumulet::events {

std::string outbox_prefix();
std::string lane_prefix(std::string_view target_arn);
std::string record_key(const Event& event, Timestamp due);
std::string record_value(const Event& event);

/// What a key tells.
struct RecordKey {
  RecordKey(std::string t, Timestamp d, std::string i) : target_arn(std::move(t)), due(d), id(std::move(i)) {}
  std::string target_arn;
  Timestamp due;
  std::string id;
};
std::optional<RecordKey> parse_record_key(std::string_view key);
/// Nothing when the row is damaged.
std::optional<Event> parse_record(const RecordKey& key, std::string_view value);

}  // namespace cumulet::events
