#include "services/s3/post_policy.h"

#include <algorithm>
#include <set>

#include <simdjson.h>

#include "base/text.h"

namespace cumulet::s3 {
namespace {

namespace dom = simdjson::dom;

Error invalid(std::string what) { return Error("InvalidPolicyDocument", 400, "Invalid Policy: " + std::move(what)); }

Error denied(std::string what) { return Error("AccessDenied", 403, "Invalid according to Policy: " + std::move(what)); }

/// Fields that carry the proof and not the upload.
bool needs_no_condition(const std::string& field) {
  static const std::set<std::string, std::less<>> kFree{"policy",          "signature", "awsaccesskeyid",
                                                        "x-amz-signature", "file",      "x-amz-security-token"};
  return kFree.contains(field) || field.starts_with("x-ignore-");
}

}  // namespace

class PostPolicyReader {
 public:
  Result<PostPolicy> read(std::string_view json) {
    dom::parser parser;
    dom::object document;
    if (parser.parse(json.data(), json.size()).get(document) != simdjson::SUCCESS) return invalid("Invalid JSON.");
    std::string_view expiration;
    if (document["expiration"].get(expiration) != simdjson::SUCCESS) return invalid("Policy missing expiration.");
    if (!parse_iso8601(expiration, policy_.expiration_)) {
      return invalid("Invalid 'expiration' value: '" + std::string(expiration) + "'");
    }
    dom::array conditions;
    if (document["conditions"].get(conditions) != simdjson::SUCCESS) return invalid("Policy missing conditions.");
    for (const dom::element condition : conditions) {
      Result<void> read = read_condition(condition);
      if (!read.ok()) return std::move(read).error();
    }
    return std::move(policy_);
  }

 private:
  Result<void> read_condition(dom::element condition) {
    dom::object simple;
    if (condition.get(simple) == simdjson::SUCCESS) return read_simple(condition, simple);
    dom::array words;
    if (condition.get(words) != simdjson::SUCCESS) return invalid("Invalid condition: " + minify(condition));
    std::string_view name;
    if (words.at(0).get(name) != simdjson::SUCCESS) return invalid("Invalid condition: " + minify(condition));
    const std::string operation = to_lower(name);
    if (words.size() != 3) return invalid("Invalid condition: " + minify(condition) + " must have 3 arguments.");
    if (operation == "content-length-range") return read_range(condition, words);
    std::string_view field;
    std::string_view value;
    if ((operation != "eq" && operation != "starts-with") || words.at(1).get(field) != simdjson::SUCCESS ||
        words.at(2).get(value) != simdjson::SUCCESS || !field.starts_with('$')) {
      return invalid("Invalid condition: " + minify(condition));
    }
    policy_.conditions_.emplace_back(operation == "starts-with", to_lower(field.substr(1)), std::string(value),
                                     minify(condition));
    return {};
  }

  Result<void> read_simple(dom::element condition, dom::object simple) {
    if (simple.size() != 1) {
      return invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.");
    }
    const dom::key_value_pair only = *simple.begin();
    std::string_view value;
    if (only.value.get(value) != simdjson::SUCCESS) {
      return invalid("Invalid Simple-Condition: value must be a string.");
    }
    const std::string field(only.key);
    policy_.conditions_.emplace_back(false, to_lower(field), std::string(value), minify(condition));
    return {};
  }

  Result<void> read_range(dom::element condition, dom::array words) {
    const auto number = [](dom::element element) -> std::optional<std::uint64_t> {
      std::uint64_t value = 0;
      if (element.get(value) == simdjson::SUCCESS) return value;
      std::string_view text;
      if (element.get(text) != simdjson::SUCCESS) return std::nullopt;
      const std::optional<std::int64_t> parsed = parse_int(text);
      if (!parsed || *parsed < 0) return std::nullopt;
      return static_cast<std::uint64_t>(*parsed);
    };
    const std::optional<std::uint64_t> least = number(words.at(1).value());
    const std::optional<std::uint64_t> most = number(words.at(2).value());
    if (!least || !most) return invalid("Invalid content-length-range: " + minify(condition));
    policy_.least_ = std::max(policy_.least_.value_or(*least), *least);
    policy_.most_ = std::min(policy_.most_.value_or(*most), *most);
    return {};
  }

  static std::string minify(dom::element element) { return simdjson::minify(element); }

  PostPolicy policy_;
};

Result<PostPolicy> PostPolicy::parse(std::string_view json) { return PostPolicyReader().read(json); }

Result<void> PostPolicy::check(const FormFields& fields, const std::string& bucket, Timestamp now) const {
  if (expiration_ <= now) return denied("Policy expired.");
  std::set<std::string_view> covered;
  for (const Condition& condition : conditions_) {
    covered.insert(condition.field);
    const auto found = fields.find(condition.field);
    const std::string* const value = condition.field == "bucket" ? &bucket
                                     : found == fields.end()     ? nullptr
                                                                 : &found->second;
    const bool holds =
        value != nullptr && (condition.prefix ? value->starts_with(condition.value) : *value == condition.value);
    if (!holds) return denied("Policy Condition failed: " + condition.source);
  }
  std::string extra;
  if (!covered.contains("bucket")) extra = "bucket";
  for (const auto& [field, value] : fields) {
    if (needs_no_condition(field) || covered.contains(field)) continue;
    extra += (extra.empty() ? "" : ", ") + field;
  }
  if (!extra.empty()) return denied("Extra input fields: " + extra);
  return {};
}

Result<void> PostPolicy::check_size(std::uint64_t size, bool whole) const {
  if (most_ && size > *most_) {
    return Error("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size")
        .with("ProposedSize", std::to_string(size))
        .with("MaxSizeAllowed", std::to_string(*most_));
  }
  if (whole && least_ && size < *least_) {
    return Error("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size")
        .with("ProposedSize", std::to_string(size))
        .with("MinSizeAllowed", std::to_string(*least_));
  }
  return {};
}

}  // namespace cumulet::s3
