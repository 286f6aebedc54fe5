#include "services/s3/lifecycle_rules.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::int64_t kDayMillis = 86'400'000;
constexpr std::uint64_t kSmall = 128 * 1024;

/// From the warmest to the coldest: a transition goes only down.
constexpr std::array<std::string_view, 6> kClasses{"STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR",
                                                   "GLACIER",     "DEEP_ARCHIVE"};

std::size_t rank_of(std::string_view storage_class) {
  const auto* const found = std::find(kClasses.begin(), kClasses.end(), storage_class);
  return found == kClasses.end() ? 0 : static_cast<std::size_t>(found - kClasses.begin()) + 1;
}

/// What a filter asks for, in whichever of its forms.
struct Filter {
  std::string prefix;
  std::vector<const api::Tag*> tags;
  std::optional<std::int64_t> greater;
  std::optional<std::int64_t> less;

  bool has_size() const { return greater || less; }
};

Filter filter_of(const api::LifecycleRule& rule) {
  Filter filter;
  filter.prefix = rule.prefix.value_or("");
  if (!rule.filter) return filter;
  const api::LifecycleRuleFilter& given = *rule.filter;
  filter.prefix = given.prefix.value_or("");
  if (given.tag) filter.tags.push_back(&*given.tag);
  filter.greater = given.object_size_greater_than;
  filter.less = given.object_size_less_than;
  if (!given.and_) return filter;
  filter.prefix = given.and_->prefix.value_or("");
  if (given.and_->tags) {
    for (const api::Tag& tag : *given.and_->tags) filter.tags.push_back(&tag);
  }
  filter.greater = given.and_->object_size_greater_than;
  filter.less = given.and_->object_size_less_than;
  return filter;
}

bool matches(const api::LifecycleRule& rule, const Object& object) {
  const Filter filter = filter_of(rule);
  if (!object.key.starts_with(filter.prefix)) return false;
  const auto size = static_cast<std::int64_t>(object.size);
  if ((filter.greater && size <= *filter.greater) || (filter.less && size >= *filter.less)) return false;
  return std::all_of(filter.tags.begin(), filter.tags.end(), [&object](const api::Tag* tag) {
    const auto found = object.tags.find(tag->key);
    return found != object.tags.end() && found->second == tag->value;
  });
}

std::int64_t millis_of(Timestamp time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

/// When a rule's days have passed or its date has come.
template <typename Action>
std::optional<std::int64_t> due_at(const Action& action, std::int64_t modified) {
  if (action.date) return millis_of(*action.date);
  if (action.days) return midnight_after(modified, *action.days);
  return std::nullopt;
}

bool keeps(const std::optional<std::int32_t>& newer_wanted, const Noncurrent& place) {
  return newer_wanted && place.newer < *newer_wanted;
}

}  // namespace

std::string Scheduled::header() const {
  return "expiry-date=\"" + http_date(Timestamp(std::chrono::milliseconds(at))) + "\", rule-id=\"" +
         uri_encode(rule, false) + "\"";
}

std::int64_t midnight_after(std::int64_t millis, std::int64_t days) {
  const std::int64_t due = millis + days * kDayMillis;
  return (due + kDayMillis - 1) / kDayMillis * kDayMillis;
}

LifecycleRules::LifecycleRules(const Bucket& bucket) {
  if (bucket.lifecycle.empty()) return;
  auto put = wire::read_input<api::PutBucketLifecycleConfiguration>(bucket.lifecycle);
  if (!put.ok() || !put->lifecycle_configuration) return;
  small_objects_stay_ = put->transition_default_minimum_object_size.value_or("") != "varies_by_storage_class";
  for (api::LifecycleRule& rule : put->lifecycle_configuration->rules) {
    if (rule.status == "Enabled") rules_.push_back(std::move(rule));
  }
}

std::optional<Scheduled> LifecycleRules::expiration(const Object& current) const {
  std::optional<Scheduled> first;
  for (const api::LifecycleRule& rule : rules_) {
    if (!rule.expiration || !matches(rule, current)) continue;
    const std::optional<std::int64_t> at = due_at(*rule.expiration, current.modified);
    if (at && (!first || *at < first->at)) first.emplace(*at, rule.id.value_or(""));
  }
  return first;
}

bool LifecycleRules::marker_expired(const Object& marker, std::int64_t now) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const api::LifecycleRule& rule) {
    if (!rule.expiration || !matches(rule, marker)) return false;
    if (rule.expiration->expired_object_delete_marker.value_or(false)) return true;
    const std::optional<std::int64_t> at = due_at(*rule.expiration, marker.modified);
    return at && *at <= now;
  });
}

bool LifecycleRules::noncurrent_expired(const Object& version, const Noncurrent& place, std::int64_t now) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const api::LifecycleRule& rule) {
    if (!rule.noncurrent_version_expiration || !matches(rule, version)) return false;
    const api::NoncurrentVersionExpiration& expiration = *rule.noncurrent_version_expiration;
    return !keeps(expiration.newer_noncurrent_versions, place) &&
           midnight_after(place.since, expiration.noncurrent_days.value_or(1)) <= now;
  });
}

bool LifecycleRules::large_enough(const api::LifecycleRule& rule, const Object& object) const {
  return !small_objects_stay_ || object.size >= kSmall || filter_of(rule).has_size();
}

std::string LifecycleRules::transition(const Object& current, std::int64_t now) const {
  std::string to;
  for (const api::LifecycleRule& rule : rules_) {
    if (!rule.transitions || !matches(rule, current) || !large_enough(rule, current)) continue;
    for (const api::Transition& each : *rule.transitions) {
      const std::optional<std::int64_t> at = due_at(each, current.modified);
      const std::string& wanted = *each.storage_class;
      if (at && *at <= now && rank_of(wanted) > std::max(rank_of(current.metadata.storage_class), rank_of(to))) {
        to = wanted;
      }
    }
  }
  return to;
}

std::string LifecycleRules::noncurrent_transition(const Object& version, const Noncurrent& place,
                                                  std::int64_t now) const {
  std::string to;
  if (version.delete_marker) return to;
  for (const api::LifecycleRule& rule : rules_) {
    if (!rule.noncurrent_version_transitions || !matches(rule, version) || !large_enough(rule, version)) continue;
    for (const api::NoncurrentVersionTransition& each : *rule.noncurrent_version_transitions) {
      if (keeps(each.newer_noncurrent_versions, place)) continue;
      const std::string& wanted = *each.storage_class;
      if (midnight_after(place.since, each.noncurrent_days.value_or(0)) <= now &&
          rank_of(wanted) > std::max(rank_of(version.metadata.storage_class), rank_of(to))) {
        to = wanted;
      }
    }
  }
  return to;
}

std::optional<Scheduled> LifecycleRules::abort(const Upload& upload) const {
  std::optional<Scheduled> first;
  for (const api::LifecycleRule& rule : rules_) {
    if (!rule.abort_incomplete_multipart_upload || !upload.key.starts_with(filter_of(rule).prefix)) continue;
    const std::int32_t days = rule.abort_incomplete_multipart_upload->days_after_initiation.value_or(1);
    const std::int64_t at = midnight_after(upload.initiated, days);
    if (!first || at < first->at) first.emplace(at, rule.id.value_or(""));
  }
  return first;
}

}  // namespace cumulet::s3
