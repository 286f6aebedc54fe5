#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "services/dynamodb/copier.h"

namespace cumulet::dynamodb {

/// What became of one item in a window of time: as rows they are the copy that an incremental export writes out.
struct ItemChange {
  enum class After : std::uint8_t {
    kUnknown = 0,
    kAsNow = 1,   ///< How the item was when it was looked up, some time after the window.
    kAsThen = 2,  ///< How the window left it.
  };
  ItemChange() = default;

  Timestamp written{};  ///< The last time in the window.
  std::string before;   ///< The item's row when the window began; empty: there was none.
  std::string after;    ///< The same when it ended.
  After known = After::kUnknown;

  std::string encode() const;
  static Result<ItemChange> decode(std::string_view row);
};

/// Gathers the changes of a window from a table's log of old images, whose first record of an item is how the item was
/// before. How the window left an item is told by its first record after the window; when there is none, the item is as
/// now. So the items are looked up first, and then the log is read to its end: what has changed an item meanwhile is
/// there.
class ChangeCollector {
 public:
  explicit ChangeCollector(Store& store) : store_(store) {}

  /// One piece; gives the copy as it goes on from there, at last in the phase kFinish.
  Task<Copy> step(storage::Transaction& transaction, const keys::JobKey& job, Copy copy) const;

 private:
  Task<Copy> collect(storage::Transaction& transaction, const keys::JobKey& job, Copy copy) const;
  Task<Copy> look_up(storage::Transaction& transaction, const keys::JobKey& job, Copy copy) const;
  Task<Copy> correct(storage::Transaction& transaction, const keys::JobKey& job, Copy copy) const;

  Store& store_;
};

}  // namespace cumulet::dynamodb
