#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/database.h"

namespace cumulet::storage {

/// A transaction's own writes: the value, or nothing for an erased key.
using Writes = std::map<std::string, std::optional<std::string>, std::less<>>;

/// A row that a transaction adds to a log.
struct Append {
  Append(std::string l, std::string v) : log(std::move(l)), value(std::move(v)) {}
  /// The key, when the commit has that number among all commits, and this row that one within it.
  std::string key(std::uint64_t commit, std::size_t index) const;
  std::string log;
  std::string value;
};

/// Walks the keys of one layer of a range, in the order of the scan. A layer may say that a key is erased, which hides
/// the key in the layers below.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual bool valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::optional<std::string_view> value() const = 0;
  virtual void next() = 0;
};

/// Walks a transaction's own writes.
class WritesCursor final : public Cursor {
 public:
  WritesCursor(const Writes& writes, const KeyRange& range, bool reverse);
  bool valid() const override { return left_ > 0; }
  std::string_view key() const override { return at_->first; }
  std::optional<std::string_view> value() const override { return at_->second; }
  void next() override;

 private:
  Writes::const_iterator at_;
  std::size_t left_;
  bool reverse_;
};

/// What a scan found, and the part of the range that it has looked at (all that its result depends on).
struct Scanned {
  explicit Scanned(KeyRange range) : covered(std::move(range)) {}
  std::vector<KeyValue> rows;
  KeyRange covered;
};

/// Merges layers, the uppermost first, within the limits of the scan. The cursors must all walk `range` in its order.
Scanned merge_scan(const std::vector<Cursor*>& layers, const KeyRange& range, const ScanOptions& options);

/// The first key after `key`.
std::string key_after(std::string_view key);

}  // namespace cumulet::storage
