#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/sqs/model.h"
#include "storage/database.h"

/// The keys and rows. Layout:
///   ("sqs", account, region, "q", name)     queue
///   ("sqs", account, region, "t", id)       move task
///   ("sqs-trash", queue id)                 the queue is gone, its messages are yet to be erased
///   ("sqs-state", queue id, time, sequence) a message's state: small, overwritten when it is received
///   ("sqs-body", queue id, time, sequence)  the same message's content, written once
///   ("sqs-dedup", queue id, key)            a deduplication id
///   ("sqs-due", queue id, expires, key)     when to forget it
/// See docs/decisions/queues.md for why.
namespace cumulet::sqs::store {

std::string queue_key(const QueueName& name);
std::string queue_prefix(const std::string& account, const std::string& region);
std::string encode(const QueueRow& row);
QueueRow decode_queue(const QueueName& name, std::string_view bytes);
Task<std::optional<QueueRow>> find_queue(storage::Transaction& txn, QueueName name);
/// Queues after `after` (excluded) whose names start with `prefix`.
Task<std::vector<QueueRow>> list_queues(storage::Transaction& txn, std::string account, std::string region,
                                        std::string prefix, std::string after, std::size_t limit);
/// Every queue of every account, a page at a time; `after` is the last key seen, empty at first.
Task<std::vector<std::pair<QueueName, QueueRow>>> list_all(storage::Transaction& txn, std::string& after);

std::string trash_key(std::uint64_t queue);
Task<std::vector<std::uint64_t>> list_trash(storage::Transaction& txn);

std::string state_key(std::uint64_t queue, Position position);
std::string body_key(std::uint64_t queue, Position position);
Position position_of(std::string_view state_key);
std::string encode(const MessageState& state);
MessageState decode_state(std::string_view bytes);
std::string encode(const MessageContent& content);
MessageContent decode_content(std::string_view bytes);

std::string deduplication_key(std::uint64_t queue, const std::string& key);
std::string encode(const DeduplicationRow& row);
DeduplicationRow decode_deduplication(std::string_view bytes);
/// Remembers a deduplication id, and when to forget it.
void put_deduplication(storage::Transaction& txn, std::uint64_t queue, const std::string& key,
                       const DeduplicationRow& row);
/// Forgets up to `limit` of those that expired before `now`, from `from` on, which moves up; true when there are more.
Task<bool> forget_deduplication(storage::Transaction& txn, std::uint64_t queue, Micros& from, Micros now,
                                std::size_t limit);

/// Erases up to `limit` messages, from `from` on, which moves up, as far as `through` sequences; true when all are
/// gone.
Task<bool> erase_messages(storage::Transaction& txn, std::uint64_t queue, Position& from, std::uint64_t through,
                          std::size_t limit);
/// Erases up to `limit` deduplication rows of any age; true when none is left.
Task<bool> erase_deduplication(storage::Transaction& txn, std::uint64_t queue, std::size_t limit);

std::string task_key(const std::string& account, const std::string& region, const std::string& id);
std::string encode(const MoveTaskRow& row);
MoveTaskRow decode_task(std::string_view bytes);
Task<std::vector<MoveTaskRow>> list_tasks(storage::Transaction& txn, std::string account, std::string region);
/// Of every account and region, with the names of their source queues.
Task<std::vector<std::pair<QueueName, MoveTaskRow>>> list_all_tasks(storage::Transaction& txn);

}  // namespace cumulet::sqs::store
