// Kills a writing process again and again, and looks at what it left behind.
//
//   storage_crash [cycles] [directory]
//
// Each cycle starts a child that writes to the store from several tasks at once and tells of each commit through a pipe
// as soon as it is acknowledged; the parent kills it (SIGKILL) at a random moment, opens the store, and checks that
//  - every acknowledged commit is there,
//  - every transaction is there as a whole or not at all,
//  - each task's commits are there in their order, without a gap,
//  - each acknowledged blob is whole.
// A kill takes the process away, not the machine: what it cannot show is whether the sync reaches the disk itself.

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/run.h"
#include "base/thread_pool.h"
#include "storage/key.h"
#include "storage/open.h"

namespace cumulet::storage {
namespace {

constexpr int kLoops = 2;
constexpr int kTasksPerLoop = 8;
constexpr int kTasks = kLoops * kTasksPerLoop;
constexpr std::uint64_t kBlobEvery = 16;

/// Commit `round` of a task was acknowledged. Smaller than PIPE_BUF, so that writes to the pipe never mix.
struct Acknowledged {
  std::uint32_t task;
  std::uint64_t round;
};

std::string count_key(int task) { return Key("count").number(static_cast<std::uint64_t>(task)).bytes(); }
std::string log_key(int task, std::uint64_t round) {
  return Key("log").number(static_cast<std::uint64_t>(task)).number(round).bytes();
}
std::string mirror_key(int task, std::uint64_t round) {
  return Key("mirror").number(round).number(static_cast<std::uint64_t>(task)).bytes();
}
std::string total_key() { return Key("total").bytes(); }

std::uint64_t number_in(const std::optional<std::string>& value) { return value ? std::stoull(*value) : 0; }

/// One round: four rows that belong together, one of them shared by all tasks.
Task<std::uint64_t> write_round(Transaction& transaction, int task, std::string blob) {
  const std::uint64_t round = number_in(co_await transaction.get(count_key(task))) + 1;
  const std::uint64_t total = number_in(co_await transaction.get(total_key())) + 1;
  const std::string filler(round % 300, 'x');
  transaction.put(count_key(task), std::to_string(round));
  transaction.put(total_key(), std::to_string(total));
  transaction.put(log_key(task, round), blob.empty() ? filler : "blob " + blob);
  transaction.put(mirror_key(task, round), filler);
  co_return round;
}

struct WriteRound {
  WriteRound(int t, std::string b) : task(t), blob(std::move(b)) {}
  int task;
  std::string blob;
  Task<std::uint64_t> operator()(Transaction& transaction) const { return write_round(transaction, task, blob); }
};

Task<std::string> write_blob(BlobStore& blobs, int task) {
  const std::unique_ptr<BlobStore::Writer> writer = co_await blobs.create();
  for (int i = 0; i <= task; ++i) co_await writer->write(std::string(100'000, static_cast<char>('a' + task)));
  co_return co_await writer->finish();
}

Task<void> write_forever(Database& database, BlobStore& blobs, int task, int pipe) {
  for (std::uint64_t turn = 1;; ++turn) {
    std::string blob;
    if (turn % kBlobEvery == 0) blob = co_await write_blob(blobs, task);
    const Acknowledged acknowledged{static_cast<std::uint32_t>(task),
                                    co_await transact(database, WriteRound(task, blob))};
    if (::write(pipe, &acknowledged, sizeof acknowledged) != sizeof acknowledged) co_return;
  }
}

[[noreturn]] void run_writer(const std::filesystem::path& directory, int pipe) {
  ThreadPool pool(2);
  Result<std::unique_ptr<Database>> database = open_rocksdb(directory / "db", pool);
  Result<std::unique_ptr<BlobStore>> blobs = open_blob_files(directory / "blobs", pool);
  if (!database.ok() || !blobs.ok()) {
    std::fprintf(stderr, "the writer cannot open its store: %s\n",
                 database.ok() ? blobs.error().message().c_str() : database.error().message().c_str());
    std::_Exit(2);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < kLoops; ++t) {
    threads.emplace_back([&, t] {
      LocalLoop loop;
      Deferred<bool> failed;
      for (int i = 0; i < kTasksPerLoop; ++i) {
        start(write_forever(**database, **blobs, t * kTasksPerLoop + i, pipe),
              [&failed](const Result<void>&) { failed.resolve(true); });
      }
      (void)loop.run(failed.wait());
      std::fprintf(stderr, "the writer's store failed\n");
      std::_Exit(3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::_Exit(4);
}

using Rounds = std::array<std::uint64_t, kTasks>;

/// Reads what the writer acknowledged until it is gone, and kills it on the way.
bool run_and_kill(const std::filesystem::path& directory, std::chrono::microseconds life, Rounds& acknowledged) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return false;
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) run_writer(directory, pipe_ends[1]);
  ::close(pipe_ends[1]);

  std::thread killer([child, life] {
    std::this_thread::sleep_for(life);
    ::kill(child, SIGKILL);
  });
  Acknowledged one;
  while (::read(pipe_ends[0], &one, sizeof one) == sizeof one) acknowledged[one.task] = one.round;
  killer.join();
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

class Checker {
 public:
  Checker(Database& database, BlobStore& blobs) : database_(database), blobs_(blobs) {}

  /// Gives how many things are wrong, and sets `acknowledged` to what is there.
  Task<std::uint64_t> check(Rounds& acknowledged) {
    std::uint64_t sum = 0;
    for (int task = 0; task < kTasks; ++task) {
      const std::uint64_t there = number_in(co_await read(count_key(task)));
      const std::uint64_t promised = acknowledged[static_cast<std::size_t>(task)];
      expect(there >= promised, "acknowledged commit lost", task, promised);
      expect(there <= promised + 1, "commit that was never acknowledged before the next one", task, there);
      co_await check_rows(task, there);
      acknowledged[static_cast<std::size_t>(task)] = there;
      sum += there;
    }
    expect(number_in(co_await read(total_key())) == sum, "the shared row does not fit the others", -1, sum);
    co_return wrong_;
  }

 private:
  Task<std::optional<std::string>> read(std::string key) {
    const std::unique_ptr<Transaction> transaction = database_.begin();
    co_return co_await transaction->get(key);
  }

  /// Rows 1 to `rounds` of the task's log and none else, each with its mirror; of the later ones also the bytes.
  Task<void> check_rows(int task, std::uint64_t rounds) {
    const std::string prefix = Key("log").number(static_cast<std::uint64_t>(task)).bytes();
    std::uint64_t expected = checked_from(rounds);
    const std::unique_ptr<Transaction> transaction = database_.begin();
    std::string from = log_key(task, expected);
    while (true) {
      const std::vector<KeyValue> rows = co_await transaction->scan(KeyRange(from, after_prefix(prefix)));
      if (rows.empty()) break;
      for (const KeyValue& row : rows) {
        expect(row.key == log_key(task, expected), "gap in the log", task, expected);
        const std::string filler(expected % 300, 'x');
        const std::optional<std::string> mirror = co_await transaction->get(mirror_key(task, expected));
        expect(mirror == filler, "half a transaction", task, expected);
        if (row.value.starts_with("blob ")) {
          co_await check_blob(row.value.substr(5), task, expected);
        } else {
          expect(row.value == filler, "wrong bytes in the log", task, expected);
        }
        ++expected;
      }
      from = rows.back().key + '\0';
    }
    expect(expected == rounds + 1, "log and count differ", task, expected);
    const std::optional<std::string> beyond = co_await transaction->get(mirror_key(task, rounds + 1));
    expect(!beyond, "half a transaction beyond the last", task, rounds + 1);
  }

  Task<void> check_blob(std::string id, int task, std::uint64_t round) {
    const std::uint64_t size = 100'000ull * static_cast<std::uint64_t>(task + 1);
    Result<std::unique_ptr<BodySource>> body = co_await attempt(blobs_.open(id, 0, size));
    expect(body.ok(), "acknowledged blob lost", task, round);
    if (!body.ok()) co_return;
    const std::string bytes = co_await read_all(*body.value(), size, Error(errors::kInternalFailure, "too large"));
    expect(bytes == std::string(size, static_cast<char>('a' + task)), "blob is not whole", task, round);
  }

  /// The rows of many cycles ago were checked then.
  static std::uint64_t checked_from(std::uint64_t rounds) { return rounds > 2000 ? rounds - 2000 : 1; }

  void expect(bool right, const char* what, int task, std::uint64_t round) {
    if (right) return;
    if (++wrong_ <= 20) {
      std::fprintf(stderr, "WRONG: %s (task %d, round %llu)\n", what, task, static_cast<unsigned long long>(round));
    }
  }

  Database& database_;
  BlobStore& blobs_;
  std::uint64_t wrong_ = 0;
};

int run_cycles(int cycles, const std::filesystem::path& directory) {
  std::random_device seed;
  std::mt19937 random(seed());
  Rounds acknowledged{};
  for (int cycle = 1; cycle <= cycles; ++cycle) {
    // Often right after the start, where recovery itself is hit; sometimes long enough to flush and compact.
    const std::chrono::microseconds life(cycle % 4 == 0 ? 500'000 + random() % 500'000 : 20'000 + random() % 200'000);
    if (!run_and_kill(directory, life, acknowledged)) {
      std::fprintf(stderr, "cycle %d: the writer ended by itself\n", cycle);
      return 1;
    }
    ThreadPool pool(2);
    Result<std::unique_ptr<Database>> database = open_rocksdb(directory / "db", pool);
    Result<std::unique_ptr<BlobStore>> blobs = open_blob_files(directory / "blobs", pool);
    if (!database.ok() || !blobs.ok()) {
      std::fprintf(stderr, "cycle %d: the store does not open: %s\n", cycle,
                   database.ok() ? blobs.error().message().c_str() : database.error().message().c_str());
      return 1;
    }
    Checker checker(**database, **blobs);
    const Result<std::uint64_t> wrong = run(checker.check(acknowledged));
    if (!wrong.ok() || wrong.value() > 0) {
      std::fprintf(stderr, "cycle %d: %s\n", cycle,
                   wrong.ok() ? "the store is wrong" : wrong.error().message().c_str());
      return 1;
    }
    if (cycle % 10 == 0 || cycle == cycles) {
      std::uint64_t commits = 0;
      for (const std::uint64_t rounds : acknowledged) commits += rounds;
      std::printf("%d of %d cycles, %llu commits, none lost\n", cycle, cycles,
                  static_cast<unsigned long long>(commits));
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace
}  // namespace cumulet::storage

int main(int argc, char** argv) {
  const int cycles = argc > 1 ? std::atoi(argv[1]) : 20;
  if (cycles < 1) {
    std::fprintf(stderr, "usage: storage_crash [cycles] [directory]\n");
    return 2;
  }
  if (argc > 2) {
    std::filesystem::create_directories(argv[2]);
    return cumulet::storage::run_cycles(cycles, argv[2]);
  }
  std::string pattern = (std::filesystem::temp_directory_path() / "cumulet-crash-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) return 2;
  const int result = cumulet::storage::run_cycles(cycles, pattern);
  if (result == 0) {
    std::filesystem::remove_all(pattern);
  } else {
    std::fprintf(stderr, "the directory is kept: %s\n", pattern.c_str());
  }
  return result;
}
