#include "services/dynamodb/operations_transfers.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/dynamodb/copier.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/log_search.h"
#include "services/dynamodb/operations_backups.h"
#include "services/dynamodb/table_definition.h"
#include "services/dynamodb/undo_log.h"
#include "storage/key.h"
#include "storage/row.h"
#include "wire/json.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kMostListed = 25;
constexpr std::chrono::hours kTokenLife{8};

std::string_view kind_text(Transfer::Kind kind) { return kind == Transfer::Kind::kExport ? "export" : "import"; }

std::string export_type(const Transfer& transfer) {
  return transfer.incremental() ? "INCREMENTAL_EXPORT" : "FULL_EXPORT";
}

shapes::ExportDescription describe_one(const Transfer& transfer) {
  shapes::ExportDescription shown;
  shown.export_arn = transfer.arn();
  shown.export_status = std::string(status_text(transfer.status));
  shown.start_time = transfer.started;
  if (!transfer.incremental()) shown.export_time = transfer.moment;
  shown.table_arn = transfer.table_arn();
  shown.table_id = transfer.table_id;
  if (!transfer.token.empty()) shown.client_token = transfer.token;
  shown.s3_bucket = transfer.bucket;
  if (!transfer.bucket_owner.empty()) shown.s3_bucket_owner = transfer.bucket_owner;
  if (!transfer.prefix.empty()) shown.s3_prefix = transfer.prefix;
  shown.s3_sse_algorithm = transfer.encryption.empty() ? "AES256" : transfer.encryption;
  if (!transfer.encryption_key.empty()) shown.s3_sse_kms_key_id = transfer.encryption_key;
  shown.export_format = transfer.format;
  shown.export_type = export_type(transfer);
  if (transfer.incremental()) {
    shapes::IncrementalExportSpecification& window = shown.incremental_export_specification.emplace();
    window.export_from_time = transfer.from;
    window.export_to_time = transfer.until;
    window.export_view_type = transfer.view;
  }
  if (transfer.status == Transfer::Status::kInProgress) return shown;
  shown.end_time = transfer.ended;
  if (transfer.status == Transfer::Status::kFailed) {
    shown.failure_code = transfer.failure_code;
    shown.failure_message = transfer.failure_message;
    return shown;
  }
  shown.item_count = static_cast<std::int64_t>(transfer.items);
  shown.billed_size_bytes = static_cast<std::int64_t>(transfer.bytes);
  const std::string prefix = transfer.prefix.empty() ? "" : transfer.prefix + "/";
  shown.export_manifest = prefix + "AWSDynamoDB/" + transfer.id + "/manifest-summary.json";
  return shown;
}

shapes::S3BucketSource source_of(const Transfer& transfer) {
  shapes::S3BucketSource source;
  source.s3_bucket = transfer.bucket;
  if (!transfer.bucket_owner.empty()) source.s3_bucket_owner = transfer.bucket_owner;
  if (!transfer.prefix.empty()) source.s3_key_prefix = transfer.prefix;
  return source;
}

shapes::ImportTableDescription describe_import_of(const Transfer& transfer) {
  shapes::ImportTableDescription shown;
  shown.import_arn = transfer.arn();
  shown.import_status = std::string(status_text(transfer.status));
  shown.table_arn = transfer.table_arn();
  shown.table_id = transfer.table_id;
  if (!transfer.token.empty()) shown.client_token = transfer.token;
  shown.s3_bucket_source = source_of(transfer);
  shown.error_count = static_cast<std::int64_t>(transfer.errors);
  shown.input_format = transfer.format;
  shown.input_compression_type = transfer.compression;
  if (transfer.format == "CSV") {
    shapes::CsvOptions& csv = shown.input_format_options.emplace().csv.emplace();
    if (!transfer.delimiter.empty()) csv.delimiter = transfer.delimiter;
    if (!transfer.header.empty()) csv.header_list = transfer.header;
  }
  const wire::Shape& whole = *shapes::ImportTable::model().input;
  Result<shapes::ImportTableInput> request = wire::read_json<shapes::ImportTableInput>(whole, transfer.request);
  if (request) shown.table_creation_parameters = std::move(request->table_creation_parameters);
  shown.start_time = transfer.started;
  shown.processed_item_count = static_cast<std::int64_t>(transfer.seen);
  shown.imported_item_count = static_cast<std::int64_t>(transfer.items);
  shown.processed_size_bytes = static_cast<std::int64_t>(transfer.bytes);
  if (transfer.status == Transfer::Status::kInProgress) return shown;
  shown.end_time = transfer.ended;
  if (transfer.status == Transfer::Status::kFailed) {
    shown.failure_code = transfer.failure_code;
    shown.failure_message = transfer.failure_message;
  }
  return shown;
}

std::string token_key(const std::string& account, const std::string& region, Transfer::Kind kind,
                      const std::string& token) {
  return keys::transfer_token_row(account, region, kind_text(kind), token);
}

shapes::CreateTableInput creation_of(const shapes::TableCreationParameters& given) {
  shapes::CreateTableInput input;
  input.table_name = given.table_name;
  input.attribute_definitions = given.attribute_definitions;
  input.key_schema = given.key_schema;
  input.billing_mode = given.billing_mode;
  input.provisioned_throughput = given.provisioned_throughput;
  input.on_demand_throughput = given.on_demand_throughput;
  input.sse_specification = given.sse_specification;
  input.global_secondary_indexes = given.global_secondary_indexes;
  input.vector_indexes = given.vector_indexes;
  return input;
}

Result<void> check_export(const shapes::ExportTableToPointInTimeInput& input) {
  const bool incremental = input.export_type == "INCREMENTAL_EXPORT";
  if (input.filter_specification) return not_available("FilterSpecification");
  if (incremental && input.export_format == "ION") return not_available("ExportFormat ION of an INCREMENTAL_EXPORT");
  if (!incremental && input.incremental_export_specification) {
    return invalid_parameter("IncrementalExportSpecification is for ExportType INCREMENTAL_EXPORT only");
  }
  if (!incremental) return {};
  if (input.export_time) return invalid_parameter("ExportTime is for ExportType FULL_EXPORT only");
  if (!input.incremental_export_specification || !input.incremental_export_specification->export_from_time) {
    return invalid_parameter("ExportFromTime is required when ExportType is INCREMENTAL_EXPORT");
  }
  return {};
}

/// The window of an incremental export.
Result<void> take_window(Transfer& transfer, const shapes::IncrementalExportSpecification& given, Timestamp earliest,
                         Timestamp now) {
  constexpr std::chrono::minutes kShortest{15};
  constexpr std::chrono::hours kLongest{24};
  transfer.view = given.export_view_type.value_or("NEW_AND_OLD_IMAGES");
  transfer.from = *given.export_from_time;
  transfer.until = given.export_to_time.value_or(now);
  const auto fault = [](const char* message) { return Error(shapes::errors::kInvalidExportTimeException, message); };
  if (transfer.from >= transfer.until) return fault("The specified ExportFromTime is not before the ExportToTime.");
  if (transfer.from < std::chrono::floor<std::chrono::seconds>(earliest) || transfer.until > now) {
    return fault("The specified export period is outside of the point in time recovery window.");
  }
  if (transfer.until - transfer.from < kShortest) return fault("The export period must be 15 minutes at least.");
  if (transfer.until - transfer.from > kLongest) return fault("The export period must be 24 hours at most.");
  return {};
}

/// Where the commits of the window begin and end in the table's log.
Task<Copy> window_of(Store& store, const Table& source, const Transfer& transfer, Copy copy) {
  copy.purpose = Copy::Purpose::kExportChanges;
  copy.phase = Copy::Phase::kCollect;
  copy.marker = 0;
  const std::unique_ptr<storage::Transaction> reader = store.database().begin();
  copy.cut = co_await commit_at_time(*reader, source.recovery.log, transfer.from, &time_of_undo);
  copy.until = co_await commit_at_time(*reader, source.recovery.log, transfer.until, &time_of_undo);
  co_await reader->commit();
  co_return copy;
}

Result<void> check_import(const shapes::ImportTableInput& input) {
  if (!input.input_format_options || !input.input_format_options->csv) return {};
  if (input.input_format != "CSV") return invalid_parameter("Csv options are for InputFormat CSV only");
  const std::optional<std::string>& delimiter = input.input_format_options->csv->delimiter;
  if (!delimiter) return {};
  const bool known = delimiter->size() == 1 && std::string_view(",\t:;| ").find(*delimiter) != std::string_view::npos;
  if (!known) return invalid_parameter("Delimiter must be a comma, tab, colon, semicolon, pipe or space");
  return {};
}

}  // namespace

Task<std::optional<Transfer>> TransferOperations::repeated(storage::Transaction& transaction, wire::Call& call,
                                                           Transfer::Kind kind, const std::optional<std::string>& token,
                                                           const std::string& fingerprint) {
  if (!token) co_return std::optional<Transfer>();
  const std::optional<std::string> row = co_await transaction.get(token_key(call.account(), call.region, kind, *token));
  if (!row) co_return std::optional<Transfer>();
  storage::RowReader reader(*row);
  std::string table = reader.text();
  std::string id = reader.text();
  std::optional<Transfer> known =
      co_await find_transfer(transaction, kind, call.account(), call.region, std::move(table), std::move(id));
  if (!known || known->started + kTokenLife < call.time) co_return std::optional<Transfer>();
  if (known->fingerprint == fingerprint) co_return known;
  const ErrorKind conflict = kind == Transfer::Kind::kExport ? shapes::errors::kExportConflictException
                                                             : shapes::errors::kImportConflictException;
  co_return Error(conflict,
                  "There was a conflict when writing to the specified S3 bucket: the client token belongs to "
                  "another request");
}

void TransferOperations::keep_token(storage::Transaction& transaction, const Transfer& transfer) const {
  if (transfer.token.empty()) return;
  storage::RowWriter row;
  row.text(transfer.table).text(transfer.id);
  transaction.put(token_key(transfer.account, transfer.region, transfer.kind, transfer.token), std::move(row).bytes());
}

Task<Transfer> TransferOperations::begin_export(storage::Transaction& transaction, wire::Call& call,
                                                const std::string& name,
                                                const shapes::ExportTableToPointInTimeInput& input) {
  const std::string fingerprint = sha256(wire::encode_json(*shapes::ExportTableToPointInTime::model().input, &input));
  std::optional<Transfer> known =
      co_await repeated(transaction, call, Transfer::Kind::kExport, input.client_token, fingerprint);
  if (known) co_return std::move(*known);
  const TablePtr source = co_await store_.find_any_table(transaction, call.account(), call.region, name);
  if (!source) co_return Error(errors::kTableNotFound, "Table not found: " + name);
  if (!source->recovery.enabled) {
    co_return Error(shapes::errors::kPointInTimeRecoveryUnavailableException,
                    "Point in time recovery is not enabled for table '" + name + "'");
  }
  const Timestamp now = store_.clock().now();
  const Timestamp moment = input.export_time.value_or(now);
  Transfer transfer = new_transfer(Transfer::Kind::kExport, call.account(), call.region, name, call.time);
  if (input.incremental_export_specification) {
    co_await take_window(transfer, *input.incremental_export_specification, earliest_restorable(*source, now), now);
  }
  if (moment < std::chrono::floor<std::chrono::seconds>(earliest_restorable(*source, now)) || moment > now) {
    co_return Error(shapes::errors::kInvalidExportTimeException,
                    "The specified ExportTime is outside of the point in time recovery window.");
  }
  transfer.table_id = source->id;
  transfer.number = new_table_number();
  transfer.token = input.client_token.value_or("");
  transfer.fingerprint = fingerprint;
  transfer.bucket = input.s3_bucket;
  transfer.bucket_owner = input.s3_bucket_owner.value_or("");
  transfer.prefix = input.s3_prefix.value_or("");
  transfer.encryption = input.s3_sse_algorithm.value_or("");
  transfer.encryption_key = input.s3_sse_kms_key_id.value_or("");
  transfer.format = input.export_format.value_or("DYNAMODB_JSON");
  transfer.moment = moment;
  transfer.key_names.push_back(source->keys.hash.name);
  if (source->keys.range) transfer.key_names.push_back(source->keys.range->name);
  Copy copy;
  copy.purpose = Copy::Purpose::kExport;
  copy.source = source->number;
  copy.target = transfer.number;
  copy.source_table = source->name;
  copy.target_name = transfer.id;
  copy.marker = transfer.number;
  if (input.export_time) {
    const std::unique_ptr<storage::Transaction> reader = store_.database().begin();
    copy.cut =
        co_await commit_at_time(*reader, source->recovery.log, moment + std::chrono::microseconds(1), &time_of_undo);
    co_await reader->commit();
    if (!copy.cut.empty()) copy.marker = 0;
  }
  if (transfer.incremental()) copy = co_await window_of(store_, *source, transfer, std::move(copy));
  Table held = *source;
  hold_log(transaction, held, transfer.number, now);
  store_.put_table(transaction, held);
  begin_copy(transaction, call.account(), call.region, copy);
  keep_token(transaction, transfer);
  transaction.put(transfer.row_key(), transfer.encode());
  co_return transfer;
}

Task<shapes::ExportTableToPointInTimeOutput> TransferOperations::export_table(
    wire::Call& call, shapes::ExportTableToPointInTimeInput& input) {
  Result<void> checked = check_export(input);
  co_await std::move(checked);
  const std::string name = co_await table_name_of(call, input.table_arn, true);
  const auto body = [&](storage::Transaction& transaction) { return begin_export(transaction, call, name, input); };
  const Transfer transfer = co_await storage::transact(store_.database(), body);
  shapes::ExportTableToPointInTimeOutput output;
  output.export_description = describe_one(transfer);
  co_return output;
}

Task<std::optional<Transfer>> TransferOperations::find(wire::Call& call, Transfer::Kind kind, const std::string& arn) {
  const std::string begin = "arn:aws:dynamodb:" + call.region + ":" + call.account() + ":table/";
  const std::string part = "/" + std::string(kind_text(kind)) + "/";
  const std::size_t at = arn.find(part);
  if (!arn.starts_with(begin) || at == std::string::npos) co_return std::optional<Transfer>();
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  std::optional<Transfer> found =
      co_await find_transfer(*transaction, kind, call.account(), call.region,
                             arn.substr(begin.size(), at - begin.size()), arn.substr(at + part.size()));
  co_await transaction->commit();
  co_return found;
}

Task<shapes::DescribeExportOutput> TransferOperations::describe_export(wire::Call& call,
                                                                       shapes::DescribeExportInput& input) {
  const std::optional<Transfer> found = co_await find(call, Transfer::Kind::kExport, input.export_arn);
  if (!found) co_return Error(shapes::errors::kExportNotFoundException, "Export not found: " + input.export_arn);
  shapes::DescribeExportOutput output;
  output.export_description = describe_one(*found);
  co_return output;
}

Task<TransferOperations::Page> TransferOperations::list(wire::Call& call, Transfer::Kind kind,
                                                        const std::optional<std::string>& table_arn,
                                                        const std::optional<std::string>& token, std::size_t limit) {
  const std::string all = keys::transfer_rows(call.account(), call.region, kind_text(kind));
  std::string rows = all;
  if (table_arn) {
    const std::string table = co_await table_name_of(call, *table_arn, true);
    rows = keys::transfer_rows(call.account(), call.region, kind_text(kind), table);
  }
  storage::KeyRange range(rows, storage::after_prefix(rows));
  if (token) {
    const std::optional<std::string> last = base64url_decode(*token);
    if (!last) co_return invalid("Invalid NextToken");
    range.begin = std::max(range.begin, all + *last + '\0');
  }
  storage::ScanOptions options;
  options.limit = limit + 1;
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const std::vector<storage::KeyValue> found = co_await transaction->scan(range, options);
  co_await transaction->commit();
  Page page;
  for (const storage::KeyValue& row : found) {
    if (page.transfers.size() == limit) {
      page.next = base64url_encode(std::string_view(found[limit - 1].key).substr(all.size()));
      break;
    }
    storage::KeyReader reader(std::string_view(row.key).substr(all.size()));
    std::string table = reader.text().value_or("");
    std::string id = reader.text().value_or("");
    Result<Transfer> decoded =
        Transfer::decode(kind, call.account(), call.region, std::move(table), std::move(id), row.value);
    page.transfers.push_back(co_await std::move(decoded));
  }
  co_return page;
}

Task<shapes::ListExportsOutput> TransferOperations::list_exports(wire::Call& call, shapes::ListExportsInput& input) {
  const auto limit = static_cast<std::size_t>(input.max_results.value_or(kMostListed));
  const Page page = co_await list(call, Transfer::Kind::kExport, input.table_arn, input.next_token, limit);
  shapes::ListExportsOutput output;
  output.next_token = page.next;
  std::vector<shapes::ExportSummary>& summaries = output.export_summaries.emplace();
  for (const Transfer& transfer : page.transfers) {
    shapes::ExportSummary& summary = summaries.emplace_back();
    summary.export_arn = transfer.arn();
    summary.export_status = std::string(status_text(transfer.status));
    summary.export_type = export_type(transfer);
  }
  co_return output;
}

Task<Transfer> TransferOperations::begin_import(storage::Transaction& transaction, wire::Call& call,
                                                const Table& wanted, const shapes::ImportTableInput& input) {
  const std::string request = wire::encode_json(*shapes::ImportTable::model().input, &input);
  std::optional<Transfer> known =
      co_await repeated(transaction, call, Transfer::Kind::kImport, input.client_token, sha256(request));
  if (known) co_return std::move(*known);
  const TablePtr existing = co_await store_.find_any_table(transaction, wanted.account, wanted.region, wanted.name);
  if (existing) co_return Error(errors::kResourceInUse, "Table already exists: " + wanted.name);
  Table table = wanted;
  table.number = new_table_number();
  table.id = uuid();
  table.created = call.time;
  table.status = TableStatus::kCreating;
  if (table.on_demand) table.on_demand_since = call.time;
  Transfer transfer = new_transfer(Transfer::Kind::kImport, call.account(), call.region, table.name, call.time);
  transfer.table_id = table.id;
  transfer.number = table.number;
  transfer.token = input.client_token.value_or("");
  transfer.fingerprint = sha256(request);
  transfer.bucket = input.s3_bucket_source.s3_bucket;
  transfer.bucket_owner = input.s3_bucket_source.s3_bucket_owner.value_or("");
  transfer.prefix = input.s3_bucket_source.s3_key_prefix.value_or("");
  transfer.format = input.input_format;
  transfer.compression = input.input_compression_type.value_or("NONE");
  if (input.input_format_options && input.input_format_options->csv) {
    transfer.delimiter = input.input_format_options->csv->delimiter.value_or("");
    transfer.header = input.input_format_options->csv->header_list.value_or(std::vector<std::string>());
  }
  transfer.request = request;
  storage::RowWriter job;
  job.text(table.name).text(transfer.id);
  transaction.put(keys::job_row(call.account(), call.region, keys::Job::kImport, table.number, 0),
                  std::move(job).bytes());
  keep_token(transaction, transfer);
  transaction.put(transfer.row_key(), transfer.encode());
  store_.put_table(transaction, table);
  co_return transfer;
}

Task<shapes::ImportTableOutput> TransferOperations::import_table(wire::Call& call, shapes::ImportTableInput& input) {
  Result<void> checked = check_import(input);
  co_await std::move(checked);
  const shapes::CreateTableInput creation = creation_of(input.table_creation_parameters);
  Result<Table> made = table_from(call, creation);
  const Table wanted = co_await std::move(made);
  const auto body = [&](storage::Transaction& transaction) { return begin_import(transaction, call, wanted, input); };
  const Transfer transfer = co_await storage::transact(store_.database(), body);
  shapes::ImportTableOutput output;
  output.import_table_description = describe_import_of(transfer);
  co_return output;
}

Task<shapes::DescribeImportOutput> TransferOperations::describe_import(wire::Call& call,
                                                                       shapes::DescribeImportInput& input) {
  const std::optional<Transfer> found = co_await find(call, Transfer::Kind::kImport, input.import_arn);
  if (!found) co_return Error(shapes::errors::kImportNotFoundException, "Import not found: " + input.import_arn);
  shapes::DescribeImportOutput output;
  output.import_table_description = describe_import_of(*found);
  co_return output;
}

Task<shapes::ListImportsOutput> TransferOperations::list_imports(wire::Call& call, shapes::ListImportsInput& input) {
  const auto limit = static_cast<std::size_t>(input.page_size.value_or(kMostListed));
  const Page page = co_await list(call, Transfer::Kind::kImport, input.table_arn, input.next_token, limit);
  shapes::ListImportsOutput output;
  output.next_token = page.next;
  std::vector<shapes::ImportSummary>& summaries = output.import_summary_list.emplace();
  for (const Transfer& transfer : page.transfers) {
    shapes::ImportSummary& summary = summaries.emplace_back();
    summary.import_arn = transfer.arn();
    summary.import_status = std::string(status_text(transfer.status));
    summary.table_arn = transfer.table_arn();
    summary.s3_bucket_source = source_of(transfer);
    summary.input_format = transfer.format;
    summary.start_time = transfer.started;
    if (transfer.status != Transfer::Status::kInProgress) summary.end_time = transfer.ended;
  }
  co_return output;
}

}  // namespace cumulet::dynamodb
