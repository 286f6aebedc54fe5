#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cumulet::sqs {

/// Times in this service are microseconds since 1970, unless a name says seconds.
using Micros = std::int64_t;
inline constexpr Micros kSecond = 1'000'000;
inline constexpr Micros kMinute = 60 * kSecond;

/// RedrivePolicy: where messages go that were received too often.
struct RedrivePolicy {
  std::string target_arn;
  std::uint32_t max_receive_count = 0;
  friend bool operator==(const RedrivePolicy&, const RedrivePolicy&) = default;
};

/// RedriveAllowPolicy: whose dead letters a queue takes.
struct RedriveAllowPolicy {
  enum class Permission { kAllowAll, kDenyAll, kByQueue };
  Permission permission = Permission::kAllowAll;
  std::vector<std::string> source_arns;
  friend bool operator==(const RedriveAllowPolicy&, const RedriveAllowPolicy&) = default;
};

/// What SetQueueAttributes sets. Times are seconds.
struct QueueSettings {
  std::uint32_t delay_seconds = 0;
  std::uint32_t maximum_message_size = 1'048'576;
  std::uint32_t retention_seconds = 345'600;
  std::uint32_t receive_wait_seconds = 0;
  std::uint32_t visibility_seconds = 30;
  std::string policy;
  std::optional<RedrivePolicy> redrive;
  std::string redrive_text;  ///< As it was given.
  std::optional<RedriveAllowPolicy> redrive_allow;
  std::string redrive_allow_text;
  std::string kms_key_id;
  std::uint32_t kms_reuse_seconds = 300;
  bool managed_sse = true;
  bool fifo = false;
  bool content_based_deduplication = false;
  std::string deduplication_scope = "queue";
  std::string throughput_limit = "perQueue";
  friend bool operator==(const QueueSettings&, const QueueSettings&) = default;
};

struct QueueRow {
  std::string name;
  std::uint64_t id = 0;  ///< Names its messages: a queue made anew under the same name has none of the old ones.
  std::int64_t created_seconds = 0;
  std::int64_t modified_seconds = 0;
  std::uint64_t purged_through = 0;  ///< Messages up to this sequence were purged.
  QueueSettings settings;
  std::map<std::string, std::string> tags;
  std::uint64_t version = 0;  ///< Counts the row's changes.
};

/// Whose queue it is and what it is called.
struct QueueName {
  QueueName() = default;
  QueueName(std::string a, std::string r, std::string n)
      : account(std::move(a)), region(std::move(r)), name(std::move(n)) {}
  std::string account;
  std::string region;
  std::string name;
  std::string arn() const { return "arn:aws:sqs:" + region + ":" + account + ":" + name; }
  friend auto operator<=>(const QueueName&, const QueueName&) = default;
};

/// Where a message stands in its queue: by the time at which it may first be received (in FIFO queues: at which it was
/// sent), then in the order of sending. It never changes.
struct Position {
  Position() = default;
  Position(Micros t, std::uint64_t s) : time(t), sequence(s) {}
  Micros time = 0;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

/// What changes while a message lives, and what choosing the next message needs: the small row.
struct MessageState {
  Micros visible_at = 0;       ///< Not to be received before.
  std::uint32_t receives = 0;  ///< ApproximateReceiveCount; makes each receipt handle differ from the ones before.
  std::uint32_t earlier_queues = 0;  ///< How many of them happened before it came into this queue as a dead letter.
  Micros first_received = 0;
  Micros sent = 0;    ///< SentTimestamp; retention counts from it.
  std::string group;  ///< Of FIFO queues.
  std::uint32_t receives_here() const { return receives - earlier_queues; }
};

struct Attribute {
  std::string data_type;
  std::string value;  ///< Text, or bytes for Binary.
};

/// What stays as it was sent: the large row.
struct MessageContent {
  std::string id;
  std::string body;
  std::string sender_id;
  std::string group;
  std::string deduplication_id;
  std::string trace_header;
  std::string dead_letter_source;  ///< ARN of the queue that it came from as a dead letter.
  std::map<std::string, Attribute> attributes;
};

/// A deduplication id that was seen in the last five minutes.
struct DeduplicationRow {
  Micros expires = 0;
  std::string message_id;
  std::uint64_t sequence = 0;
};

struct MoveTaskRow {
  std::string id;
  std::string source;       ///< Name of the dead-letter queue, in the same account and region.
  std::string destination;  ///< ARN; empty: each message back to the queue it came from.
  std::uint32_t per_second = 0;
  std::string status;  ///< RUNNING, COMPLETED, CANCELLING, CANCELLED, FAILED.
  std::int64_t started_millis = 0;
  std::uint64_t moved = 0;
  std::uint64_t to_move = 0;
  std::uint64_t through = 0;  ///< Sequence of the newest message that is to be moved.
  std::string failure;
};

}  // namespace cumulet::sqs
