#include "services/s3/select/record_source.h"

#include <algorithm>

namespace cumulet::s3::select {

void RecordSource::feed(std::string_view piece) {
  offset_ += at_;
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_ += piece;
  ++generation_;
}

bool RecordSource::skip_mark() {
  if (looked_for_mark_) return true;
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  const std::string_view begin = rest().substr(0, kMark.size());
  if (offset_ + at_ == 0 && begin == kMark.substr(0, begin.size())) {
    if (begin.size() < kMark.size() && !finished_) return false;
    if (begin == kMark) at_ += kMark.size();
  }
  looked_for_mark_ = true;
  return true;
}

RecordSource::Next RecordSource::skip_to_first(std::string_view delimiter) {
  if (!skip_mark()) return Next::kMore;
  if (!skips_first_) return Next::kRecord;
  const std::size_t end = rest().find(delimiter);
  if (end == std::string_view::npos) {
    skip(rest().size() - std::min(rest().size(), finished_ ? 0 : delimiter.size() - 1));
    return finished_ ? Next::kEnd : Next::kMore;
  }
  skip(end + delimiter.size());
  skips_first_ = false;
  return Next::kRecord;
}

}  // namespace cumulet::s3::select
