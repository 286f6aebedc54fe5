#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/s3/select/expression.h"
#include "services/s3/select/json_text.h"
#include "services/s3/select/record_source.h"

namespace cumulet::s3::select {

/// Records of JSON: one value after the other, and of each what the path of the FROM clause leads to.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-select.html
class JsonSource final : public RecordSource, private Record {
 public:
  JsonSource(Path from, std::optional<PathStep> alias);

  Next next() override;
  const Record& record() const override { return *this; }
  std::string_view bind(Expression& reference) override;

 private:
  static constexpr std::uint32_t kNothing = UINT32_MAX;

  Value value(const Expression& reference, Evaluation& evaluation) const override;
  void columns(ColumnSink& sink, Evaluation& evaluation) const override;

  Next next_value();
  bool names_record(const PathStep& step) const;
  /// What the FROM path leads to from a node on, appended to `rows_`. False when a name is ambiguous.
  bool expand(std::uint32_t node, std::size_t step);
  bool expand_all(std::uint32_t node, std::size_t step, JsonText::Type of);
  /// The child that a step means; kNothing without one, nullopt when there are several.
  std::optional<std::uint32_t> child(std::uint32_t node, const PathStep& step) const;
  std::string key_of(const JsonText::Node& node) const;
  bool is_named(const JsonText::Node& node, const PathStep& step) const;
  Value shown(std::uint32_t node, Evaluation& evaluation) const;

  const Path from_;
  const std::optional<PathStep> alias_;
  JsonText json_;
  std::vector<std::uint32_t> rows_;
  std::size_t next_row_ = 0;
  std::uint32_t row_ = kNothing;
};

}  // namespace cumulet::s3::select
