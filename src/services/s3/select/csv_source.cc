#include "services/s3/select/csv_source.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace cumulet::s3::select {
namespace {

constexpr std::size_t kNotThere = std::string_view::npos;

std::size_t find_byte(std::string_view text, char byte) {
  const void* found = text.empty() ? nullptr : std::memchr(text.data(), byte, text.size());
  if (found == nullptr) return kNotThere;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::size_t find_text(std::string_view text, const std::string& wanted) {
  return wanted.size() == 1 ? find_byte(text, wanted.front()) : text.find(wanted);
}

/// N of _N; 0 when it is no such name.
std::size_t position_of(std::string_view name) {
  if (name.size() < 2 || name[0] != '_' || name[1] == '0') return 0;
  std::size_t position = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + 1, end, position);
  return error == std::errc() && stop == end ? position : 0;
}

}  // namespace

CsvSource::CsvSource(CsvInput format, std::optional<PathStep> alias)
    : format_(std::move(format)),
      alias_(std::move(alias)),
      carriage_returns_(format_.record_delimiter == "\n"),
      longest_delimiter_(std::max(
          {format_.record_delimiter.size(), format_.field_delimiter.size(), std::size_t{carriage_returns_} + 1})),
      header_pending_(format_.header != CsvInput::Header::kNone) {}

void CsvSource::set_names(std::vector<std::string> names) {
  names_ = std::move(names);
  header_pending_ = false;
}

std::string_view CsvSource::bind(Expression& reference) {
  Path path = reference.path;
  const bool aliased =
      alias_ ? alias_->names(path[0].name) || path[0].names(alias_->name) : iequals(path[0].name, "S3Object");
  if (aliased && path.size() > 1) {
    path.erase(path.begin());
  } else if (aliased) {
    return "InvalidKeyPath";
  }
  if (path.size() != 1 || path[0].kind == PathStep::Kind::kIndex) return "InvalidKeyPath";
  std::size_t column = 0;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (!path[0].names(names_[i])) continue;
    if (column != 0) return "AmbiguousFieldName";
    column = i + 1;
  }
  if (column == 0) column = position_of(path[0].name);
  if (column == 0 && path[0].name.size() > 1 && path[0].name.find_first_not_of("_0123456789") == kNotThere) {
    return "InvalidColumnIndex";
  }
  if (column == 0) return format_.header == CsvInput::Header::kUse ? "MissingHeaders" : "EvaluatorBindingDoesNotExist";
  reference.column = column;
  wanted_ = std::max(wanted_, column);
  return {};
}

RecordSource::Next CsvSource::read_header() {
  if (!header_pending_) return Next::kRecord;
  const std::size_t wanted = std::exchange(wanted_, SIZE_MAX);
  const Next found = next_record();
  wanted_ = wanted;
  if (found == Next::kMore || found == Next::kFailed) return found;
  header_pending_ = false;
  if (found == Next::kRecord && format_.header == CsvInput::Header::kUse) {
    for (const Field& field : fields_)
      names_.push_back(field.escaped ? unescaped(field.text) : std::string(field.text));
  }
  return Next::kRecord;
}

RecordSource::Next CsvSource::next() {
  if (header_pending_) {
    const Next header = read_header();
    if (header != Next::kRecord) return header;
  }
  return next_record();
}

std::size_t CsvSource::find_delimiter(std::string_view text) const { return find_text(text, format_.record_delimiter); }

/// Whether there is a quote among the next bytes. The buffer is searched once for each quote.
bool CsvSource::has_quote(std::size_t length) {
  if (quote_generation_ != generation() || next_quote_ < at()) {
    const std::size_t found = find_byte(rest(), format_.quote);
    next_quote_ = found == kNotThere ? SIZE_MAX : at() + found;
    quote_generation_ = generation();
  }
  return next_quote_ != SIZE_MAX && next_quote_ - at() < length;
}

RecordSource::Next CsvSource::next_record() {
  const Next begun = skip_to_first(format_.record_delimiter);
  if (begun != Next::kRecord) return begun;
  while (true) {
    if (beyond()) return Next::kEnd;
    const std::string_view text = rest();
    if (text.empty() && finished()) return Next::kEnd;
    const std::size_t end = find_delimiter(text);
    const bool comment = format_.comment && text.starts_with(*format_.comment);
    const bool quoted = !comment && has_quote(end == kNotThere ? text.size() : end);
    if (quoted && format_.quoted_record_delimiters) {
      const std::size_t length = split_quoted(text, false);
      if (length == 0) return text.size() > kRecordLimit ? fail("OverMaxRecordSize") : Next::kMore;
      if (unclosed_) return fail("CSVParsingError");
      if (length > kRecordLimit + format_.record_delimiter.size()) return fail("OverMaxRecordSize");
      skip(length);
      return is_utf8(text.substr(0, length)) ? Next::kRecord : fail("InvalidTextEncoding");
    }
    if (end == kNotThere && !finished()) return text.size() > kRecordLimit ? fail("OverMaxRecordSize") : Next::kMore;
    std::string_view line = text.substr(0, end);
    skip(end == kNotThere ? line.size() : end + format_.record_delimiter.size());
    if (carriage_returns_ && end != kNotThere && line.ends_with('\r')) line.remove_suffix(1);
    if (comment || line.empty()) continue;
    return whole(line, quoted);
  }
}

RecordSource::Next CsvSource::whole(std::string_view line, bool quoted) {
  if (line.size() > kRecordLimit) return fail("OverMaxRecordSize");
  if (!is_utf8(line)) return fail("InvalidTextEncoding");
  if (!quoted) {
    split(line);
    return Next::kRecord;
  }
  split_quoted(line, true);
  return unclosed_ ? fail(finished() && rest().empty() ? "CSVParsingError" : "CSVEscapingRecordDelimiter")
                   : Next::kRecord;
}

void CsvSource::split(std::string_view line) {
  fields_.clear();
  while (fields_.size() < wanted_) {
    const std::size_t end = find_text(line, format_.field_delimiter);
    fields_.emplace_back(line.substr(0, end), false);
    if (end == kNotThere) return;
    line.remove_prefix(end + format_.field_delimiter.size());
  }
}

bool CsvSource::at_field_end(std::string_view text, std::size_t at, bool line_only) const {
  const std::string_view here = text.substr(at);
  if (here.empty() || here.starts_with(format_.field_delimiter)) return true;
  if (line_only) return false;
  return here.starts_with(format_.record_delimiter) || (carriage_returns_ && here.starts_with("\r\n"));
}

std::size_t CsvSource::field_end(std::string_view text, std::size_t at, bool line_only) const {
  const std::size_t delimiter = std::min(find_text(text.substr(at), format_.field_delimiter), text.size() - at);
  if (line_only) return at + delimiter;
  const std::size_t end = at + std::min(find_delimiter(text.substr(at, delimiter)), delimiter);
  const bool with_return =
      carriage_returns_ && end > at && end < text.size() && text.substr(end - 1).starts_with("\r\n");
  return with_return ? end - 1 : end;
}

/// The field whose quote stands at `at`; gives where it ends.
std::size_t CsvSource::quoted_field(std::string_view text, std::size_t at, bool line_only) {
  const std::size_t begin = at + 1;
  bool escaped = false;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (format_.escape != format_.quote && text[i] == format_.escape) {
      escaped = true;
      ++i;
      continue;
    }
    if (text[i] != format_.quote) {
      if (format_.escape != format_.quote) continue;
      const std::size_t quote = find_byte(text.substr(i), format_.quote);
      if (quote == kNotThere) break;
      i += quote;
    }
    if (format_.escape == format_.quote && i + 1 < text.size() && text[i + 1] == format_.quote) {
      escaped = true;
      ++i;
      continue;
    }
    // What comes next may be a delimiter that is not there as a whole.
    if (!line_only && !finished() && text.size() - i - 1 < longest_delimiter_) return text.size();
    if (at_field_end(text, i + 1, line_only)) {
      if (fields_.size() < wanted_) fields_.emplace_back(text.substr(begin, i - begin), escaped);
      return i + 1;
    }
    // The quotes do not enclose the whole field: they are part of it.
    const std::size_t end = field_end(text, at, line_only);
    if (fields_.size() < wanted_) fields_.emplace_back(text.substr(at, end - at), false);
    return end;
  }
  unclosed_ = true;
  return text.size();
}

std::size_t CsvSource::split_quoted(std::string_view text, bool line_only) {
  fields_.clear();
  unclosed_ = false;
  std::size_t at = 0;
  while (true) {
    std::size_t end = 0;
    if (at < text.size() && text[at] == format_.quote) {
      end = quoted_field(text, at, line_only);
    } else {
      end = field_end(text, at, line_only);
      if (fields_.size() < wanted_) fields_.emplace_back(text.substr(at, end - at), false);
    }
    if (end == text.size()) return line_only || finished() ? std::max<std::size_t>(end, 1) : 0;
    if (!text.substr(end).starts_with(format_.field_delimiter)) {
      return end + (text[end] == '\r' && carriage_returns_ ? 2 : format_.record_delimiter.size());
    }
    at = end + format_.field_delimiter.size();
  }
}

std::string CsvSource::unescaped(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == format_.escape && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

Value CsvSource::shown(const Field& field, Evaluation& evaluation) const {
  if (!field.escaped) return Text(field.text, true);
  Text text = evaluation.keep(unescaped(field.text));
  text.is_field = true;
  return text;
}

Value CsvSource::value(const Expression& reference, Evaluation& evaluation) const {
  if (reference.column > fields_.size()) return Missing();
  return shown(fields_[reference.column - 1], evaluation);
}

void CsvSource::columns(ColumnSink& sink, Evaluation& evaluation) const {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const Value value = shown(fields_[i], evaluation);
    if (i < names_.size()) {
      sink.column(names_[i], value);
    } else {
      sink.column("_" + std::to_string(i + 1), value);
    }
  }
}

}  // namespace cumulet::s3::select
