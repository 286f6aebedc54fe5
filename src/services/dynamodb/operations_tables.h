#pragma once

#include <string>

#include "base/clock.h"
#include "base/task.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/stream_keeper.h"
#include "services/dynamodb/table_description.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// CreateTable, DescribeTable, ListTables, UpdateTable, DeleteTable.
class TableOperations {
 public:
  TableOperations(Store& store, StreamKeeper& keeper) : store_(store), keeper_(keeper), sizes_(store) {}

  Task<shapes::CreateTableOutput> create_table(wire::Call& call, shapes::CreateTableInput& input);
  Task<shapes::DescribeTableOutput> describe_table(wire::Call& call, shapes::DescribeTableInput& input);
  Task<shapes::ListTablesOutput> list_tables(wire::Call& call, shapes::ListTablesInput& input);
  Task<shapes::UpdateTableOutput> update_table(wire::Call& call, shapes::UpdateTableInput& input);
  Task<shapes::DeleteTableOutput> delete_table(wire::Call& call, shapes::DeleteTableInput& input);

 private:
  Task<shapes::TableDescription> describe_with_sizes(TablePtr table, std::string status);
  Task<TablePtr> create(storage::Transaction& transaction, const Table& wanted, const shapes::CreateTableInput& input);
  Task<void> change_stream(storage::Transaction& transaction, Table& table, const shapes::StreamSpecification& wanted);
  Task<TablePtr> change(storage::Transaction& transaction, wire::Call& call, const std::string& name,
                        const shapes::UpdateTableInput& input);
  Task<TablePtr> remove(storage::Transaction& transaction, wire::Call& call, const std::string& name, TableSize size);

  Store& store_;
  StreamKeeper& keeper_;
  SizeCounter sizes_;
};

}  // namespace cumulet::dynamodb
