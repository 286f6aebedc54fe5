#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cumulet::wire {

/// arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.
struct Arn {
  Arn() = default;
  Arn(std::string_view s, std::string_view r, std::string_view a, std::string res)
      : service(s), region(r), account(a), resource(std::move(res)) {}

  std::string partition = "aws";
  std::string service;
  std::string region;    ///< Empty for global services.
  std::string account;   ///< Empty for S3.
  std::string resource;  ///< All the rest, colons included: "function:name:3", "table/Music".

  /// The resource's type: what stands before its first ':' or '/'; empty when there is neither.
  std::string_view resource_type() const;
  /// What stands after it ("name:3", "Music"); the whole resource without a type.
  std::string_view resource_id() const;

  std::string text() const;
  friend bool operator==(const Arn&, const Arn&) = default;
};

/// Nullopt unless it has all six parts, begins with "arn:", and names partition, service and resource.
std::optional<Arn> parse_arn(std::string_view text);

/// arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE in one go.
std::string make_arn(std::string_view service, std::string_view region, std::string_view account,
                     std::string_view resource);

}  // namespace cumulet::wire
