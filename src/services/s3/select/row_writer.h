#pragma once

#include <array>
#include <string>
#include <string_view>

#include "services/s3/select/evaluation.h"
#include "services/s3/select/settings.h"

namespace cumulet::s3::select {

/// Writes rows as OutputSerialization wants them.
class RowWriter final : public ColumnSink {
 public:
  explicit RowWriter(const Settings& settings);

  void begin();
  void column(std::string_view name, const Value& value) override;
  /// Appends the row. False when it is longer than a record may be.
  bool end(std::string& out);

 private:
  void csv_column(const Value& value);
  void json_column(std::string_view name, const Value& value);
  void append_quoted(std::string_view text);
  bool needs_quotes(std::string_view text) const;

  const std::optional<CsvOutput> csv_;
  const std::string record_delimiter_;
  std::array<bool, 256> special_{};  ///< Bytes that make quotes necessary.
  std::string row_;
  std::string field_;
  bool first_ = true;
};

}  // namespace cumulet::s3::select
