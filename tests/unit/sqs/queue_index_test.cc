#include "services/sqs/queue_index.h"

#include <gtest/gtest.h>

namespace cumulet::sqs {
namespace {

constexpr Micros kStart = 1'000 * kSecond;
using Rows = std::vector<std::pair<Position, MessageState>>;

MessageState message(Micros sent, std::string group = "") {
  MessageState state;
  state.sent = sent;
  state.visible_at = sent;
  state.group = std::move(group);
  return state;
}

QueueIndex::Choice choice(Micros now, std::size_t count = 10) {
  QueueIndex::Choice choice;
  choice.now = now;
  choice.count = count;
  choice.retention = 3600 * kSecond;
  return choice;
}

/// An index that has looked at its empty store.
QueueIndex fresh(bool fifo = false, QueueIndex::Limits limits = {}) {
  QueueIndex index(fifo, 100, 0, limits);
  const auto load = index.begin_load(kStart);
  if (load) index.end_load(*load, {}, false, kStart);
  index.counted_all();
  return index;
}

Position send(QueueIndex& index, Micros now, std::string group = "") {
  const Position place = index.assign(now);
  index.publish(place, message(now, std::move(group)), now);
  return place;
}

std::vector<Position> take(QueueIndex& index, Micros now, std::size_t count = 10) {
  std::vector<Position> positions;
  for (const QueueIndex::Taken& one : index.take(choice(now, count))) positions.push_back(one.position);
  return positions;
}

/// Puts a taken message in flight until `until`.
void fly(QueueIndex& index, Position position, Micros until, std::string group = "") {
  MessageState state = message(position.time, std::move(group));
  state.receives = 1;
  state.visible_at = until;
  index.received(position, std::move(state));
}

TEST(QueueIndexTest, WhatIsPublishedIsTakenOnce) {
  QueueIndex index = fresh();
  const Position place = send(index, kStart);
  EXPECT_EQ(take(index, kStart + 1), std::vector<Position>{place});
  EXPECT_TRUE(take(index, kStart + 1).empty());
  index.put_back(place);
  EXPECT_EQ(take(index, kStart + 1), std::vector<Position>{place});
}

TEST(QueueIndexTest, AMessageWaitsForThoseBeforeItThatAreBeingWritten) {
  QueueIndex index = fresh(true);
  const Position first = index.assign(kStart);
  const Position second = send(index, kStart, "g");
  EXPECT_TRUE(take(index, kStart + 1).empty());
  index.publish(first, message(kStart, "g"), kStart);
  EXPECT_EQ(take(index, kStart + 1), (std::vector<Position>{first, second}));
}

TEST(QueueIndexTest, AnAbandonedPlaceHoldsNothingUp) {
  QueueIndex index = fresh();
  const Position first = index.assign(kStart);
  const Position second = send(index, kStart);
  index.abandon(first, kStart);
  EXPECT_EQ(take(index, kStart + 1), std::vector<Position>{second});
}

TEST(QueueIndexTest, AMessageInFlightComesBackAtItsTimeAndNotBefore) {
  QueueIndex index = fresh();
  const Position place = send(index, kStart);
  take(index, kStart);
  fly(index, place, kStart + 30 * kSecond);
  EXPECT_TRUE(take(index, kStart + 30 * kSecond - 1).empty());
  EXPECT_EQ(index.next_event(0), kStart + 30 * kSecond);
  EXPECT_EQ(take(index, kStart + 30 * kSecond), std::vector<Position>{place});
}

TEST(QueueIndexTest, ADelayedMessageIsLoadedWhenItsTimeHasCome) {
  QueueIndex index = fresh();
  const Position later = index.assign(kStart + 5 * kSecond);
  index.publish(later, message(kStart), kStart);
  const Position now = send(index, kStart + 1);
  EXPECT_EQ(take(index, kStart + 2), std::vector<Position>{now});
  EXPECT_FALSE(index.begin_load(kStart + 5 * kSecond - 1));
  EXPECT_EQ(index.counts(kStart + 2, 0).delayed, 1u);
  const auto load = index.begin_load(kStart + 5 * kSecond + 1);
  ASSERT_TRUE(load);
  EXPECT_GT(load->from, now);
  index.end_load(*load, Rows{{later, message(kStart)}}, false, kStart + 5 * kSecond + 1);
  EXPECT_EQ(take(index, kStart + 5 * kSecond + 1), std::vector<Position>{later});
}

TEST(QueueIndexTest, PastTheWindowMessagesStayInTheStoreAndNoneIsSkipped) {
  QueueIndex::Limits limits;
  limits.window = 4;
  limits.low_water = 2;
  limits.page = 3;
  QueueIndex index = fresh(false, limits);
  std::map<Position, MessageState> store;
  for (int i = 0; i < 20; ++i) store.emplace(send(index, kStart + i), message(kStart + i));
  EXPECT_EQ(index.counts(kStart + 20, 0).visible, 20u);
  std::vector<Position> seen;
  for (int round = 0; round < 100 && seen.size() < 20; ++round) {
    if (const auto load = index.begin_load(kStart + 100)) {
      Rows rows;
      for (auto at = store.lower_bound(load->from); at != store.end() && rows.size() < limits.page; ++at) {
        rows.emplace_back(at->first, at->second);
      }
      index.end_load(*load, rows, rows.size() == limits.page, kStart + 100);
    }
    for (const Position& position : take(index, kStart + 100, 2)) {
      seen.push_back(position);
      index.removed(position);
      store.erase(position);
    }
  }
  EXPECT_EQ(seen.size(), 20u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(index.counts(kStart + 200, 0).visible, 0u);
}

TEST(QueueIndexTest, ALoadStopsBeforeAPlaceThatIsBeingWritten) {
  QueueIndex index(false, 100, 0, {});
  const Position writing = index.assign(kStart);
  const auto load = index.begin_load(kStart + 10);
  ASSERT_TRUE(load);
  EXPECT_LE(load->bound, writing);
  index.end_load(*load, {}, false, kStart + 10);
  index.publish(writing, message(kStart), kStart + 10);
  EXPECT_EQ(take(index, kStart + 11), std::vector<Position>{writing});
}

TEST(QueueIndexTest, AGroupIsLockedUntilAllOfItIsBackOrGone) {
  QueueIndex index = fresh(true);
  std::vector<Position> places;
  for (int i = 0; i < 3; ++i) places.push_back(send(index, kStart + i, "g"));
  const Position other = send(index, kStart + 3, "h");
  EXPECT_EQ(take(index, kStart + 10, 2), (std::vector<Position>{places[0], places[1]}));
  fly(index, places[0], kStart + kMinute, "g");
  fly(index, places[1], kStart + kMinute, "g");
  EXPECT_EQ(take(index, kStart + 10), std::vector<Position>{other});
  index.removed(places[0]);
  EXPECT_TRUE(take(index, kStart + 10).empty());
  index.removed(places[1]);
  EXPECT_EQ(take(index, kStart + 10), std::vector<Position>{places[2]});
}

TEST(QueueIndexTest, WhatComesBackIsFirstInItsGroup) {
  QueueIndex index = fresh(true);
  const Position first = send(index, kStart, "g");
  const Position second = send(index, kStart + 1, "g");
  take(index, kStart + 10, 1);
  fly(index, first, kStart + kSecond, "g");
  EXPECT_EQ(take(index, kStart + kSecond), (std::vector<Position>{first, second}));
}

TEST(QueueIndexTest, TooManyReceivesMakeADeadLetter) {
  QueueIndex index = fresh();
  const Position place = send(index, kStart);
  take(index, kStart);
  fly(index, place, kStart + kSecond);
  QueueIndex::Choice last = choice(kStart + kSecond);
  last.max_receives = 1;
  const std::vector<QueueIndex::Taken> taken = index.take(last);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].fate, QueueIndex::Fate::kDeadLetter);
}

TEST(QueueIndexTest, RetentionExpiresMessages) {
  QueueIndex index = fresh();
  send(index, kStart);
  const std::vector<QueueIndex::Taken> taken = index.take(choice(kStart + 3600 * kSecond));
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].fate, QueueIndex::Fate::kExpire);
}

TEST(QueueIndexTest, APurgeForgetsAllThatWasSentBeforeIt) {
  QueueIndex index = fresh();
  send(index, kStart);
  const Position writing = index.assign(kStart);
  const std::uint64_t through = index.last_sequence();
  index.purge(through);
  EXPECT_TRUE(index.writing_through(through));
  index.publish(writing, message(kStart), kStart + 1);
  EXPECT_TRUE(take(index, kStart + 2).empty());
  const Position after = send(index, kStart + 2);
  EXPECT_EQ(take(index, kStart + 3), std::vector<Position>{after});
  EXPECT_EQ(index.counts(kStart + 3, 0).visible, 0u);
}

TEST(QueueIndexTest, ADelayedFifoQueueHoldsBackWhatIsInItAlready) {
  QueueIndex index = fresh(true);
  const Position place = send(index, kStart, "g");
  QueueIndex::Choice delayed = choice(kStart + kSecond);
  delayed.fifo_delay = 5 * kSecond;
  EXPECT_TRUE(index.take(delayed).empty());
  EXPECT_EQ(index.counts(kStart + kSecond, 5 * kSecond).delayed, 1u);
  EXPECT_EQ(index.next_event(5 * kSecond), kStart + 5 * kSecond);
  delayed.now = kStart + 5 * kSecond;
  ASSERT_EQ(index.take(delayed).size(), 1u);
  index.removed(place);
}

TEST(QueueIndexTest, AfterAStartMessagesInFlightStayHidden) {
  QueueIndex index(false, 100, 0, {});
  MessageState flying = message(kStart);
  flying.receives = 1;
  flying.visible_at = kStart + kMinute;
  const Position hidden(kStart, 1);
  const Position open(kStart, 2);
  const auto load = index.begin_load(kStart + kSecond);
  ASSERT_TRUE(load);
  index.end_load(*load, Rows{{hidden, flying}, {open, message(kStart)}}, false, kStart + kSecond);
  EXPECT_EQ(take(index, kStart + kSecond), std::vector<Position>{open});
  EXPECT_EQ(take(index, kStart + kMinute), std::vector<Position>{hidden});
}

}  // namespace
}  // namespace cumulet::sqs
