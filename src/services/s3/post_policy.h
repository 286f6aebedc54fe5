#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace cumulet::s3 {

/// A form's fields by their names in lower case.
using FormFields = std::map<std::string, std::string>;

/// What a form may upload: the policy document that comes with it.
/// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
class PostPolicy {
 public:
  /// Fails with InvalidPolicyDocument.
  static Result<PostPolicy> parse(std::string_view json);

  /// Fails with AccessDenied when the policy has expired, a condition does not hold, or a field has no condition.
  Result<void> check(const FormFields& fields, const std::string& bucket, Timestamp now) const;
  /// Fails with EntityTooSmall or EntityTooLarge. `whole`: no more will come.
  Result<void> check_size(std::uint64_t size, bool whole) const;

 private:
  struct Condition {
    Condition(bool p, std::string f, std::string v, std::string s)
        : prefix(p), field(std::move(f)), value(std::move(v)), source(std::move(s)) {}
    bool prefix;
    std::string field;  ///< Lower case, without '$'.
    std::string value;
    std::string source;  ///< As the document has it.
  };

  Timestamp expiration_{};
  std::vector<Condition> conditions_;
  std::optional<std::uint64_t> least_;
  std::optional<std::uint64_t> most_;
  friend class PostPolicyReader;
};

}  // namespace cumulet::s3
