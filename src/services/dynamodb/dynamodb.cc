#include "services/dynamodb/dynamodb.h"

#include "services/dynamodb/global_tables.h"
#include "services/dynamodb/maintenance.h"
#include "services/dynamodb/operations_backups.h"
#include "services/dynamodb/operations_batch.h"
#include "services/dynamodb/operations_items.h"
#include "services/dynamodb/operations_kinesis.h"
#include "services/dynamodb/operations_partiql.h"
#include "services/dynamodb/operations_policies.h"
#include "services/dynamodb/operations_query.h"
#include "services/dynamodb/operations_settings.h"
#include "services/dynamodb/operations_streams.h"
#include "services/dynamodb/operations_tables.h"
#include "services/dynamodb/operations_transactions.h"
#include "services/dynamodb/operations_transfers.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/stream_keeper.h"
#include "services/dynamodb/stream_signals.h"
#include "services/dynamodb/stream_source.h"

namespace cumulet::dynamodb {
namespace {

/// Names an operation's method: the input is not const, because values are brought into their normal form in place.
template <typename Operation, typename Group>
void add(wire::Service& service, Group& group,
         Task<typename Operation::Output> (Group::*method)(wire::Call&, typename Operation::Input&)) {
  service.on<Operation>(
      [&group, method](wire::Call& call, typename Operation::Input& input) { return (group.*method)(call, input); });
}

/// The table that an operation is about; empty for those that are about several.
template <typename Input>
std::string table_of(const wire::Call& call, const Input& input) {
  if constexpr (requires { input.table_name; }) {
    const Result<std::string> name = table_name_of(call, input.table_name);
    return name ? *name : std::string();
  } else {
    return {};
  }
}

template <typename Operation, typename Group>
Task<typename Operation::Output> measured(TableMetrics& metrics, Group& group,
                                          Task<typename Operation::Output> (Group::*method)(wire::Call&,
                                                                                            typename Operation::Input&),
                                          wire::Call& call, typename Operation::Input& input) {
  const SteadyTime began = std::chrono::steady_clock::now();
  Result<typename Operation::Output> result = co_await attempt((group.*method)(call, input));
  const std::string table = table_of(call, input);
  if (!result.ok()) {
    metrics.failed(call, table, result.error());
  } else if (!table.empty()) {
    metrics.succeeded(call, table, std::chrono::steady_clock::now() - began);
    if constexpr (requires { result->scanned_count; }) metrics.returned(call, table, result->count.value_or(0));
  } else if constexpr (requires { input.request_items; }) {
    for (const auto& [given, requests] : input.request_items) {
      const Result<std::string> name = table_name_of(call, given);
      if (name) metrics.succeeded(call, *name, std::chrono::steady_clock::now() - began);
    }
  }
  co_return co_await std::move(result);
}

/// The same for what reads and writes items: each call is told to CloudWatch.
template <typename Operation, typename Group>
void add_measured(wire::Service& service, TableMetrics& metrics, Group& group,
                  Task<typename Operation::Output> (Group::*method)(wire::Call&, typename Operation::Input&)) {
  service.on<Operation>([&metrics, &group, method](wire::Call& call, typename Operation::Input& input) {
    return measured<Operation>(metrics, group, method, call, input);
  });
}

}  // namespace

struct DynamoDb::Parts {
  Parts(storage::Database& database, const Clock& clock, Options options)
      : store(database, clock, options.outbox, options.metrics),
        signals(database, options.records_per_shard),
        keeper(store, signals),
        maintenance(store, clock, keeper, options.directory),
        tables(store, keeper),
        settings(store),
        global_tables(store),
        backups(store),
        policies(store),
        kinesis(store, options.directory),
        transfers(store),
        items(store),
        queries(store),
        batches(store),
        transactions(store),
        partiql(store, items, transactions),
        streams(store),
        stream_source(store, signals),
        service(shapes::model()),
        streams_service(stream_shapes::model()) {}

  Store store;
  StreamSignals signals;
  StreamKeeper keeper;
  Maintenance maintenance;
  TableOperations tables;
  SettingsOperations settings;
  GlobalTableOperations global_tables;
  BackupOperations backups;
  PolicyOperations policies;
  KinesisOperations kinesis;
  TransferOperations transfers;
  ItemOperations items;
  QueryOperations queries;
  BatchOperations batches;
  TransactionOperations transactions;
  PartiqlOperations partiql;
  StreamOperations streams;
  TableStreams stream_source;
  wire::Service service;
  wire::Service streams_service;
};

DynamoDb::DynamoDb(storage::Database& database, const Clock& clock, Options options)
    : parts_(std::make_unique<Parts>(database, clock, options)) {
  Parts& p = *parts_;
  add<shapes::CreateTable>(p.service, p.tables, &TableOperations::create_table);
  add<shapes::DescribeTable>(p.service, p.tables, &TableOperations::describe_table);
  add<shapes::ListTables>(p.service, p.tables, &TableOperations::list_tables);
  add<shapes::UpdateTable>(p.service, p.tables, &TableOperations::update_table);
  add<shapes::DeleteTable>(p.service, p.tables, &TableOperations::delete_table);

  add<shapes::DescribeTimeToLive>(p.service, p.settings, &SettingsOperations::describe_time_to_live);
  add<shapes::UpdateTimeToLive>(p.service, p.settings, &SettingsOperations::update_time_to_live);
  add<shapes::TagResource>(p.service, p.settings, &SettingsOperations::tag_resource);
  add<shapes::UntagResource>(p.service, p.settings, &SettingsOperations::untag_resource);
  add<shapes::ListTagsOfResource>(p.service, p.settings, &SettingsOperations::list_tags_of_resource);
  add<shapes::DescribeLimits>(p.service, p.settings, &SettingsOperations::describe_limits);
  add<shapes::DescribeEndpoints>(p.service, p.settings, &SettingsOperations::describe_endpoints);

  add<shapes::CreateBackup>(p.service, p.backups, &BackupOperations::create_backup);
  add<shapes::DescribeBackup>(p.service, p.backups, &BackupOperations::describe_backup);
  add<shapes::DeleteBackup>(p.service, p.backups, &BackupOperations::delete_backup);
  add<shapes::ListBackups>(p.service, p.backups, &BackupOperations::list_backups);
  add<shapes::RestoreTableFromBackup>(p.service, p.backups, &BackupOperations::restore_table_from_backup);
  add<shapes::DescribeContinuousBackups>(p.service, p.backups, &BackupOperations::describe_continuous_backups);
  add<shapes::UpdateContinuousBackups>(p.service, p.backups, &BackupOperations::update_continuous_backups);
  add<shapes::RestoreTableToPointInTime>(p.service, p.backups, &BackupOperations::restore_table_to_point_in_time);

  add<shapes::ExportTableToPointInTime>(p.service, p.transfers, &TransferOperations::export_table);
  add<shapes::DescribeExport>(p.service, p.transfers, &TransferOperations::describe_export);
  add<shapes::ListExports>(p.service, p.transfers, &TransferOperations::list_exports);
  add<shapes::ImportTable>(p.service, p.transfers, &TransferOperations::import_table);
  add<shapes::DescribeImport>(p.service, p.transfers, &TransferOperations::describe_import);
  add<shapes::ListImports>(p.service, p.transfers, &TransferOperations::list_imports);
  add<shapes::PutResourcePolicy>(p.service, p.policies, &PolicyOperations::put_resource_policy);
  add<shapes::GetResourcePolicy>(p.service, p.policies, &PolicyOperations::get_resource_policy);
  add<shapes::DeleteResourcePolicy>(p.service, p.policies, &PolicyOperations::delete_resource_policy);
  add<shapes::EnableKinesisStreamingDestination>(p.service, p.kinesis, &KinesisOperations::enable);
  add<shapes::DisableKinesisStreamingDestination>(p.service, p.kinesis, &KinesisOperations::disable);
  add<shapes::DescribeKinesisStreamingDestination>(p.service, p.kinesis, &KinesisOperations::describe);
  add<shapes::UpdateKinesisStreamingDestination>(p.service, p.kinesis, &KinesisOperations::update);
  add<shapes::DescribeContributorInsights>(p.service, p.settings, &SettingsOperations::describe_contributor_insights);
  add<shapes::ListContributorInsights>(p.service, p.settings, &SettingsOperations::list_contributor_insights);
  add<shapes::UpdateContributorInsights>(p.service, p.settings, &SettingsOperations::update_contributor_insights);

  add<shapes::CreateGlobalTable>(p.service, p.global_tables, &GlobalTableOperations::create_global_table);
  add<shapes::DescribeGlobalTable>(p.service, p.global_tables, &GlobalTableOperations::describe_global_table);
  add<shapes::DescribeGlobalTableSettings>(p.service, p.global_tables,
                                           &GlobalTableOperations::describe_global_table_settings);
  add<shapes::ListGlobalTables>(p.service, p.global_tables, &GlobalTableOperations::list_global_tables);
  add<shapes::UpdateGlobalTable>(p.service, p.global_tables, &GlobalTableOperations::update_global_table);
  add<shapes::UpdateGlobalTableSettings>(p.service, p.global_tables,
                                         &GlobalTableOperations::update_global_table_settings);
  add<shapes::DescribeTableReplicaAutoScaling>(p.service, p.global_tables,
                                               &GlobalTableOperations::describe_table_replica_auto_scaling);
  add<shapes::UpdateTableReplicaAutoScaling>(p.service, p.global_tables,
                                             &GlobalTableOperations::update_table_replica_auto_scaling);

  add_measured<shapes::GetItem>(p.service, p.store.metrics(), p.items, &ItemOperations::get_item);
  add_measured<shapes::PutItem>(p.service, p.store.metrics(), p.items, &ItemOperations::put_item);
  add_measured<shapes::UpdateItem>(p.service, p.store.metrics(), p.items, &ItemOperations::update_item);
  add_measured<shapes::DeleteItem>(p.service, p.store.metrics(), p.items, &ItemOperations::delete_item);
  add_measured<shapes::Query>(p.service, p.store.metrics(), p.queries, &QueryOperations::query);
  add_measured<shapes::Scan>(p.service, p.store.metrics(), p.queries, &QueryOperations::scan);
  add_measured<shapes::BatchGetItem>(p.service, p.store.metrics(), p.batches, &BatchOperations::batch_get_item);
  add_measured<shapes::BatchWriteItem>(p.service, p.store.metrics(), p.batches, &BatchOperations::batch_write_item);
  add_measured<shapes::TransactGetItems>(p.service, p.store.metrics(), p.transactions,
                                         &TransactionOperations::transact_get_items);
  add_measured<shapes::TransactWriteItems>(p.service, p.store.metrics(), p.transactions,
                                           &TransactionOperations::transact_write_items);
  add_measured<shapes::ExecuteStatement>(p.service, p.store.metrics(), p.partiql,
                                         &PartiqlOperations::execute_statement);
  add_measured<shapes::BatchExecuteStatement>(p.service, p.store.metrics(), p.partiql,
                                              &PartiqlOperations::batch_execute_statement);
  add_measured<shapes::ExecuteTransaction>(p.service, p.store.metrics(), p.partiql,
                                           &PartiqlOperations::execute_transaction);

  add<stream_shapes::ListStreams>(p.streams_service, p.streams, &StreamOperations::list_streams);
  add<stream_shapes::DescribeStream>(p.streams_service, p.streams, &StreamOperations::describe_stream);
  add<stream_shapes::GetShardIterator>(p.streams_service, p.streams, &StreamOperations::get_shard_iterator);
  add<stream_shapes::GetRecords>(p.streams_service, p.streams, &StreamOperations::get_records);
}

DynamoDb::~DynamoDb() = default;

const wire::Service& DynamoDb::service() const { return parts_->service; }
const wire::Service& DynamoDb::streams_service() const { return parts_->streams_service; }
events::StreamSource& DynamoDb::stream_source() { return parts_->stream_source; }
void DynamoDb::start(Loop& loop) { parts_->maintenance.start(loop); }
void DynamoDb::stop(SteadyTime deadline) { parts_->maintenance.stop(deadline); }
Task<void> DynamoDb::settle() { return parts_->maintenance.run_jobs(); }

}  // namespace cumulet::dynamodb
