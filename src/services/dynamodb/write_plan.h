#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "services/dynamodb/projection.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"

namespace cumulet::dynamodb {

/// One write as a request describes it: checked as far as that goes without the table, and then applied to whatever
/// item is there. Applying changes nothing but its result, so a transaction that runs again starts afresh. Refers to
/// the request's input, whose values the plan's makers normalise in place.
class WritePlan {
 public:
  enum class Kind { kPut, kDelete, kUpdate, kCheck };
  using Names = std::optional<std::map<std::string, std::string>>;
  using Values = std::optional<Item>;
  using AttributeUpdates = std::map<std::string, shapes::AttributeValueUpdate>;

  static Result<WritePlan> put(shapes::PutItemInput& input);
  static Result<WritePlan> put(shapes::Put& input);
  /// For BatchWriteItem.
  static Result<WritePlan> put(Item& item);
  static Result<WritePlan> remove(shapes::DeleteItemInput& input);
  static Result<WritePlan> remove(shapes::Delete& input);
  static Result<WritePlan> remove(Item& key);
  static Result<WritePlan> update(shapes::UpdateItemInput& input);
  static Result<WritePlan> update(shapes::Update& input);
  static Result<WritePlan> check(shapes::ConditionCheck& input);
  /// Of PartiQL, whose expressions are bound already. `is_insert`: the item must not exist, which `condition` says.
  static Result<WritePlan> bound(Kind kind, Item& subject, std::optional<BoundExpression> condition,
                                 std::optional<BoundExpression> update, bool is_insert = false);

  Kind kind() const { return kind_; }
  /// The item of a put, the key of all others.
  const Item& subject() const { return *subject_; }
  const Condition& condition() const { return condition_; }
  const std::optional<std::string>& return_on_failure() const { return return_on_failure_; }
  void set_return_on_failure(std::optional<std::string> wanted) { return_on_failure_ = std::move(wanted); }
  bool is_insert() const { return is_insert_; }
  /// What a policy calls it: "PutItem", "ConditionCheckItem", of a statement "PartiQLInsert".
  std::string_view permission() const;
  /// What it means that the condition does not hold.
  Error refusal(const Item* before) const;

  /// Whether the plan fits the table. Fails with ValidationException.
  Result<void> check_against(const Table& table) const;
  /// Whether the outcome depends on what was there before.
  bool needs_before() const { return kind_ != Kind::kPut || condition_.given(); }
  /// The item as it will be; nothing when it will not exist. Not for kCheck. The condition is not looked at here.
  Result<std::optional<StoredItem>> apply(const Table& table, const StoredItem* before) const;
  /// The parts of an item that an update names: UPDATED_OLD and UPDATED_NEW.
  Item touched(const Item& item) const;

 private:
  Result<void> take_expressions(Names& names, Values& values, const std::optional<std::string>& condition,
                                const std::optional<std::string>& update);
  Result<void> take_expected(std::optional<LegacyCondition::Expected>& expected,
                             const std::optional<std::string>& conditional_operator);
  Result<void> take_attribute_updates(AttributeUpdates& updates);
  Result<Item> updated(const Table& table, Item item) const;
  Result<void> apply_attribute_updates(Item& item) const;
  std::vector<std::string> updated_names() const;
  Result<void> check_updates(const Table& table) const;
  Result<void> check_changed_index_keys(const Table& table, const Item& item) const;

  Kind kind_ = Kind::kPut;
  Item* subject_ = nullptr;
  std::size_t size_ = 0;  ///< Of a put's item.
  Condition condition_;
  std::optional<BoundExpression> update_;
  const AttributeUpdates* attribute_updates_ = nullptr;
  std::optional<std::string> return_on_failure_;
  bool is_insert_ = false;
  bool of_statement_ = false;
};

}  // namespace cumulet::dynamodb
