#include "events/timetable.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "storage/key.h"

namespace cumulet::events {
namespace {

constexpr std::string_view kTimetableSpace = "timetable";
constexpr std::size_t kBatch = 32;
constexpr seconds kStoreBackoff{1};

std::string key_of(std::string_view name, Timestamp due, std::string_view id) {
  return storage::Key(kTimetableSpace).text(name).signed_number(due.time_since_epoch().count()).text(id).bytes();
}

struct Entry {
  Entry(Timestamp d, std::string i) : due(d), id(std::move(i)) {}
  Timestamp due;
  std::string id;
};

std::optional<Entry> parse_key(std::string_view key) {
  storage::KeyReader reader(key);
  reader.text();
  reader.text();
  const std::optional<std::int64_t> due = reader.signed_number();
  std::optional<std::string> id = reader.text();
  if (!due || !id) return std::nullopt;
  return Entry(Timestamp(std::chrono::microseconds(*due)), std::move(*id));
}

}  // namespace

/// Lives on one loop. Held by shared_ptr: work posted to the loop keeps it alive.
class Timetable::Runner : public std::enable_shared_from_this<Timetable::Runner> {
 public:
  Runner(storage::Database& database, const Clock& clock, std::string name, OnDue on_due)
      : database_(database), clock_(clock), name_(std::move(name)), on_due_(std::move(on_due)) {}

  std::string prefix() const { return storage::Key(kTimetableSpace).text(name_).bytes(); }

  void written(std::string_view key) {
    const std::optional<Entry> entry = parse_key(key);
    if (!entry) return;
    const std::lock_guard lock(mutex_);
    if (loop_ == nullptr || stopping_ || (next_ && *next_ <= entry->due)) return;
    next_ = entry->due;
    post();
  }

  void start(Loop& loop) {
    const std::lock_guard lock(mutex_);
    loop_ = &loop;
    post();
  }

  void clock_moved() {
    const std::lock_guard lock(mutex_);
    if (loop_ != nullptr && !stopping_) post();
  }

  void drain(SteadyTime deadline) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    quiet_.wait_until(lock, deadline, [this] { return !working_; });
  }

 private:
  void post() {
    loop_->post([self = shared_from_this()] { self->look(); });
  }

  void look() {
    {
      const std::lock_guard lock(mutex_);
      again_ = true;
      if (working_ || stopping_) return;
      working_ = true;
    }
    cumulet::start(work(), [self = shared_from_this()](const Result<void>& worked) {
      if (!worked.ok()) log::error("a timetable stumbled", {{"error", worked.error().message()}});
      const std::lock_guard lock(self->mutex_);
      self->working_ = false;
      self->quiet_.notify_all();
    });
  }

  bool begin_round() {
    const std::lock_guard lock(mutex_);
    const bool wanted = again_ && !stopping_;
    again_ = false;
    next_.reset();  // Whatever is written from here on has to be looked at.
    if (!wanted) working_ = false;
    return wanted;
  }

  Task<void> work() {
    while (begin_round()) {
      while (!stopping()) {
        const auto batch = [this](storage::Transaction& txn) -> Task<std::size_t> { return run_batch(txn); };
        const Result<std::size_t> done = co_await attempt(storage::transact(database_, batch));
        if (done.ok() && *done == 0) break;
        if (!done.ok()) {
          log::error("what is due cannot be done now", {{"error", done.error().message()}});
          co_await sleep_for(kStoreBackoff);
        }
      }
      const Result<std::optional<Timestamp>> next = co_await attempt(first_due());
      set_timer(next.ok() ? *next : clock_.now() + kStoreBackoff);
    }
  }

  Task<std::size_t> run_batch(storage::Transaction& txn) {
    const std::string begin = prefix();
    const std::string end = key_of(name_, clock_.now() + std::chrono::microseconds(1), "");
    storage::ScanOptions options;
    options.limit = kBatch;
    const std::vector<storage::KeyValue> rows = co_await txn.scan(storage::KeyRange(begin, end), options);
    for (const storage::KeyValue& row : rows) {
      txn.erase(row.key);
      std::optional<Entry> entry = parse_key(row.key);
      if (entry) co_await on_due_(txn, entry->due, std::move(entry->id));
    }
    co_return rows.size();
  }

  Task<std::optional<Timestamp>> first_due() {
    const std::string begin = prefix();
    storage::ScanOptions one;
    one.limit = 1;
    const std::unique_ptr<storage::Transaction> txn = database_.begin();
    const std::vector<storage::KeyValue> rows =
        co_await txn->scan(storage::KeyRange(begin, storage::after_prefix(begin)), one);
    if (rows.empty()) co_return std::optional<Timestamp>();
    const std::optional<Entry> entry = parse_key(rows.front().key);
    co_return entry ? std::optional(entry->due) : std::nullopt;
  }

  void set_timer(std::optional<Timestamp> next) {
    {
      const std::lock_guard lock(mutex_);
      if (!again_) next_ = next;
    }
    if (timer_) Loop::current()->cancel(*timer_);
    timer_.reset();
    if (!next || stopping()) return;
    const auto wait = std::max(*next - clock_.now(), Timestamp::duration(0));
    timer_ = Loop::current()->at(std::chrono::steady_clock::now() + wait, [weak = weak_from_this()] {
      if (const std::shared_ptr<Runner> self = weak.lock()) self->look();
    });
  }

  bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  storage::Database& database_;
  const Clock& clock_;
  const std::string name_;
  const OnDue on_due_;
  std::optional<Loop::TimerId> timer_;

  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  Loop* loop_ = nullptr;
  std::optional<Timestamp> next_;  ///< What the timer waits for.
  bool again_ = false;
  bool working_ = false;
  bool stopping_ = false;
};

Timetable::Timetable(storage::Database& database, const Clock& clock, std::string name, OnDue on_due)
    : name_(name), runner_(std::make_shared<Runner>(database, clock, std::move(name), std::move(on_due))) {
  database.on_commit(runner_->prefix(), [weak = std::weak_ptr(runner_)](std::string_view key) {
    if (const std::shared_ptr<Runner> runner = weak.lock()) runner->written(key);
  });
}

Timetable::~Timetable() = default;

void Timetable::put(storage::Transaction& transaction, Timestamp due, std::string_view id) const {
  transaction.put(key_of(name_, due, id), "");
}

void Timetable::erase(storage::Transaction& transaction, Timestamp due, std::string_view id) const {
  transaction.erase(key_of(name_, due, id));
}

void Timetable::start(Loop& loop) { runner_->start(loop); }
void Timetable::clock_moved() { runner_->clock_moved(); }
void Timetable::drain(SteadyTime deadline) { runner_->drain(deadline); }

}  // namespace cumulet::events
