#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "services/lambda/event_source/poller.h"
#include "services/lambda/event_source/stream_settings.h"

/// One of a shard's parallel lanes: takes records in order, gathers them to batches, runs the function on one batch
/// after the other, and deals with what fails: again, in halves, from the item that failed on, or given up.
/// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
namespace cumulet::lambda {

class StreamLane {
 public:
  /// `progressed` is called when the checkpoint has changed. What is referred to outlives the lane.
  StreamLane(const PollerTools& tools, const StreamSettings& settings, std::string shard, LaneCheckpoint from,
             std::function<void()> progressed);

  /// Ends when the lane was closed and has done everything, or was stopped.
  Task<void> run();
  /// `before` is what was read from the shard just before this record: nothing at the beginning.
  void push(events::StreamRecord record, const std::optional<std::string>& before);
  void close();  ///< Nothing more comes.
  void stop();

  bool idle() const { return queue_.empty() && in_work_ == 0; }
  std::size_t records() const { return queue_.size() + in_work_; }
  std::size_t bytes() const { return bytes_; }
  /// Where this lane stands. An idle one has no `done` of its own: it has done all that was read.
  LaneCheckpoint checkpoint() const;
  /// What was given up since the last call, for the on-failure destination.
  std::vector<events::Event> take_letters();

 private:
  using Records = std::vector<events::StreamRecord>;
  struct Entry {
    Entry(events::StreamRecord r, SteadyTime t) : record(std::move(r)), came(t) {}
    events::StreamRecord record;
    SteadyTime came;
  };
  struct Work {
    Work(Records r, std::uint32_t a) : records(std::move(r)), failed(a) {}
    Records records;
    std::uint32_t failed;        ///< How often the function failed on it.
    bool closes_window = false;  ///< The window's last invocation: no records.
    std::uint32_t invocations = 0;
  };
  /// What came of one invocation.
  struct Outcome {
    Outcome() = default;
    bool passing = false;  ///< Not the function's fault: again, uncounted.
    bool failed = false;
    std::size_t done = 0;  ///< Records done before the first that failed.
    std::string why;
    BatchReply reply;
  };

  /// Waits for a batch; nothing when the lane ends.
  Task<std::optional<Work>> next();
  bool is_due(std::size_t count, std::size_t bytes, SteadyTime first) const;
  std::optional<std::size_t> ready_records() const;
  Records take(std::size_t count);
  bool window_is_over() const;
  SteadyTime next_look() const;

  Task<void> work_off(Work work);
  Task<Outcome> invoke(Work& work);
  std::string payload_of(const Work& work) const;
  /// What to do with a batch that failed: puts what is to be tried again in front of `left`.
  void after_failure(Work work, const Outcome& outcome, std::deque<Work>& left);
  void give_up(const Records& records, const Work& work, std::string condition, const BatchReply& last);
  Records take_expired(Work& work) const;
  void advance(const events::StreamRecord& last, std::size_t count);
  void remember_failures(const Work& next);
  Task<void> pause(milliseconds time);
  Timestamp window_of(const events::StreamRecord& record) const;
  void observe(const Work& work) const;

  const PollerTools& tools_;
  const StreamSettings& settings_;
  const std::string shard_;
  const std::function<void()> progressed_;

  std::deque<Entry> queue_;
  std::size_t in_work_ = 0;
  std::size_t bytes_ = 0;
  std::optional<std::string> done_;
  std::optional<Timestamp> window_;
  std::string state_;
  std::string failed_at_;  ///< As in the checkpoint.
  std::uint32_t failed_ = 0;
  bool window_too_large_ = false;
  std::vector<events::Event> letters_;
  bool closed_ = false;
  bool stopping_ = false;
  Wake wake_;
};

}  // namespace cumulet::lambda
