// Durable commits a second and their latency, beside what the disk itself can do in the same run.
//
//   bench_storage [directory] [seconds for each line]

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "base/run.h"
#include "base/thread_pool.h"
#include "storage/key.h"
#include "storage/open.h"

namespace cumulet::storage {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kValueBytes = 400;

double micros(Clock::duration duration) { return std::chrono::duration<double, std::micro>(duration).count(); }

/// Latencies of one line, by task.
class Samples {
 public:
  void add(Clock::duration latency) { micros_.push_back(micros(latency)); }
  void merge(const Samples& other) { micros_.insert(micros_.end(), other.micros_.begin(), other.micros_.end()); }
  void print(const std::string& name, double seconds, const std::string& remark) {
    std::sort(micros_.begin(), micros_.end());
    fmt::print("{:<42} {:>10.0f}/s   p50 {:>8.0f} us   p99 {:>8.0f} us   {}\n", name,
               static_cast<double>(micros_.size()) / seconds, at(0.5), at(0.99), remark);
    std::fflush(stdout);
  }

 private:
  double at(double part) const {
    return micros_.empty() ? 0 : micros_[static_cast<std::size_t>(part * static_cast<double>(micros_.size() - 1))];
  }
  std::vector<double> micros_;
};

/// What a commit must cost at the least: appending a row to a file, and fdatasync.
void raw_sync(const std::filesystem::path& directory, double length) {
  const std::string path = (directory / "raw").string();
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) return;
  const std::string row(kValueBytes, 'x');
  Samples samples;
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + std::chrono::microseconds(static_cast<std::int64_t>(length * 1e6));
  for (Clock::time_point now = begin; now < end;) {
    if (::write(fd, row.data(), row.size()) < 0 || ::fdatasync(fd) != 0) break;
    const Clock::time_point done = Clock::now();
    samples.add(done - now);
    now = done;
  }
  ::close(fd);
  samples.print("write + fdatasync, one after the other", length, "the disk's limit");
}

struct Line {
  enum class Work { kPut, kHotKey, kRead };
  Line(std::string n, Work w, int t, int l) : name(std::move(n)), work(w), tasks(t), loops(l) {}
  std::string name;
  Work work;
  int tasks;
  int loops;
};

Task<void> put_row(Transaction& transaction, std::string key, std::string value) {
  transaction.put(std::move(key), std::move(value));
  co_return;
}
Task<void> add_one(Transaction& transaction) {
  const std::optional<std::string> value = co_await transaction.get("hot");
  transaction.put("hot", std::to_string(value ? std::stoull(*value) + 1 : 1));
}
Task<void> read_row(Transaction& transaction, std::string key) { (void)co_await transaction.get(std::move(key)); }

/// One piece of work; a value, so that `transact` may run it again.
struct Piece {
  Piece(Line::Work w, std::string k) : work(w), key(std::move(k)) {}
  Line::Work work;
  std::string key;
  Task<void> operator()(Transaction& transaction) const {
    if (work == Line::Work::kHotKey) return add_one(transaction);
    if (work == Line::Work::kRead) return read_row(transaction, key);
    return put_row(transaction, key, std::string(kValueBytes, 'v'));
  }
};

Task<void> work_until(Database& database, Line::Work work, std::uint64_t task, Clock::time_point end,
                      Samples& samples) {
  for (std::uint64_t i = 0;; ++i) {
    const Clock::time_point began = Clock::now();
    if (began >= end) co_return;
    const std::string key = Key("bench").number(task).number(work == Line::Work::kRead ? i % 100 : i).bytes();
    co_await transact(database, Piece(work, key));
    samples.add(Clock::now() - began);
    // A read never leaves the loop: the others must have their turn.
    if (work == Line::Work::kRead && i % 64 == 0) co_await sleep_until(Clock::now());
  }
}

void run_line(Database& database, const Line& line, double length) {
  const DatabaseStats before = database.stats();
  const Clock::time_point end = Clock::now() + std::chrono::microseconds(static_cast<std::int64_t>(length * 1e6));
  std::vector<Samples> samples(static_cast<std::size_t>(line.tasks));
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int l = 0; l < line.loops; ++l) {
    threads.emplace_back([&, l] {
      LocalLoop loop;
      Deferred<bool> all;
      int left = 0;
      for (int task = l; task < line.tasks; task += line.loops) ++left;
      if (left == 0) return;
      for (int task = l; task < line.tasks; task += line.loops) {
        const auto index = static_cast<std::size_t>(task);
        start(work_until(database, line.work, index, end, samples[index]), [&](const Result<void>& result) {
          if (!result.ok()) ++failed;
          if (--left == 0) all.resolve(true);
        });
      }
      (void)loop.run(all.wait());
    });
  }
  for (std::thread& thread : threads) thread.join();
  Samples merged;
  for (const Samples& of_task : samples) merged.merge(of_task);
  const DatabaseStats after = database.stats();
  std::string remark = fmt::format("{:.0f} syncs/s", static_cast<double>(after.syncs - before.syncs) / length);
  if (after.conflicts > before.conflicts) remark += fmt::format(", {} conflicts", after.conflicts - before.conflicts);
  if (failed > 0) remark += fmt::format(", {} FAILED", failed.load());
  merged.print(line.name, length, remark);
}

int run_all(const std::filesystem::path& directory, double length) {
  ThreadPool pool(2);
  const Clock::time_point began = Clock::now();
  Result<std::unique_ptr<Database>> database = open_rocksdb(directory / "db", pool);
  if (!database.ok()) {
    fmt::print(stderr, "{}\n", database.error().message());
    return 1;
  }
  fmt::print("{:<42} {:>10.1f} ms\n", "open", micros(Clock::now() - began) / 1000);
  raw_sync(directory, length);
  for (const Line& line : {Line("durable put of 400 B, 1 task", Line::Work::kPut, 1, 1),
                           Line("durable put of 400 B, 8 tasks", Line::Work::kPut, 8, 1),
                           Line("durable put of 400 B, 64 tasks, 1 loop", Line::Work::kPut, 64, 1),
                           Line("durable put of 400 B, 64 tasks, 2 loops", Line::Work::kPut, 64, 2),
                           Line("read-modify-write of one key, 64 tasks", Line::Work::kHotKey, 64, 1),
                           Line("the same, 2 loops", Line::Work::kHotKey, 64, 2),
                           Line("read of a cached row, 1 task", Line::Work::kRead, 1, 1)}) {
    run_line(**database, line, length);
  }
  raw_sync(directory, length);
  return 0;
}

}  // namespace
}  // namespace cumulet::storage

int main(int argc, char** argv) {
  const double length = argc > 2 ? std::atof(argv[2]) : 5;
  std::string pattern = std::string(argc > 1 ? argv[1] : ".") + "/bench-storage-XXXXXX";
  if (length <= 0 || !::mkdtemp(pattern.data())) {
    fmt::print(stderr, "usage: bench_storage [directory] [seconds for each line]\n");
    return 2;
  }
  const int result = cumulet::storage::run_all(pattern, length);
  std::filesystem::remove_all(pattern);
  return result;
}
