#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/eventbridge/store.h"
#include "wire/call.h"
#include "wire/generated/events.h"

/// Names, ARNs and look-ups that all operations share, with EventBridge's words where something is not there.
namespace cumulet::eventbridge {

inline constexpr std::string_view kDefaultBus = "default";
inline constexpr std::size_t kArchiveLimit = 100;
inline constexpr std::size_t kPageLimit = 100;

std::string make_arn(const Store& store, std::string_view resource);
inline Store store_of(const wire::Call& call) { return Store(call.account(), call.region); }

std::string rule_arn(const Store& store, const std::string& bus, const std::string& rule);
/// A bus's name out of a name, an ARN, or nothing (the default bus).
std::string bus_of(const std::optional<std::string>& name_or_arn);

Error invalid(std::string message);
Error not_found(std::string message);
Error exists(std::string message);
Error too_many();

bool is_enabled(const wire::events::DescribeRuleResponse& rule);

/// Fails with ResourceNotFoundException where the bus is not there; the default one always is.
Task<void> require_bus(Store store, storage::Transaction& txn, std::string bus);
Task<wire::events::DescribeRuleResponse> require_rule(Store store, storage::Transaction& txn, std::string bus,
                                                      std::string rule);
Task<std::vector<wire::events::Target>> targets_of(Store store, storage::Transaction& txn, std::string bus,
                                                   std::string rule);
void put_targets(const Store& store, storage::Transaction& txn, const std::string& bus, const std::string& rule,
                 std::vector<wire::events::Target> targets);

/// Adds to the tags of an ARN; fails where there would be more than 50.
Task<void> add_tags(Store store, storage::Transaction& txn, std::string arn,
                    std::optional<std::vector<wire::events::Tag>> tags);

/// Moves a page of a listing into `out`, with the token that goes on behind it. A token is a name in Base64.
Task<std::string> page_start(std::optional<std::string> token);
std::string page_token(const std::string& last_name);

}  // namespace cumulet::eventbridge
