#include "services/s3/select/row_writer.h"

#include <cmath>

#include "base/text.h"

namespace cumulet::s3::select {

RowWriter::RowWriter(const Settings& settings)
    : csv_(settings.csv_output),
      record_delimiter_(csv_ ? csv_->record_delimiter : settings.json_output.record_delimiter) {
  if (!csv_) return;
  const std::string special =
      csv_->quote.substr(0, 1) + csv_->field_delimiter.substr(0, 1) + record_delimiter_ + "\r\n";
  for (const char c : special) special_[static_cast<unsigned char>(c)] = true;
}

void RowWriter::begin() {
  row_.clear();
  first_ = true;
  if (!csv_) row_ += '{';
}

bool RowWriter::end(std::string& out) {
  if (!csv_) row_ += '}';
  if (row_.size() > kRecordLimit) return false;
  out += row_;
  out += record_delimiter_;
  return true;
}

void RowWriter::column(std::string_view name, const Value& value) {
  if (csv_) {
    csv_column(value);
  } else {
    json_column(name, value);
  }
}

bool RowWriter::needs_quotes(std::string_view text) const {
  if (csv_->always_quote) return true;
  for (const char c : text) {
    if (special_[static_cast<unsigned char>(c)]) return true;
  }
  return false;
}

void RowWriter::append_quoted(std::string_view text) {
  row_ += csv_->quote;
  while (!text.empty()) {
    const bool escapes = text.starts_with(csv_->quote) || text.starts_with(csv_->escape);
    if (escapes) row_ += csv_->escape;
    row_ += text.front();
    text.remove_prefix(1);
  }
  row_ += csv_->quote;
}

void RowWriter::csv_column(const Value& value) {
  if (!first_) row_ += csv_->field_delimiter;
  first_ = false;
  std::string_view text;
  if (const Text* plain = std::get_if<Text>(&value)) {
    text = plain->text;
  } else {
    field_.clear();
    append_text(value, field_);
    text = field_;
  }
  if (needs_quotes(text)) {
    append_quoted(text);
  } else {
    row_ += text;
  }
}

void RowWriter::json_column(std::string_view name, const Value& value) {
  if (is_missing(value)) return;
  if (!first_) row_ += ',';
  first_ = false;
  row_ += '"';
  row_ += json_escape(name);
  row_ += "\":";
  if (is_absent(value)) {
    row_ += "null";
  } else if (const Text* text = std::get_if<Text>(&value)) {
    row_ += '"';
    row_ += json_escape(text->text);
    row_ += '"';
  } else if (const Moment* moment = std::get_if<Moment>(&value)) {
    row_ += '"' + moment->text() + '"';
  } else if (const double* real = std::get_if<double>(&value); real != nullptr && !std::isfinite(*real)) {
    row_ += "null";
  } else {
    append_text(value, row_);
  }
}

}  // namespace cumulet::s3::select
