#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cumulet::cloudformation {

/// A piece of a template: what JSON and YAML have in common. Numbers keep the text they were written with; an object's
/// members keep their order.
class Value {
 public:
  enum class Kind { kNull, kBoolean, kNumber, kString, kList, kObject };
  using Member = std::pair<std::string, Value>;

  Value() = default;
  static Value boolean(bool value);
  static Value number(std::string text);
  static Value string(std::string text);
  static Value list(std::vector<Value> items = {});
  static Value object(std::vector<Member> members = {});

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_scalar() const { return kind_ == Kind::kBoolean || kind_ == Kind::kNumber || kind_ == Kind::kString; }

  bool as_bool() const { return text_ == "true"; }
  /// The text of a scalar: "true" and "false" for booleans.
  const std::string& text() const { return text_; }
  const std::vector<Value>& items() const { return items_; }
  std::vector<Value>& items() { return items_; }
  const std::vector<Member>& members() const { return members_; }
  std::vector<Member>& members() { return members_; }

  /// The member of that name; null when it is no object or has none.
  const Value* find(std::string_view name) const;
  Value* find(std::string_view name);
  /// The text of a scalar member; empty when there is none.
  std::string text_of(std::string_view name) const;
  void set(std::string name, Value value);  ///< Replaces or appends.
  void erase(std::string_view name);

  std::string to_json() const;
  friend bool operator==(const Value& a, const Value& b);

 private:
  void write_json(std::string& out) const;

  Kind kind_ = Kind::kNull;
  std::string text_;
  std::vector<Value> items_;
  std::vector<Member> members_;
};

/// Parses a template or any document like it: JSON when it starts with '{' or '[', otherwise YAML with CloudFormation's
/// short tags (!Ref, !GetAtt, !Sub …) written out as their long forms. Fails with ValidationError and the place;
/// bounded in size (1 MB), depth (64) and, through YAML's aliases, in what they expand to.
Result<Value> parse_document(std::string_view text);
Result<Value> parse_json_document(std::string_view text);
Result<Value> parse_yaml_document(std::string_view text);

}  // namespace cumulet::cloudformation
