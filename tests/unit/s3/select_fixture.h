#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "services/s3/select/csv_source.h"
#include "services/s3/select/errors.h"
#include "services/s3/select/json_source.h"
#include "services/s3/select/parser.h"
#include "services/s3/select/query.h"

namespace cumulet::s3::select {

/// Runs a query over text that comes in pieces of `piece` bytes; gives its rows, or the code of its error.
class Selecting {
 public:
  static Settings csv(CsvInput::Header header = CsvInput::Header::kNone) {
    Settings settings;
    settings.csv.emplace();
    settings.csv->header = header;
    settings.csv_output.emplace();
    return settings;
  }
  static Settings json() { return Settings(); }

  static std::string run(std::string_view sql, std::string_view text, const Settings& settings,
                         std::size_t piece = std::string_view::npos) {
    Result<Statement> statement = parse_statement(sql);
    if (!statement.ok()) return statement.error().code();
    std::unique_ptr<RecordSource> source;
    CsvSource* csv = nullptr;
    if (settings.csv) {
      auto made = std::make_unique<CsvSource>(*settings.csv, statement->alias);
      csv = made.get();
      source = std::move(made);
    } else {
      source = std::make_unique<JsonSource>(statement->from, statement->alias);
    }
    const auto more = [&] {
      if (text.empty()) return source->finish();
      source->feed(text.substr(0, piece));
      text.remove_prefix(std::min(piece, text.size()));
    };
    while (csv != nullptr) {
      const RecordSource::Next header = csv->read_header();
      if (header == RecordSource::Next::kRecord) break;
      if (header == RecordSource::Next::kFailed) return std::string(source->failure());
      more();
    }
    Query query(std::move(*statement), settings, *Moment::parse("2026-11-22T10:20:30.000Z"));
    const Result<void> bound = query.bind(*source);
    if (!bound.ok()) return bound.error().code();
    if (csv != nullptr && query.wants_all()) csv->want_all();
    std::string out;
    while (!query.done()) {
      const RecordSource::Next next = source->next();
      if (next == RecordSource::Next::kFailed) return std::string(source->failure());
      if (next == RecordSource::Next::kEnd) break;
      if (next == RecordSource::Next::kMore) {
        more();
        continue;
      }
      const std::string_view failure = query.take(source->record(), out);
      if (!failure.empty()) return std::string(failure);
    }
    const std::string_view failure = query.finish(out);
    return failure.empty() ? out : std::string(failure);
  }

  /// What one expression gives, as CSV, without its line's end.
  static std::string value(const std::string& expression) {
    std::string row = run("SELECT " + expression + " FROM S3Object", "x\n", csv());
    if (row.ends_with('\n')) row.pop_back();
    return row;
  }
};

}  // namespace cumulet::s3::select
