#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/s3/select/record_source.h"
#include "services/s3/select/settings.h"

namespace cumulet::s3::select {

/// Records of a CSV file. A record is split only as far as the columns that are asked for; fields are views of the
/// buffer, and those with escapes are made only when they are read.
class CsvSource final : public RecordSource, private Record {
 public:
  /// `alias` is how expressions name the record, if they do.
  CsvSource(CsvInput format, std::optional<PathStep> alias);

  Next next() override;
  const Record& record() const override { return *this; }
  std::string_view bind(Expression& reference) override;

  /// All columns are asked for.
  void want_all() { wanted_ = SIZE_MAX; }
  /// The columns' names, from a header that stands somewhere else.
  void set_names(std::vector<std::string> names);
  /// Reads the header, which is the first record. kRecord when it is done, also when there is none to be read.
  Next read_header();
  const std::vector<std::string>& names() const { return names_; }

 private:
  struct Field {
    Field(std::string_view t, bool e) : text(t), escaped(e) {}
    std::string_view text;  ///< Without quotes around it.
    bool escaped;
  };

  Value value(const Expression& reference, Evaluation& evaluation) const override;
  void columns(ColumnSink& sink, Evaluation& evaluation) const override;

  Next next_record();
  /// The end of the record that begins here; npos when it is not in the buffer.
  std::size_t find_delimiter(std::string_view text) const;
  bool has_quote(std::size_t length);
  Next whole(std::string_view line, bool quoted);
  void split(std::string_view line);
  /// Splits a record with quotes that ends at a delimiter outside of them; gives the length with the delimiter, 0 when
  /// more is needed.
  std::size_t split_quoted(std::string_view text, bool line_only);
  std::size_t quoted_field(std::string_view text, std::size_t at, bool line_only);
  std::size_t field_end(std::string_view text, std::size_t at, bool line_only) const;
  bool at_field_end(std::string_view text, std::size_t at, bool line_only) const;
  std::string unescaped(std::string_view text) const;
  Value shown(const Field& field, Evaluation& evaluation) const;

  const CsvInput format_;
  const std::optional<PathStep> alias_;
  const bool carriage_returns_;  ///< \r before the delimiter \n is part of it: XML makes \n of a delimiter \r\n.
  const std::size_t longest_delimiter_;
  std::vector<std::string> names_;
  std::vector<Field> fields_;
  std::size_t wanted_ = 0;
  bool header_pending_;
  bool unclosed_ = false;
  std::uint64_t quote_generation_ = UINT64_MAX;
  std::size_t next_quote_ = 0;
};

}  // namespace cumulet::s3::select
