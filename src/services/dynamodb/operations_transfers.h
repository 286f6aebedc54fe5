#pragma once

#include <optional>
#include <string>

#include "base/task.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/transfer.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// Exports to S3 and imports from it.
class TransferOperations {
 public:
  explicit TransferOperations(Store& store) : store_(store) {}

  Task<shapes::ExportTableToPointInTimeOutput> export_table(wire::Call& call,
                                                            shapes::ExportTableToPointInTimeInput& input);
  Task<shapes::DescribeExportOutput> describe_export(wire::Call& call, shapes::DescribeExportInput& input);
  Task<shapes::ListExportsOutput> list_exports(wire::Call& call, shapes::ListExportsInput& input);
  Task<shapes::ImportTableOutput> import_table(wire::Call& call, shapes::ImportTableInput& input);
  Task<shapes::DescribeImportOutput> describe_import(wire::Call& call, shapes::DescribeImportInput& input);
  Task<shapes::ListImportsOutput> list_imports(wire::Call& call, shapes::ListImportsInput& input);

 private:
  Task<Transfer> begin_export(storage::Transaction& transaction, wire::Call& call, const std::string& table,
                              const shapes::ExportTableToPointInTimeInput& input);
  Task<Transfer> begin_import(storage::Transaction& transaction, wire::Call& call, const Table& wanted,
                              const shapes::ImportTableInput& input);
  /// What a request with the same token began.
  Task<std::optional<Transfer>> repeated(storage::Transaction& transaction, wire::Call& call, Transfer::Kind kind,
                                         const std::optional<std::string>& token, const std::string& fingerprint);
  void keep_token(storage::Transaction& transaction, const Transfer& transfer) const;
  Task<std::optional<Transfer>> find(wire::Call& call, Transfer::Kind kind, const std::string& arn);

  struct Page {
    Page() = default;
    std::vector<Transfer> transfers;
    std::optional<std::string> next;
  };
  Task<Page> list(wire::Call& call, Transfer::Kind kind, const std::optional<std::string>& table_arn,
                  const std::optional<std::string>& token, std::size_t limit);

  Store& store_;
};

}  // namespace cumulet::dynamodb
