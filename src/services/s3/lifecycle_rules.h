#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "services/s3/model.h"
#include "wire/generated/s3.h"

/// What a bucket's lifecycle configuration may say, and what it says about an object, a version or an upload.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
namespace cumulet::s3 {

/// Gives an id to each rule that has none.
void give_ids(wire::s3::BucketLifecycleConfiguration& configuration);
/// Fails with MalformedXML, InvalidArgument or InvalidRequest. Ids must have been given.
Result<void> check_lifecycle(const wire::s3::BucketLifecycleConfiguration& configuration);

/// Something that a rule does at a time (milliseconds; always a midnight, UTC).
struct Scheduled {
  Scheduled(std::int64_t a, std::string r) : at(a), rule(std::move(r)) {}
  std::int64_t at;
  std::string rule;

  /// As x-amz-expiration has it.
  std::string header() const;
};

/// Set what a reply says of it.
template <typename Output>
void show_expiration(const std::optional<Scheduled>& expiration, Output& output) {
  if (expiration) output.expiration = expiration->header();
}
template <typename Output>
void show_abort(const std::optional<Scheduled>& abort, Output& output) {
  if (!abort) return;
  output.abort_date = Timestamp(std::chrono::milliseconds(abort->at));
  output.abort_rule_id = abort->rule;
}

/// A midnight: so many days after that time, rounded up.
std::int64_t midnight_after(std::int64_t millis, std::int64_t days);

/// A noncurrent version in its row of versions.
struct Noncurrent {
  Noncurrent(std::int64_t s, std::int64_t n) : since(s), newer(n) {}
  std::int64_t since;  ///< When it stopped to be current, in milliseconds.
  std::int64_t newer;  ///< How many noncurrent versions of its key are newer.
};

/// The enabled rules of one bucket.
class LifecycleRules {
 public:
  explicit LifecycleRules(const Bucket& bucket);
  bool empty() const { return rules_.empty(); }

  /// When the current version expires, by the rule that comes first.
  std::optional<Scheduled> expiration(const Object& current) const;
  /// Whether a delete marker that hides nothing any more is to go.
  bool marker_expired(const Object& marker, std::int64_t now) const;
  bool noncurrent_expired(const Object& version, const Noncurrent& place, std::int64_t now) const;
  /// The storage class that it should have by now; empty when it is to stay in its own.
  std::string transition(const Object& current, std::int64_t now) const;
  std::string noncurrent_transition(const Object& version, const Noncurrent& place, std::int64_t now) const;
  /// When an unfinished upload is given up.
  std::optional<Scheduled> abort(const Upload& upload) const;

 private:
  bool large_enough(const wire::s3::LifecycleRule& rule, const Object& object) const;

  std::vector<wire::s3::LifecycleRule> rules_;
  bool small_objects_stay_ = true;
};

}  // namespace cumulet::s3
