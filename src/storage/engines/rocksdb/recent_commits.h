#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

namespace cumulet::storage {

/// The place of a commit in the order of all commits of this process; 0 is before the first.
using Sequence = std::uint64_t;

struct Write {
  Write(std::string k, std::optional<std::string> v) : key(std::move(k)), value(std::move(v)) {}
  std::string key;
  std::optional<std::string> value;  ///< Nothing: the key is erased.
};

/// What one transaction wrote.
struct CommitRecord {
  CommitRecord(Sequence s, std::vector<Write> w);
  Sequence sequence;
  std::vector<Write> writes;
  std::size_t bytes;  ///< Roughly what it holds in memory.
};
using CommitPtr = std::shared_ptr<const CommitRecord>;

/// One key as one commit left it.
struct Version {
  Version(CommitPtr c, const Write* w) : commit(std::move(c)), write(w) {}
  CommitPtr commit;
  const Write* write;
};

/// The latest commits by key: those that are not in the engine's durable snapshot yet, and those that a running
/// transaction must be validated against. Not thread-safe.
class RecentCommits {
 public:
  /// Adds a commit later than all before it.
  void add(CommitPtr commit);
  /// The newest version of a key not later than `at`; null when there is none here.
  const Version* find(std::string_view key, Sequence at) const;
  /// Whether a commit later than `since` wrote the key, or a key of the range.
  bool changed(std::string_view key, Sequence since) const;
  bool changed(const KeyRange& range, Sequence since) const;
  /// The versions that a reader at `at` sees of the range's keys, in its order, at most `count` of them.
  std::vector<Version> collect(const KeyRange& range, Sequence at, bool reverse, std::size_t count) const;

  /// Forgets the commits up to `last`, or those after it.
  void forget_through(Sequence last);
  std::size_t forget_after(Sequence last);  ///< Gives how many they were.
  std::size_t bytes() const { return bytes_; }
  /// The oldest commit still here.
  const CommitPtr* oldest() const { return commits_.empty() ? nullptr : &commits_.front(); }

 private:
  struct Position {
    std::string_view key;
    Sequence sequence;
  };
  struct Order {
    using is_transparent = void;
    static Position position(const Version& v) { return {v.write->key, v.commit->sequence}; }
    static Position position(const Position& p) { return p; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const Position x = position(a);
      const Position y = position(b);
      const int order = x.key.compare(y.key);
      return order != 0 ? order < 0 : x.sequence < y.sequence;
    }
  };
  using Versions = std::set<Version, Order>;

  Versions::const_iterator seek(std::string_view key) const { return versions_.lower_bound(Position{key, 0}); }
  void forget(const CommitPtr& commit);

  Versions versions_;
  std::deque<CommitPtr> commits_;
  std::size_t bytes_ = 0;
};

}  // namespace cumulet::storage
