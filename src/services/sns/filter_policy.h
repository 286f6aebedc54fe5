#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "services/sns/model.h"

namespace cumulet::sns {

/// A subscription's filter policy: which messages it wants, by their attributes or by their JSON body. Immutable,
/// thread-safe. https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
class FilterPolicy {
 public:
  struct Node;
  enum class Scope { kAttributes, kBody };

  /// Fails with InvalidParameter and SNS's words: five keys at most, 150 combinations of values.
  static Result<FilterPolicy> parse(std::string_view json, Scope scope);

  Scope scope() const { return scope_; }
  /// `document` is what `filter_document` made of the attributes, or the message itself. No JSON object: no match.
  bool matches(std::string_view document) const;

 private:
  FilterPolicy(std::shared_ptr<const Node> root, Scope scope) : root_(std::move(root)), scope_(scope) {}
  std::shared_ptr<const Node> root_;
  Scope scope_;
};

/// A message's attributes as the JSON that policies are held against: String as text, Number as number, String.Array as
/// array; Binary is left out.
std::string filter_document(const std::map<std::string, MessageAttribute>& attributes);

}  // namespace cumulet::sns
