#include "storage/engines/rocksdb/recent_commits.h"

#include <iterator>
#include <limits>

namespace cumulet::storage {
namespace {

constexpr Sequence kLatest = std::numeric_limits<Sequence>::max();
constexpr std::size_t kBytesPerWrite = 160;  // A node of the set, the write itself, and their share of the record.

}  // namespace

CommitRecord::CommitRecord(Sequence s, std::vector<Write> w) : sequence(s), writes(std::move(w)), bytes(0) {
  for (const Write& write : writes) {
    bytes += kBytesPerWrite + write.key.size() + (write.value ? write.value->size() : 0);
  }
}

void RecentCommits::add(CommitPtr commit) {
  for (const Write& write : commit->writes) versions_.emplace(commit, &write);
  bytes_ += commit->bytes;
  commits_.push_back(std::move(commit));
}

const Version* RecentCommits::find(std::string_view key, Sequence at) const {
  auto found = versions_.upper_bound(Position{key, at});
  if (found == versions_.begin()) return nullptr;
  --found;
  return found->write->key == key ? &*found : nullptr;
}

bool RecentCommits::changed(std::string_view key, Sequence since) const {
  const auto later = versions_.upper_bound(Position{key, since});
  return later != versions_.end() && later->write->key == key;
}

bool RecentCommits::changed(const KeyRange& range, Sequence since) const {
  for (auto at = seek(range.begin); at != versions_.end(); ++at) {
    if (!range.end.empty() && at->write->key >= range.end) return false;
    if (at->commit->sequence > since) return true;
  }
  return false;
}

std::vector<Version> RecentCommits::collect(const KeyRange& range, Sequence at, bool reverse, std::size_t count) const {
  std::vector<Version> found;
  if (!range.end.empty() && range.end <= range.begin) return found;
  const auto first = seek(range.begin);
  const auto last = range.end.empty() ? versions_.end() : seek(range.end);

  auto next = reverse ? last : first;
  while (found.size() < count && next != (reverse ? first : last)) {
    const std::string_view key = reverse ? std::prev(next)->write->key : next->write->key;
    if (const Version* version = find(key, at)) found.push_back(*version);
    next = reverse ? seek(key) : versions_.upper_bound(Position{key, kLatest});
  }
  return found;
}

void RecentCommits::forget(const CommitPtr& commit) {
  for (const Write& write : commit->writes) versions_.erase(versions_.find(Position{write.key, commit->sequence}));
  bytes_ -= commit->bytes;
}

void RecentCommits::forget_through(Sequence last) {
  while (!commits_.empty() && commits_.front()->sequence <= last) {
    forget(commits_.front());
    commits_.pop_front();
  }
}

std::size_t RecentCommits::forget_after(Sequence last) {
  std::size_t count = 0;
  while (!commits_.empty() && commits_.back()->sequence > last) {
    forget(commits_.back());
    commits_.pop_back();
    ++count;
  }
  return count;
}

}  // namespace cumulet::storage
