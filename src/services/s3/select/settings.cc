#include "services/s3/select/settings.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "services/s3/select/errors.h"

namespace cumulet::s3::select {
namespace api = wire::s3;

namespace {

constexpr std::size_t kDelimiterLimit = 2;

bool is_one_byte(const std::string& text) { return text.size() == 1; }

/// A delimiter, when it is given and good.
bool take(const std::optional<std::string>& given, std::size_t most, std::string& delimiter) {
  if (!given) return true;
  if (given->empty() || given->size() > most || !is_utf8(*given)) return false;
  delimiter = *given;
  return true;
}

/// A single character of one byte; an empty one leaves what is usual.
bool take(const std::optional<std::string>& given, char& character) {
  if (!given || given->empty()) return true;
  if (!is_one_byte(*given)) return false;
  character = given->front();
  return true;
}

Result<CsvInput> csv_input(const api::CSVInput& given) {
  CsvInput csv;
  const std::string header = to_upper(given.file_header_info.value_or("NONE"));
  if (header == "USE") {
    csv.header = CsvInput::Header::kUse;
  } else if (header == "IGNORE") {
    csv.header = CsvInput::Header::kIgnore;
  } else if (header != "NONE") {
    return select_error("InvalidFileHeaderInfo");
  }
  char comment = *csv.comment;
  const bool good = take(given.record_delimiter, kDelimiterLimit, csv.record_delimiter) &&
                    take(given.field_delimiter, 4, csv.field_delimiter) && take(given.quote_character, csv.quote) &&
                    take(given.quote_escape_character, csv.escape) && take(given.comments, comment);
  if (!good || csv.record_delimiter == csv.field_delimiter) return select_error("InvalidRequestParameter");
  csv.comment = comment;
  if (given.comments && given.comments->empty()) csv.comment = std::nullopt;
  csv.quoted_record_delimiters = given.allow_quoted_record_delimiter.value_or(false);
  return csv;
}

Result<CsvOutput> csv_output(const api::CSVOutput& given) {
  CsvOutput csv;
  const std::string quote_fields = to_upper(given.quote_fields.value_or("ASNEEDED"));
  if (quote_fields != "ASNEEDED" && quote_fields != "ALWAYS") return select_error("InvalidQuoteFields");
  csv.always_quote = quote_fields == "ALWAYS";
  const bool good = take(given.record_delimiter, kDelimiterLimit, csv.record_delimiter) &&
                    take(given.field_delimiter, 4, csv.field_delimiter) && take(given.quote_character, 4, csv.quote) &&
                    take(given.quote_escape_character, 4, csv.escape);
  if (!good) return select_error("InvalidRequestParameter");
  return csv;
}

Result<void> set_input(const api::InputSerialization& given, Settings& settings) {
  const std::string compression = to_upper(given.compression_type.value_or("NONE"));
  if (compression == "GZIP") {
    settings.compression = Compression::kGzip;
  } else if (compression == "BZIP2") {
    settings.compression = Compression::kBzip2;
  } else if (compression != "NONE") {
    return select_error("InvalidCompressionFormat");
  }
  const int formats = int{given.csv.has_value()} + int{given.json.has_value()} + int{given.parquet.has_value()};
  if (formats == 0) return select_error("InvalidDataSource");
  if (formats > 1) return select_error("ObjectSerializationConflict");
  if (given.parquet) {
    return Error("NotImplemented", 501, "A header you provided implies functionality that is not implemented")
        .with("Header", "InputSerialization.Parquet");
  }
  if (given.csv) {
    Result<CsvInput> csv = csv_input(*given.csv);
    if (!csv.ok()) return std::move(csv).error();
    settings.csv = std::move(*csv);
    return {};
  }
  if (!given.json->type) return select_error("MissingRequiredParameter");
  const std::string type = to_upper(*given.json->type);
  if (type != "DOCUMENT" && type != "LINES") return select_error("InvalidJsonType");
  settings.json_lines = type == "LINES";
  return {};
}

Result<void> set_output(const api::OutputSerialization& given, Settings& settings) {
  if (given.csv && given.json) return select_error("ObjectSerializationConflict");
  if (!given.csv && !given.json) return select_error("MissingRequiredParameter");
  if (given.csv) {
    Result<CsvOutput> csv = csv_output(*given.csv);
    if (!csv.ok()) return std::move(csv).error();
    settings.csv_output = std::move(*csv);
    return {};
  }
  if (!take(given.json->record_delimiter, kDelimiterLimit, settings.json_output.record_delimiter)) {
    return select_error("InvalidRequestParameter");
  }
  return {};
}

}  // namespace

Result<Settings> settings_of(const api::SelectObjectContentRequest& input) {
  if (input.expression.empty()) return select_error("MissingRequiredParameter");
  if (!iequals(input.expression_type, "SQL")) return select_error("InvalidExpressionType");
  Settings settings;
  Result<void> set = set_input(input.input_serialization, settings);
  if (set.ok()) set = set_output(input.output_serialization, settings);
  if (!set.ok()) return std::move(set).error();
  settings.progress = input.request_progress && input.request_progress->enabled.value_or(false);
  return settings;
}

Result<std::optional<ScanRange>> scan_range_of(const api::SelectObjectContentRequest& input, const Settings& settings,
                                               std::uint64_t size) {
  if (!input.scan_range) return std::optional<ScanRange>();
  const bool whole_lines = settings.csv ? !settings.csv->quoted_record_delimiters : settings.json_lines;
  if (!whole_lines || settings.compression != Compression::kNone) return select_error("UnsupportedScanRangeInput");
  const std::optional<std::int64_t> start = input.scan_range->start;
  const std::optional<std::int64_t> end = input.scan_range->end;
  if ((!start && !end) || start.value_or(0) < 0 || end.value_or(0) < 0) return select_error("InvalidScanRange");
  if (!start) {
    const std::uint64_t count = std::min(size, static_cast<std::uint64_t>(*end));
    return std::optional<ScanRange>(ScanRange(size - count, size));
  }
  const auto first = static_cast<std::uint64_t>(*start);
  const std::uint64_t last = end ? static_cast<std::uint64_t>(*end) : size;
  if (first > last || (first >= size && first > 0)) return select_error("InvalidScanRange");
  return std::optional<ScanRange>(ScanRange(first, last));
}

}  // namespace cumulet::s3::select
