#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "services/cloudwatch/store.h"
#include "storage/database.h"
#include "wire/generated/cloudwatch.h"
#include "wire/service.h"

namespace cumulet::cloudwatch {

struct Dashboard {
  std::string name;
  std::string body;
  std::int64_t modified = 0;  ///< Seconds since 1970.
  std::map<std::string, std::string> tags;
};

std::string dashboard_key(const Store& store, const std::string& name);
std::string dashboard_value(const Dashboard& dashboard);
Task<std::optional<Dashboard>> find_dashboard(storage::Transaction& txn, Store store, std::string name);

/// Dashboards: kept and checked; a console draws them.
class Dashboards {
 public:
  using Call = wire::Call;

  Dashboards(storage::Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  void add_operations(wire::Service& service);

 private:
  Task<wire::cloudwatch::PutDashboardOutput> put(Call& call, const wire::cloudwatch::PutDashboardInput& input);
  Task<wire::cloudwatch::GetDashboardOutput> get(Call& call, const wire::cloudwatch::GetDashboardInput& input);
  Task<wire::cloudwatch::ListDashboardsOutput> list(Call& call, const wire::cloudwatch::ListDashboardsInput& input);
  Task<wire::cloudwatch::DeleteDashboardsOutput> remove(Call& call,
                                                        const wire::cloudwatch::DeleteDashboardsInput& input);

  storage::Database& database_;
  const Clock& clock_;
};

}  // namespace cumulet::cloudwatch
