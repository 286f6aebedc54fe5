#include "compute/parking.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "compute/environment_variables.h"
#include "compute/launch.h"

namespace cumulet::compute {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTask = "task";
constexpr std::size_t kLotsAtMost = 6;
constexpr std::size_t kFilesAtMost = 128;
constexpr std::size_t kRememberedAtMost = 4096;
/// An interpreter that is started costs tens of milliseconds of the processor and as many MiB; a zygote's child, or a
/// sandbox that waits for its command, a few.
constexpr std::size_t kMostStarted = 2;
constexpr std::size_t kMostCheap = 8;
constexpr milliseconds kRefillAfter{150};  ///< Not while the cold start itself still needs the processor.
constexpr seconds kBootLimit{20};
constexpr seconds kLookAfter{5};  ///< For those that demand no longer wants.

}  // namespace

std::optional<Parking::Place> Parking::place_of(const FunctionVersion& version) const {
  const SubstrateTraits traits = parts_.substrate.traits(version.substrate);
  const std::optional<RuntimeChoice> choice = parts_.catalogue->choose(version.runtime);
  if (!choice || !version.layers.empty() || !traits.parks) return std::nullopt;
  {
    const std::lock_guard lock(mutex_);
    if (large_.contains(version.code)) return std::nullopt;
  }
  Place place;
  place.interpreter =
      choice->language->parks && !choice->language->client.empty() && !sets_what_is_read_at_start(version);
  if (!place.interpreter && !traits.waits) return std::nullopt;
  place.key = key_of(version, *choice, place.interpreter);
  return place;
}

std::string Parking::key_of(const FunctionVersion& version, const RuntimeChoice& choice, bool interpreter) const {
  const std::string root = choice.image ? " " + choice.image->uri : std::string();
  // What a zygote has forked shares secrets of its memory with others: those of the same account.
  const bool forked = interpreter && !choice.language->zygote.empty();
  return (interpreter ? "" : "for ") + choice.interpreter + root + " " + std::to_string(version.memory_mib) + " " +
         std::to_string(version.ephemeral_mib) + " " + version.substrate + (forked ? " " + version.account : "");
}

void Parking::Lot::use(SteadyTime now) {
  if (now - second_began >= seconds(1)) {
    uses_before = now - second_began < seconds(2) ? uses : 0;
    uses = 0;
    second_began = now;
  }
  ++uses;
  last_use = now;
}

std::size_t Parking::Lot::wanted(SteadyTime now) const {
  const SteadyTime::duration since = now - second_began;
  const std::size_t recent = since < seconds(1) ? std::max(uses, uses_before) : since < seconds(2) ? uses : 0;
  return std::clamp<std::size_t>(recent, 1, most);
}

std::unique_ptr<Cell> Parking::take(const Place& place, const FunctionVersion& version, std::size_t loop_index) {
  std::unique_ptr<Cell> cell;
  std::vector<std::unique_ptr<Cell>> dead;
  bool begin_watch = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return nullptr;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (!lots_.contains(place.key) && lots_.size() >= kLotsAtMost) {
      const auto oldest = std::min_element(lots_.begin(), lots_.end(), [](const auto& a, const auto& b) {
        return a.second.last_use < b.second.last_use;
      });
      if (oldest->second.under_way > 0) return nullptr;
      for (auto& old : oldest->second.cells) dead.push_back(std::move(old));
      lots_.erase(oldest);
    }
    Lot& lot = lots_[place.key];
    begin_watch = !std::exchange(watched_, true);
    lot.use(now);
    if (!lot.example) {
      auto example = std::make_shared<FunctionVersion>();
      example->account = version.account;
      example->runtime = version.runtime;
      example->memory_mib = version.memory_mib;
      example->ephemeral_mib = version.ephemeral_mib;
      example->substrate = version.substrate;
      lot.example = std::move(example);
      const std::optional<RuntimeChoice> choice = parts_.catalogue->choose(version.runtime);
      const bool started = place.interpreter && choice && choice->language->zygote.empty();
      lot.most = started ? kMostStarted : kMostCheap;
    }
    while (!lot.cells.empty() && !cell) {
      // One on the caller's loop, if there is one.
      auto best = std::find_if(lot.cells.begin(), lot.cells.end(),
                               [loop_index](const auto& c) { return c->loop_index() == loop_index; });
      if (best == lot.cells.end()) best = lot.cells.begin();
      cell = std::move(*best);
      lot.cells.erase(best);
      if (cell->exit().resolved()) dead.push_back(std::move(cell));
    }
  }
  for (auto& one : dead) end(std::move(one));
  Loop& loop = parts_.loops.at(loop_index);
  loop.post([this, place, loop_index, &loop] {
    loop.at(std::chrono::steady_clock::now() + kRefillAfter, [this, place, loop_index] { refill(place, loop_index); });
  });
  if (begin_watch) watch(loop_index);
  return cell;
}

/// On the loop where one was wanted, first.
void Parking::refill(const Place& place, std::size_t first_loop) {
  std::shared_ptr<const FunctionVersion> example;
  std::size_t missing = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lots_.find(place.key);
    if (closed_ || found == lots_.end()) return;
    Lot& lot = found->second;
    const std::size_t have = lot.cells.size() + lot.under_way;
    const std::size_t wanted = lot.wanted(std::chrono::steady_clock::now());
    missing = wanted > have ? wanted - have : 0;
    lot.under_way += missing;
    example = lot.example;
  }
  for (std::size_t i = 0; i < missing; ++i) {
    const std::size_t loop_index = (first_loop + i) % parts_.loops.size();
    parts_.loops.at(loop_index).post([this, place, example, loop_index] {
      start(park_one(place, example, loop_index), [](const Result<void>&) {});
    });
  }
}

Task<void> Parking::park_one(Place place, std::shared_ptr<const FunctionVersion> example, std::size_t loop_index) {
  Result<std::unique_ptr<Cell>> cell = co_await attempt(boot(place.interpreter, example, loop_index));
  // Its image's name may mean another one now.
  const std::optional<RuntimeChoice> choice = parts_.catalogue->choose(example->runtime);
  const bool outdated = !choice || key_of(*example, *choice, place.interpreter) != place.key;
  std::unique_ptr<Cell> unwanted;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lots_.find(place.key);
    if (found != lots_.end()) --found->second.under_way;
    if (cell && (closed_ || outdated || found == lots_.end())) {
      unwanted = std::move(*cell);
    } else if (cell) {
      found->second.cells.push_back(std::move(*cell));
    }
  }
  if (unwanted) end(std::move(unwanted));
}

Task<std::unique_ptr<Cell>> Parking::boot(bool interpreter, std::shared_ptr<const FunctionVersion> example,
                                          std::size_t loop_index) {
  const std::optional<RuntimeChoice> choice = parts_.catalogue->choose(example->runtime);
  if (!choice) co_return Error("Sandbox.Failure", 500, "no interpreter");
  const fs::path folder = parts_.options.state / "parked" / random_id(16);
  std::error_code problem;
  // The dynamic linker looks only when it starts whether the folders of its search path are there.
  const fs::path task = folder / kTask;
  fs::create_directories(task / "lib", problem);
  for (const fs::path& made : {task, task / "lib"}) fs::permissions(made, fs::perms(0755), problem);
  if (problem) co_return Error("Sandbox.Failure", 500, "making " + folder.string());
  fs::path client;
  if (!choice->language->client.empty()) client = co_await parts_.clients->folder(*choice);
  SandboxSpec spec = interpreter ? managed_spec(parts_, *example, *choice, task, client)
                                 : empty_spec(parts_, *example, *choice, task, client);
  if (interpreter)
    spec.environment = parked_variables(!parts_.options.certificate_authority.empty(), choice->image.get());
  std::unique_ptr<Cell> cell = co_await Cell::make(parts_, std::move(spec), loop_index);
  cell->folder = folder;
  cell->image = choice->image;
  cell->waits_for_command = !interpreter;
  if (interpreter && !co_await has_parked(*cell)) {
    end(std::move(cell));
    co_return Error("Sandbox.Failure", 500, "the interpreter did not park");
  }
  cell->sandbox().set_quiet(true);
  co_return cell;
}

/// Whether the interpreter reaches the point where it wants to know its function.
Task<bool> Parking::has_parked(Cell& cell) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + kBootLimit;
  while (!cell.door().parked && !cell.exit().resolved() && std::chrono::steady_clock::now() < deadline) {
    co_await sleep_for(milliseconds(5));
  }
  co_return cell.door().parked.has_value();
}

/// On any thread: the cell goes on its own loop, when its processes have ended.
void Parking::end(std::unique_ptr<Cell> cell) {
  {
    const std::lock_guard lock(mutex_);
    ++ending_;
  }
  std::shared_ptr<Cell> shared = std::move(cell);
  parts_.loops.at(shared->loop_index()).post([this, shared]() mutable {
    shared->sandbox().kill();
    shared->close();
    const Deferred<SandboxExit> exit = shared->exit();
    start(exit.wait_until(std::chrono::steady_clock::now() + seconds(5), Error("Sandbox.Failure", 500, "did not end")),
          [this, shared](const Result<SandboxExit>&) mutable {
            Loop::current()->post([this, kept = std::move(shared)]() mutable {
              kept.reset();
              const std::lock_guard lock(mutex_);
              --ending_;
            });
          });
  });
}

/// Looks now and then, as long as there is a lot.
void Parking::watch(std::size_t loop_index) {
  Loop& loop = parts_.loops.at(loop_index);
  loop.post([this, loop_index, &loop] {
    const milliseconds pause = std::clamp<milliseconds>(parts_.options.idle_time, milliseconds(200), kLookAfter);
    loop.at(std::chrono::steady_clock::now() + pause, [this, loop_index] {
      std::vector<std::unique_ptr<Cell>> unused;
      {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        unused = take_unused();
        watched_ = !lots_.empty();
        if (watched_) watch(loop_index);
      }
      for (auto& cell : unused) end(std::move(cell));
    });
  });
}

/// Under the lock: lots that nobody has used for the idle time, and what is surplus in others.
std::vector<std::unique_ptr<Cell>> Parking::take_unused() {
  std::vector<std::unique_ptr<Cell>> unused;
  const SteadyTime now = std::chrono::steady_clock::now();
  for (auto at = lots_.begin(); at != lots_.end();) {
    Lot& lot = at->second;
    const bool idle = now - lot.last_use >= parts_.options.idle_time && lot.under_way == 0;
    for (const std::size_t wanted = idle ? 0 : lot.wanted(now); lot.cells.size() > wanted; lot.cells.pop_back()) {
      unused.push_back(std::move(lot.cells.back()));
    }
    at = idle ? lots_.erase(at) : std::next(at);
  }
  return unused;
}

void Parking::close() {
  std::vector<std::unique_ptr<Cell>> all;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [key, lot] : lots_) {
      for (auto& cell : lot.cells) all.push_back(std::move(cell));
      lot.cells.clear();
    }
  }
  for (auto& cell : all) end(std::move(cell));
}

std::size_t Parking::size() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = ending_;
  for (const auto& [key, lot] : lots_) count += lot.cells.size() + lot.under_way;
  return count;
}

bool Parking::place_code(const fs::path& code, const Cell& cell) {
  std::error_code problem;
  std::size_t files = 0;
  for (fs::recursive_directory_iterator at(code, problem), end; !problem && at != end; at.increment(problem)) {
    if (++files > kFilesAtMost) {
      const std::lock_guard lock(mutex_);
      if (large_.size() >= kRememberedAtMost) large_.clear();
      large_.insert(code);
      return false;
    }
    const fs::path target = cell.folder / kTask / at->path().lexically_relative(code);
    const fs::file_type type = at->symlink_status(problem).type();
    if (problem) return false;
    if (type == fs::file_type::directory) {
      fs::create_directory(target, problem);
      if (!problem) fs::permissions(target, fs::perms(0755), problem);
    } else if (type == fs::file_type::symlink) {
      fs::copy_symlink(at->path(), target, problem);
    } else {
      fs::create_hard_link(at->path(), target, problem);
    }
    if (problem) return false;
  }
  // To remove it would take ten times as long.
  if (!fs::exists(code / "lib", problem)) fs::rename(cell.folder / kTask / "lib", cell.folder / "unused", problem);
  return !problem;
}

}  // namespace cumulet::compute
