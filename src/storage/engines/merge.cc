#include "storage/engines/merge.h"

#include <iterator>

namespace cumulet::storage {

std::string key_after(std::string_view key) {
  std::string next;
  next.reserve(key.size() + 1);
  next.append(key).push_back('\0');
  return next;
}

std::string Append::key(std::uint64_t commit, std::size_t index) const {
  std::string key = log;
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(commit >> shift);
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(index >> shift);
  return key;
}

WritesCursor::WritesCursor(const Writes& writes, const KeyRange& range, bool reverse) : left_(0), reverse_(reverse) {
  const bool empty = !range.end.empty() && range.end <= range.begin;
  const auto first = writes.lower_bound(range.begin);
  const auto last = empty ? first : range.end.empty() ? writes.end() : writes.lower_bound(range.end);
  left_ = static_cast<std::size_t>(std::distance(first, last));
  at_ = reverse_ && left_ > 0 ? std::prev(last) : first;
}

void WritesCursor::next() {
  if (--left_ == 0) return;
  if (reverse_) {
    --at_;
  } else {
    ++at_;
  }
}

Scanned merge_scan(const std::vector<Cursor*>& layers, const KeyRange& range, const ScanOptions& options) {
  Scanned scanned(range);
  std::size_t bytes = 0;
  while (scanned.rows.size() < options.limit && bytes <= options.byte_limit) {
    Cursor* top = nullptr;
    for (Cursor* layer : layers) {
      if (!layer->valid()) continue;
      const bool earlier = top && (options.reverse ? layer->key() > top->key() : layer->key() < top->key());
      if (!top || earlier) top = layer;
    }
    if (!top) return scanned;

    const std::string key(top->key());
    if (const std::optional<std::string_view> value = top->value()) {
      bytes += key.size() + value->size();
      scanned.rows.emplace_back(key, std::string(*value));
    }
    for (Cursor* layer : layers) {
      if (layer->valid() && layer->key() == key) layer->next();
    }
  }
  if (scanned.rows.empty()) return scanned;
  if (options.reverse) {
    scanned.covered.begin = scanned.rows.back().key;
  } else {
    scanned.covered.end = key_after(scanned.rows.back().key);
  }
  return scanned;
}

}  // namespace cumulet::storage
