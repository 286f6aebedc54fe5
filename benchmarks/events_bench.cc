#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/loop.h"
#include "base/run.h"
#include "base/thread_pool.h"
#include "events/event_pattern.h"
#include "events/timetable.h"
#include "storage/open.h"

// Events matched against many rules, and timers that fire when many wait.

namespace {

using namespace cumulet;

std::vector<events::EventPattern> patterns(std::int64_t count, bool exact) {
  std::vector<events::EventPattern> all;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    const std::string pattern =
        exact ? R"({"source":["app"],"detail-type":["t)" + n + R"("],"detail":{"state":["ok"]}})"
              : R"({"detail":{"name":[{"prefix":"x)" + n + R"("}],"n":[{"numeric":[">",)" + n + "]}]}}";
    all.push_back(*events::EventPattern::parse(pattern));
  }
  return all;
}

const std::string& event() {
  static const std::string json =
      R"({"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"t7","source":"app",)"
      R"("account":"111122223333","time":"2026-11-22T10:00:00Z","region":"eu-central-1","resources":[],)"
      R"("detail":{"state":"ok","name":"x7","n":100000,"items":[{"id":1,"k":"a"},{"id":2,"k":"b"}]}})";
  return json;
}

/// One event parsed once and matched with all rules; items are events.
void match(benchmark::State& state, bool exact) {
  const events::EventPatternIndex index(patterns(state.range(0), exact));
  for (auto _ : state) {
    const auto document = events::EventDocument::parse(event());
    benchmark::DoNotOptimize(index.matches(*document));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
void match_exact(benchmark::State& state) { match(state, true); }
void match_operators(benchmark::State& state) { match(state, false); }

/// How late a timer fires while `waiting` others wait; the mean is the counter "late_ms".
void timer_accuracy(benchmark::State& state) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "cumulet-bench-timers";
  std::filesystem::remove_all(folder);
  ThreadPool pool(2);
  const SystemClock clock;
  LocalLoop loop;
  std::int64_t late_micros = 0;
  std::int64_t fired = 0;
  {
    auto database = std::move(*storage::open_rocksdb(folder, pool));
    events::Timetable table(*database, clock, "bench",
                            [&](storage::Transaction&, Timestamp due, std::string) -> Task<void> {
                              late_micros += (clock.now() - due).count();
                              ++fired;
                              co_return;
                            });
    const auto put = [&](Timestamp from, std::int64_t count, std::chrono::microseconds apart) {
      const auto write = [&](storage::Transaction& txn) -> Task<void> {
        for (std::int64_t i = 0; i < count; ++i) table.put(txn, from + i * apart, std::to_string(i));
        co_return;
      };
      (void)loop.run(storage::transact(*database, write));
    };
    for (std::int64_t done = 0; done < state.range(0); done += 1000) {
      put(clock.now() + std::chrono::hours(24) + std::chrono::microseconds(done), 1000, std::chrono::microseconds(1));
    }
    table.start(loop);
    for (auto _ : state) {
      const std::int64_t before = fired;
      put(clock.now() + milliseconds(20), 1, std::chrono::microseconds(1));
      const auto wait = [&]() -> Task<void> {
        while (fired == before) co_await sleep_for(milliseconds(1));
      };
      (void)loop.run(wait());
    }
    table.drain(std::chrono::steady_clock::now() + seconds(1));
  }
  state.counters["late_ms"] =
      static_cast<double>(late_micros) / 1000.0 / static_cast<double>(std::max<std::int64_t>(fired, 1));
  std::filesystem::remove_all(folder);
}

BENCHMARK(match_exact)->Arg(1)->Arg(1000);
BENCHMARK(match_operators)->Arg(1)->Arg(1000);
BENCHMARK(timer_accuracy)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMillisecond)->Iterations(50);

}  // namespace

BENCHMARK_MAIN();
