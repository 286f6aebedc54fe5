#include "services/s3/select/json_source.h"

#include <cstdlib>

#include "base/text.h"

namespace cumulet::s3::select {

using JsonType = JsonText::Type;

JsonSource::JsonSource(Path from, std::optional<PathStep> alias) : from_(std::move(from)), alias_(std::move(alias)) {}

bool JsonSource::names_record(const PathStep& step) const {
  if (alias_) return step.names(alias_->name) || alias_->names(step.name);
  if (from_.empty()) return iequals(step.name, "S3Object") || step.name == "_1";
  const PathStep& last = from_.back();
  const bool named = last.kind == PathStep::Kind::kName || last.kind == PathStep::Kind::kQuotedName;
  return named ? step.names(last.name) || last.names(step.name) : step.name == "_1";
}

std::string_view JsonSource::bind(Expression& reference) {
  reference.column = names_record(reference.path.front()) ? 1 : 0;
  return {};
}

RecordSource::Next JsonSource::next() {
  const Next begun = skip_to_first("\n");
  if (begun != Next::kRecord) return begun;
  if (next_row_ == rows_.size()) {
    const Next found = next_value();
    if (found != Next::kRecord) return found;
  }
  row_ = rows_[next_row_++];
  return Next::kRecord;
}

RecordSource::Next JsonSource::next_value() {
  const std::string_view all = rest();
  const std::size_t begin = all.find_first_not_of(" \t\r\n");
  skip(begin == std::string_view::npos ? all.size() : begin);
  if (beyond()) return Next::kEnd;
  const std::string_view text = rest();
  if (text.empty()) return finished() ? Next::kEnd : Next::kMore;
  std::size_t length = 0;
  switch (json_.parse(text, finished(), length)) {
    case JsonText::Outcome::kIncomplete:
      return text.size() > kRecordLimit ? fail("OverMaxRecordSize") : Next::kMore;
    case JsonText::Outcome::kWrong:
      // No value begins with such a byte, but texts in other encodings do.
      return fail(static_cast<unsigned char>(text[0]) >= 0x80 ? "InvalidTextEncoding" : "JSONParsingError");
    case JsonText::Outcome::kWhole:
      break;
  }
  if (length > kRecordLimit) return fail("OverMaxRecordSize");
  if (!is_utf8(text.substr(0, length))) return fail("InvalidTextEncoding");
  skip(length);
  rows_.clear();
  next_row_ = 0;
  return expand(0, 0) ? Next::kRecord : fail("AmbiguousFieldName");
}

std::string JsonSource::key_of(const JsonText::Node& node) const {
  return node.key_escaped ? json_unescape(json_.raw_key(node)) : std::string(json_.raw_key(node));
}

bool JsonSource::is_named(const JsonText::Node& node, const PathStep& step) const {
  return step.names(node.key_escaped ? std::string_view(json_unescape(json_.raw_key(node))) : json_.raw_key(node));
}

std::optional<std::uint32_t> JsonSource::child(std::uint32_t node, const PathStep& step) const {
  const JsonText::Node& parent = json_.node(node);
  std::uint32_t found = kNothing;
  if (step.kind == PathStep::Kind::kIndex) {
    if (parent.type != JsonType::kList) return kNothing;
    std::size_t left = step.index;
    for (std::uint32_t at = node + 1; at < parent.next; at = json_.node(at).next) {
      if (left-- == 0) return at;
    }
    return kNothing;
  }
  if (parent.type != JsonType::kStructure) return kNothing;
  for (std::uint32_t at = node + 1; at < parent.next; at = json_.node(at).next) {
    if (!is_named(json_.node(at), step)) continue;
    if (step.kind == PathStep::Kind::kQuotedName) return at;
    if (found != kNothing) return std::nullopt;
    found = at;
  }
  return found;
}

bool JsonSource::expand_all(std::uint32_t node, std::size_t step, JsonType of) {
  const JsonText::Node& parent = json_.node(node);
  if (parent.type != of || parent.next == node + 1) {
    rows_.push_back(kNothing);
    return true;
  }
  for (std::uint32_t at = node + 1; at < parent.next; at = json_.node(at).next) {
    if (!expand(at, step + 1)) return false;
  }
  return true;
}

bool JsonSource::expand(std::uint32_t node, std::size_t step) {
  if (step == from_.size()) {
    rows_.push_back(node);
    return true;
  }
  if (from_[step].kind == PathStep::Kind::kAllElements) return expand_all(node, step, JsonType::kList);
  if (from_[step].kind == PathStep::Kind::kAllAttributes) return expand_all(node, step, JsonType::kStructure);
  const std::optional<std::uint32_t> found = child(node, from_[step]);
  if (!found) return false;
  if (*found != kNothing) return expand(*found, step + 1);
  rows_.push_back(kNothing);
  return true;
}

Value JsonSource::shown(std::uint32_t node, Evaluation& evaluation) const {
  const JsonText::Node& found = json_.node(node);
  const std::string_view raw = json_.raw(found);
  switch (found.type) {
    case JsonType::kNull:
      return Null();
    case JsonType::kBool:
      return raw == "true";
    case JsonType::kNumber: {
      const std::optional<Value> number = parse_number(raw);
      return number ? *number : Value(std::strtod(std::string(raw).c_str(), nullptr));
    }
    case JsonType::kString:
      return found.escaped ? evaluation.keep(json_unescape(raw)) : Text(raw);
    case JsonType::kList:
    case JsonType::kStructure:
      break;
  }
  return Nested(json_, node);
}

Value JsonSource::value(const Expression& reference, Evaluation& evaluation) const {
  std::uint32_t node = row_;
  for (std::size_t i = reference.column; i < reference.path.size() && node != kNothing; ++i) {
    const std::optional<std::uint32_t> found = child(node, reference.path[i]);
    if (!found) return evaluation.fail("AmbiguousFieldName");
    node = *found;
  }
  if (node == kNothing) return Missing();
  return shown(node, evaluation);
}

void JsonSource::columns(ColumnSink& sink, Evaluation& evaluation) const {
  if (row_ == kNothing) return;
  const JsonText::Node& row = json_.node(row_);
  if (row.type != JsonType::kStructure) return sink.column("_1", shown(row_, evaluation));
  for (std::uint32_t at = row_ + 1; at < row.next; at = json_.node(at).next) {
    const JsonText::Node& member = json_.node(at);
    if (member.key_escaped) {
      sink.column(key_of(member), shown(at, evaluation));
    } else {
      sink.column(json_.raw_key(member), shown(at, evaluation));
    }
  }
}

}  // namespace cumulet::s3::select
