#include "services/s3/select/stream.h"

#include <algorithm>

#include "net/yield.h"
#include "services/s3/select/errors.h"
#include "wire/event_stream.h"

namespace cumulet::s3::select {
namespace {

constexpr std::size_t kRowsAtOnce = 128 * 1024;
/// How long other work on the loop may have to wait.
constexpr std::chrono::milliseconds kTurn{4};
/// A client hears from us at least so often.
constexpr std::chrono::seconds kSilence{1};
constexpr unsigned kRecordsBetweenLooks = 16;

std::string counts(std::string_view name, std::uint64_t scanned, std::uint64_t processed, std::uint64_t returned) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><";
  xml += name;
  xml += "><BytesScanned>" + std::to_string(scanned) + "</BytesScanned><BytesProcessed>" + std::to_string(processed) +
         "</BytesProcessed><BytesReturned>" + std::to_string(returned) + "</BytesReturned></";
  xml += name;
  return xml + ">";
}

/// An event without content.
std::string bare_event(std::string_view type) {
  const wire::EventHeaders headers{{":message-type", "event"}, {":event-type", type}};
  return wire::event_message(headers, "");
}

std::string error_message(const Error& error) {
  const wire::EventHeaders headers{
      {":error-code", error.code()}, {":error-message", error.message()}, {":message-type", "error"}};
  return wire::event_message(headers, "");
}

}  // namespace

SelectStream::SelectStream(std::unique_ptr<Query> query, std::unique_ptr<RecordSource> source,
                           std::unique_ptr<Input> input, bool progress)
    : query_(std::move(query)), source_(std::move(source)), input_(std::move(input)), progress_(progress) {}

std::string_view SelectStream::work(bool& more, bool& ended) {
  const SteadyTime until = std::chrono::steady_clock::now() + kTurn;
  more = false;
  ended = query_->done();
  for (unsigned count = 1; !ended && !more && rows_.size() < kRowsAtOnce; ++count) {
    switch (source_->next()) {
      case RecordSource::Next::kRecord: {
        const std::string_view failure = query_->take(source_->record(), rows_);
        if (!failure.empty()) return failure;
        ended = query_->done();
        break;
      }
      case RecordSource::Next::kMore:
        more = true;
        break;
      case RecordSource::Next::kEnd:
        ended = true;
        break;
      case RecordSource::Next::kFailed:
        return source_->failure();
    }
    if (count % kRecordsBetweenLooks == 0 && std::chrono::steady_clock::now() >= until) break;
  }
  if (ended) return query_->finish(rows_);
  return {};
}

Task<void> SelectStream::advance() {
  last_word_ = std::chrono::steady_clock::now();
  while (messages_.empty()) {
    bool more = false;
    bool ended = false;
    const std::string_view failure = work(more, ended);
    if (!failure.empty()) {
      send_records();
      co_await fail(select_error(failure));
    }
    if (ended) {
      end();
      co_return;
    }
    if (rows_.size() >= kRowsAtOnce) {
      send_records();
    } else if (std::chrono::steady_clock::now() - last_word_ >= kSilence) {
      send_records();
      if (progress_) send_counts("Progress");
      if (messages_.empty()) messages_ = bare_event("Cont");
    } else if (more) {
      const std::string piece = co_await input_->read();
      if (piece.empty()) {
        source_->finish();
      } else {
        source_->feed(piece);
      }
    } else {
      co_await net::Yield();
    }
  }
}

void SelectStream::send_records() {
  const wire::EventHeaders headers{
      {":message-type", "event"}, {":content-type", "application/octet-stream"}, {":event-type", "Records"}};
  for (std::string_view left = rows_; !left.empty();) {
    const std::string_view part = left.substr(0, kRowsAtOnce);
    messages_ += wire::event_message(headers, part);
    left.remove_prefix(part.size());
  }
  returned_ += rows_.size();
  rows_.clear();
}

void SelectStream::send_counts(std::string_view event) {
  const wire::EventHeaders headers{{":message-type", "event"}, {":content-type", "text/xml"}, {":event-type", event}};
  messages_ += wire::event_message(headers, counts(event, input_->scanned(), input_->processed(), returned_));
}

void SelectStream::end() {
  send_records();
  if (progress_) send_counts("Progress");
  send_counts("Stats");
  messages_ += bare_event("End");
  ended_ = true;
}

Task<void> SelectStream::begin() { co_await advance(); }

Task<std::string> SelectStream::read() {
  if (messages_.empty() && !ended_) {
    const Result<void> advanced = co_await attempt(advance());
    if (!advanced.ok()) {
      messages_ += error_message(advanced.error());
      ended_ = true;
    }
  }
  std::string piece = messages_.substr(sent_, kPiece);
  sent_ += piece.size();
  if (sent_ == messages_.size()) {
    messages_.clear();
    sent_ = 0;
  }
  co_return piece;
}

}  // namespace cumulet::s3::select
