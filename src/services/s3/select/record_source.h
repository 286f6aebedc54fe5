#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "services/s3/select/evaluation.h"

namespace cumulet::s3::select {

/// Cuts the object's bytes into records. What has been read is forgotten record by record: memory is bounded by the
/// longest record and one piece.
class RecordSource {
 public:
  enum class Next {
    kRecord,
    kMore,  ///< Give it more with `feed`, or `finish` it.
    kEnd,
    kFailed,
  };

  virtual ~RecordSource() = default;
  RecordSource() = default;
  RecordSource(const RecordSource&) = delete;
  RecordSource& operator=(const RecordSource&) = delete;

  virtual Next next() = 0;
  /// The current record, after kRecord.
  virtual const Record& record() const = 0;
  /// Says how references are meant: called once for each, before the first record. Fails with the code that is given
  /// back; empty when all is well.
  virtual std::string_view bind(Expression& reference) = 0;

  void feed(std::string_view piece);
  void finish() { finished_ = true; }
  std::string_view failure() const { return failure_; }

  /// Records that begin behind this offset are not wanted.
  void stop_after(std::uint64_t offset) { last_ = offset; }
  /// The first thing that is fed is the end of a record that is not wanted.
  void skip_first() { skips_first_ = true; }
  /// The first byte that is fed has this offset in the object.
  void begin_at(std::uint64_t offset) { offset_ = offset; }

 protected:
  Next fail(std::string_view code) {
    failure_ = code;
    return Next::kFailed;
  }
  /// Whether what begins here is behind the stretch that is wanted.
  bool beyond() const { return offset_ + at_ > last_; }
  bool finished() const { return finished_; }
  std::string_view rest() const { return std::string_view(buffer_).substr(at_); }
  std::size_t at() const { return at_; }
  void skip(std::size_t bytes) { at_ += bytes; }
  /// Counts pieces: what was found in the buffer holds until this changes.
  std::uint64_t generation() const { return generation_; }
  /// Passes by what is no part of the first record: a mark of byte order, and what skip_first says. kRecord when
  /// that is done.
  Next skip_to_first(std::string_view delimiter);

 private:
  bool skip_mark();

  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t offset_ = 0;  ///< Of the buffer's first byte.
  std::uint64_t last_ = UINT64_MAX;
  std::uint64_t generation_ = 0;
  bool finished_ = false;
  bool looked_for_mark_ = false;
  bool skips_first_ = false;
  std::string_view failure_;
};

}  // namespace cumulet::s3::select
