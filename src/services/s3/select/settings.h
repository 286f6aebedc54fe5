#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "wire/generated/s3.h"

namespace cumulet::s3::select {

enum class Compression { kNone, kGzip, kBzip2 };

struct CsvInput {
  enum class Header { kNone, kIgnore, kUse };
  Header header = Header::kNone;
  std::string record_delimiter = "\n";  ///< One or two bytes.
  std::string field_delimiter = ",";
  char quote = '"';
  char escape = '"';
  std::optional<char> comment = '#';
  bool quoted_record_delimiters = false;
};

struct CsvOutput {
  bool always_quote = false;
  std::string record_delimiter = "\n";
  std::string field_delimiter = ",";
  std::string quote = "\"";
  std::string escape = "\"";
};

struct JsonOutput {
  std::string record_delimiter = "\n";
};

/// A stretch of the object: records that begin in it are read.
struct ScanRange {
  ScanRange(std::uint64_t f, std::uint64_t l) : first(f), last(l) {}
  std::uint64_t first;
  std::uint64_t last;  ///< Inclusive.
};

/// What a request says besides its expression, checked.
struct Settings {
  Compression compression = Compression::kNone;
  std::optional<CsvInput> csv;  ///< Otherwise JSON.
  bool json_lines = false;
  std::optional<CsvOutput> csv_output;  ///< Otherwise JSON.
  JsonOutput json_output;
  bool progress = false;
};

/// Fails with the documented errors: MissingRequiredParameter, ObjectSerializationConflict, InvalidRequestParameter and
/// those of single values. Parquet is answered NotImplemented.
Result<Settings> settings_of(const wire::s3::SelectObjectContentRequest& input);

/// The stretch asked for of an object of that size; nullopt without one. Fails with InvalidScanRange or
/// UnsupportedScanRangeInput.
Result<std::optional<ScanRange>> scan_range_of(const wire::s3::SelectObjectContentRequest& input,
                                               const Settings& settings, std::uint64_t size);

}  // namespace cumulet::s3::select
