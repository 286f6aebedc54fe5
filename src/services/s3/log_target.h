#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "services/s3/access_logs.h"
#include "services/s3/model.h"
#include "wire/generated/s3.h"

/// The bucket that takes another one's server access logs.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
namespace cumulet::s3 {

/// What a configuration may say, whatever the buckets are: MalformedXML.
Result<void> check_logging(const wire::s3::LoggingEnabled& wanted);

/// Whether `target` takes the logs of `source` under `key`: it must be there, of the same account and
/// region, let logging.s3.amazonaws.com put that object (by its policy, or its ACL the log delivery group), have no
/// default retention and not let requesters pay. Fails with InvalidTargetBucketForLogging,
/// CrossLocationLoggingProhibited or AccessControlListNotSupported.
Result<void> check_log_target(const wire::s3::LoggingEnabled& wanted, const Bucket& source,
                              const std::optional<Bucket>& target, const std::string& key);

/// The name of an object with lines of that day.
std::string log_key(const wire::s3::LoggingEnabled& wanted, const LogStream& stream, Timestamp now, Timestamp day);

/// Its ACL: the bucket's owner, and whom the configuration names.
Result<std::string> log_acl(const wire::s3::LoggingEnabled& wanted, const Bucket& target);

}  // namespace cumulet::s3
