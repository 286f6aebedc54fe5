#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/lambda/function_name.h"
#include "storage/database.h"
#include "wire/generated/lambda.h"

/// SnapStart: published versions whose environments are restored from one that has initialised already.
/// https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
namespace cumulet::lambda {

/// A published version that has a snapshot, or is to have one.
bool starts_from_snapshot(const wire::lambda::FunctionConfiguration& configuration);
/// Whether SnapStart, if it is wanted, goes together with the rest. Fails with InvalidParameterValueException.
Result<void> check_snap_start(const wire::lambda::FunctionConfiguration& configuration);
/// Of a version that has just been published: it cannot be invoked before its snapshot is made.
void await_snapshot(wire::lambda::FunctionConfiguration& configuration);
/// How it ended: the StateReasonCode for the type of error with which a function did not initialise.
std::string reason_code_of(const std::string& error_type, bool timed_out);

/// A snapshot that is being made: ("lambda-snapshot", account, region, name, version). It is there from the commit
/// that publishes the version to the one that says how it went, so that a restart goes on with it.
struct SnapshotRow {
  FunctionName name;     ///< With the version.
  std::string revision;  ///< Of the version, that a later one of the same number is not meant.
};

void put_snapshot(storage::Transaction& txn, const SnapshotRow& row);
void erase_snapshot(storage::Transaction& txn, const FunctionName& name);
Task<std::optional<SnapshotRow>> find_snapshot(storage::Transaction& txn, FunctionName name);
/// Of everybody.
Task<std::vector<SnapshotRow>> list_snapshots(storage::Transaction& txn);

}  // namespace cumulet::lambda
