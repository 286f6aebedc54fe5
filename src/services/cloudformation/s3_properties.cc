#include "services/cloudformation/s3_properties.h"

#include <cctype>

namespace cumulet::cloudformation {
namespace {

/// Moves a member to another name, when it is there.
void take(const Value& from, std::string_view name, Value& to, const char* as) {
  if (const Value* given = from.find(name)) to.set(as, *given);
}

/// One transition, of whichever kind: the days are called differently.
Value transition_of(const Value& property, const char* days) {
  Value made = Value::object();
  take(property, "StorageClass", made, "StorageClass");
  take(property, "TransitionInDays", made, days);
  take(property, "TransitionDate", made, "Date");
  take(property, "NewerNoncurrentVersions", made, "NewerNoncurrentVersions");
  return made;
}

/// "Transitions", and the older "Transition" for a single one.
void take_transitions(const Value& rule, const std::string& name, const char* days, Value& made) {
  Value list = Value::list();
  if (const Value* many = rule.find(name + "s")) {
    for (const Value& each : many->items()) list.items().push_back(transition_of(each, days));
  }
  if (const Value* one = rule.find(name)) list.items().push_back(transition_of(*one, days));
  if (!list.items().empty()) made.set(name + "s", std::move(list));
}

/// Prefix, TagFilters and sizes are a filter of their own when there is one of them, else an And.
Value filter_of(const Value& rule) {
  Value all = Value::object();
  take(rule, "Prefix", all, "Prefix");
  take(rule, "ObjectSizeGreaterThan", all, "ObjectSizeGreaterThan");
  take(rule, "ObjectSizeLessThan", all, "ObjectSizeLessThan");
  const Value* tags = rule.find("TagFilters");
  const std::size_t tag_count = tags == nullptr ? 0 : tags->items().size();
  if (all.members().size() + tag_count < 2) {
    if (tag_count == 1) all.set("Tag", tags->items().front());
    return all;
  }
  if (tag_count > 0) all.set("Tags", *tags);
  return Value::object({{"And", std::move(all)}});
}

Value rule_of(const Value& property) {
  Value rule = Value::object();
  take(property, "Id", rule, "ID");
  take(property, "Status", rule, "Status");
  take(property, "AbortIncompleteMultipartUpload", rule, "AbortIncompleteMultipartUpload");
  Value expiration = Value::object();
  take(property, "ExpirationInDays", expiration, "Days");
  take(property, "ExpirationDate", expiration, "Date");
  take(property, "ExpiredObjectDeleteMarker", expiration, "ExpiredObjectDeleteMarker");
  if (!expiration.members().empty()) rule.set("Expiration", std::move(expiration));
  take(property, "NoncurrentVersionExpiration", rule, "NoncurrentVersionExpiration");
  if (const Value* days = property.find("NoncurrentVersionExpirationInDays")) {
    rule.set("NoncurrentVersionExpiration", Value::object({{"NoncurrentDays", *days}}));
  }
  take_transitions(property, "Transition", "Days", rule);
  take_transitions(property, "NoncurrentVersionTransition", "NoncurrentDays", rule);
  rule.set("Filter", filter_of(property));
  return rule;
}

/// {"Prefix": …}, {"TagFilter": …} or {"And": {"Prefix": …, "TagFilters": […]}}.
Value replication_filter_of(const Value& property) {
  Value filter = Value::object();
  take(property, "Prefix", filter, "Prefix");
  take(property, "TagFilter", filter, "Tag");
  if (const Value* both = property.find("And")) {
    Value made = Value::object();
    take(*both, "Prefix", made, "Prefix");
    take(*both, "TagFilters", made, "Tags");
    filter.set("And", std::move(made));
  }
  return filter;
}

}  // namespace

Value s3_replication_input(const Value& property) {
  Value configuration = property;
  if (Value* rules = configuration.find("Rules")) {
    for (Value& rule : rules->items()) {
      if (const Value* id = rule.find("Id")) rule.set("ID", *id);
      if (const Value* filter = rule.find("Filter")) rule.set("Filter", replication_filter_of(*filter));
    }
  }
  return Value::object({{"ReplicationConfiguration", std::move(configuration)}});
}

Value s3_lifecycle_input(const Value& property) {
  Value rules = Value::list();
  if (const Value* given = property.find("Rules")) {
    for (const Value& each : given->items()) rules.items().push_back(rule_of(each));
  }
  Value input = Value::object();
  input.set("LifecycleConfiguration", Value::object({{"Rules", std::move(rules)}}));
  take(property, "TransitionDefaultMinimumObjectSize", input, "TransitionDefaultMinimumObjectSize");
  return input;
}

std::string s3_canned_acl(const std::string& access_control) {
  std::string acl;
  for (const char c : access_control) {
    const bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (upper && !acl.empty()) acl += '-';
    acl += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return acl;
}

}  // namespace cumulet::cloudformation
