#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "services/sqs/live_queue.h"
#include "services/sqs/model.h"
#include "storage/database.h"

namespace cumulet::sqs {

/// The queues in use. One becomes live with its first use and is put down after ten idle minutes. Any thread.
class Queues {
 public:
  Queues(storage::Database& database, const Clock& clock, QueueIndex::Limits limits);

  void set_metrics(events::MetricSink* sink) { metrics_ = sink; }  ///< Before the first queue is used.
  /// Null when there is no such queue.
  Task<std::shared_ptr<LiveQueue>> find(QueueName name);
  /// The queue's row was committed, or (null) erased: to be called after each commit that does so.
  void changed(const QueueName& name, const QueueRow* row);
  /// The live ones, for maintenance and metrics.
  std::vector<std::shared_ptr<LiveQueue>> live() const;
  void put_down_idle();

 private:
  storage::Database& database_;
  const Clock& clock_;
  const QueueIndex::Limits limits_;
  events::MetricSink* metrics_ = nullptr;

  mutable std::mutex mutex_;
  std::map<QueueName, std::shared_ptr<LiveQueue>> live_;
  std::uint64_t generation_ = 0;  ///< Counts the rows' changes: what was read before one may be stale.
};

}  // namespace cumulet::sqs
