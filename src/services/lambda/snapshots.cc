#include "services/lambda/snapshots.h"

#include "base/text.h"
#include "services/lambda/lambda.h"
#include "services/lambda/tenancy.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::lambda {
namespace {

using storage::KeyValue;
using SnapshotKey = storage::Key;

constexpr std::string_view kSnapshotSpace = "lambda-snapshot";
constexpr std::int32_t kMostEphemeral = 512;

std::string snapshot_key(const FunctionName& name) {
  return SnapshotKey(kSnapshotSpace)
      .text(name.account)
      .text(name.region)
      .text(name.name)
      .text(name.qualifier.value_or(""))
      .bytes();
}

SnapshotRow decode_snapshot(const KeyValue& entry) {
  SnapshotRow row;
  storage::KeyReader key(entry.key);
  (void)key.text();
  row.name.account = key.text().value_or("");
  row.name.region = key.text().value_or("");
  row.name.name = key.text().value_or("");
  row.name.qualifier = key.text().value_or("");
  storage::RowReader value(entry.value);
  row.revision = value.text();
  return row;
}

/// Java from 11 on, Python from 3.12 on, and .NET from 8 on.
bool runtime_has_snapshots(const std::string& runtime) {
  if (runtime.starts_with("python3.")) return parse_int(runtime.substr(8)).value_or(0) >= 12;
  if (runtime.starts_with("java")) return parse_int(runtime.substr(4)).value_or(0) >= 11;
  if (runtime.starts_with("dotnet")) return parse_int(runtime.substr(6)).value_or(0) >= 8;
  return false;
}

Error not_with_snap_start(const std::string& what) {
  return invalid(what + " is not supported for SnapStart enabled functions.");
}

bool wants_snapshots(const wire::lambda::FunctionConfiguration& configuration) {
  return configuration.snap_start && configuration.snap_start->apply_on == "PublishedVersions";
}

}  // namespace

bool starts_from_snapshot(const wire::lambda::FunctionConfiguration& configuration) {
  if (!wants_snapshots(configuration) || configuration.version == "$LATEST") return false;
  return configuration.snap_start->optimization_status == "On" || configuration.state == "Pending" ||
         configuration.state == "Failed";
}

Result<void> check_snap_start(const wire::lambda::FunctionConfiguration& configuration) {
  if (!wants_snapshots(configuration)) return {};
  if (Result<void> good = not_with_tenants(configuration, "SnapStart"); !good) return good;
  if (configuration.package_type == "Image") return not_with_snap_start("ContainerImage");
  const std::string runtime = configuration.runtime.value_or("");
  if (!runtime_has_snapshots(runtime)) return not_with_snap_start(runtime);
  if (configuration.ephemeral_storage && configuration.ephemeral_storage->size > kMostEphemeral) {
    return not_with_snap_start("Ephemeral storage greater than 512 MB");
  }
  return {};
}

void await_snapshot(wire::lambda::FunctionConfiguration& configuration) {
  if (!wants_snapshots(configuration)) return;
  configuration.state = "Pending";
  configuration.state_reason = "The function is being created.";
  configuration.state_reason_code = "Creating";
}

std::string reason_code_of(const std::string& error_type, bool timed_out) {
  if (timed_out) return "FunctionError.InitTimeout";
  if (error_type.empty()) return "InternalError";
  if (error_type.starts_with("Extension.")) return "FunctionError.ExtensionInitError";
  if (error_type == "Runtime.InvalidEntrypoint") return "FunctionError.InvalidEntryPoint";
  if (error_type == "Runtime.OutOfMemory") return "FunctionError.InitResourceExhausted";
  return "FunctionError.RuntimeInitError";
}

void put_snapshot(storage::Transaction& txn, const SnapshotRow& row) {
  storage::RowWriter value;
  value.text(row.revision);
  txn.put(snapshot_key(row.name), std::move(value).bytes());
}

void erase_snapshot(storage::Transaction& txn, const FunctionName& name) { txn.erase(snapshot_key(name)); }

Task<std::optional<SnapshotRow>> find_snapshot(storage::Transaction& txn, FunctionName name) {
  std::optional<SnapshotRow> row;
  const std::string key = snapshot_key(name);
  std::optional<std::string> bytes = co_await txn.get(key);
  if (bytes) row = decode_snapshot(KeyValue(key, std::move(*bytes)));
  co_return row;
}

Task<std::vector<SnapshotRow>> list_snapshots(storage::Transaction& txn) {
  std::vector<SnapshotRow> all;
  std::string from = SnapshotKey(kSnapshotSpace).bytes();
  const std::string end = storage::after_prefix(from);
  while (true) {
    storage::KeyRange range(from, end);
    const std::vector<KeyValue> rows = co_await txn.scan(range);
    if (rows.empty()) break;
    from = rows.back().key + '\0';
    for (const KeyValue& row : rows) all.push_back(decode_snapshot(row));
  }
  co_return all;
}

}  // namespace cumulet::lambda
