#include "services/s3/select/moment_format.h"

#include <array>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/text.h"
#include "services/s3/select/errors.h"

namespace cumulet::s3::select {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};

/// A symbol repeated, or text that stands for itself.
struct Piece {
  char symbol = 0;  ///< 0: `literal`.
  std::size_t count = 0;
  std::string literal;
};

std::size_t longest(char symbol) {
  switch (symbol) {
    case 'y':
      return 4;
    case 'M':
    case 'X':
    case 'x':
      return 5;
    case 'd':
    case 'h':
    case 'H':
    case 'm':
    case 's':
      return 2;
    case 'S':
      return 9;
    case 'a':
    case 'n':
      return 1;
    default:
      return 0;
  }
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Text in single quotes; two of them are one.
Result<Piece> quoted(std::string_view pattern, std::size_t& at) {
  Piece piece;
  ++at;
  if (at < pattern.size() && pattern[at] == '\'') {
    ++at;
    piece.literal = "'";
    return piece;
  }
  for (; at < pattern.size(); ++at) {
    if (pattern[at] == '\'') {
      ++at;
      if (at == pattern.size() || pattern[at] != '\'') return piece;
    }
    piece.literal += pattern[at];
  }
  return select_error("EvaluatorUnterminatedTimestampFormatPatternToken");
}

Result<std::vector<Piece>> pieces_of(std::string_view pattern) {
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (c == '\'') {
      Result<Piece> literal = quoted(pattern, at);
      if (!literal.ok()) return std::move(literal).error();
      pieces.push_back(std::move(*literal));
      continue;
    }
    Piece piece;
    if (is_letter(c)) {
      piece.symbol = c;
      while (at < pattern.size() && pattern[at] == c) {
        ++at;
        ++piece.count;
      }
      if (longest(c) == 0) return select_error("EvaluatorInvalidTimestampFormatPatternSymbol");
      if (piece.count > longest(c) || (c == 'y' && piece.count == 3)) {
        return select_error("EvaluatorInvalidTimestampFormatPattern");
      }
    } else {
      piece.literal = c;
      ++at;
    }
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

std::string padded(std::int64_t value, std::size_t width) {
  std::string number = std::to_string(value);
  return number.size() < width ? std::string(width - number.size(), '0') + number : number;
}

std::string shown_month(int month, std::size_t count) {
  const std::string_view name = kMonths[static_cast<std::size_t>(month - 1)];
  if (count == 3) return std::string(name.substr(0, 3));
  if (count == 4) return std::string(name);
  if (count == 5) return std::string(name.substr(0, 1));
  return padded(month, count);
}

std::string shown_offset(int offset, char symbol, std::size_t count) {
  if (symbol == 'X' && offset == 0) return "Z";
  std::string out(offset < 0 ? "-" : "+");
  out += padded(std::abs(offset) / 60, 2);
  const std::string minutes = padded(std::abs(offset) % 60, 2);
  if (count == 1) return offset % 60 == 0 ? out : out + minutes;
  return out + (count == 3 || count == 5 ? ":" : "") + minutes;
}

std::string shown(const Moment& moment, const Piece& piece) {
  switch (piece.symbol) {
    case 'y':
      return piece.count == 2 ? padded(moment.year % 100, 2) : padded(moment.year, piece.count);
    case 'M':
      return shown_month(moment.month, piece.count);
    case 'd':
      return padded(moment.day, piece.count);
    case 'a':
      return moment.hour < 12 ? "AM" : "PM";
    case 'h':
      return padded(moment.hour % 12 == 0 ? 12 : moment.hour % 12, piece.count);
    case 'H':
      return padded(moment.hour, piece.count);
    case 'm':
      return padded(moment.minute, piece.count);
    case 's':
      return padded(moment.second, piece.count);
    case 'S':
      return padded(moment.nanos, 9).substr(0, piece.count);
    case 'n':
      return std::to_string(moment.nanos);
    case 'X':
    case 'x':
      return shown_offset(moment.offset, piece.symbol, piece.count);
    default:
      return piece.literal;
  }
}

/// Reads text by a pattern, piece after piece.
class MomentReader {
 public:
  explicit MomentReader(std::string_view text) : text_(text) { moment_.offset_known = false; }

  bool read(const Piece& piece) {
    switch (piece.symbol) {
      case 0:
        return literal(piece.literal);
      case 'y':
        return year(piece.count);
      case 'M':
        return piece.count >= 3 ? month_name(piece.count)
                                : into(number(piece.count == 1 ? 2 : piece.count), moment_.month);
      case 'd':
        return into(number(2), moment_.day);
      case 'a':
        return half();
      case 'h':
      case 'H':
        return into(number(2), moment_.hour) && precise(Moment::Part::kMinute);
      case 'm':
        return into(number(2), moment_.minute) && precise(Moment::Part::kMinute);
      case 's':
        return into(number(2), moment_.second) && precise(Moment::Part::kSecond);
      case 'S':
        return fraction(piece.count);
      case 'n':
        return nanos();
      default:
        return offset(piece);
    }
  }

  std::optional<Moment> finish() {
    if (!text_.empty()) return std::nullopt;
    if (afternoon_) {
      if (moment_.hour < 1 || moment_.hour > 12) return std::nullopt;
      moment_.hour = static_cast<std::int8_t>(moment_.hour % 12 + (*afternoon_ ? 12 : 0));
    }
    if (!moment_.valid()) return std::nullopt;
    return moment_;
  }

 private:
  std::optional<std::int64_t> number(std::size_t most) {
    std::size_t count = 0;
    std::int64_t value = 0;
    for (; count < most && count < text_.size() && text_[count] >= '0' && text_[count] <= '9'; ++count) {
      value = value * 10 + (text_[count] - '0');
    }
    if (count == 0) return std::nullopt;
    text_.remove_prefix(count);
    return value;
  }

  static bool into(std::optional<std::int64_t> value, std::int8_t& member) {
    if (!value) return false;
    member = static_cast<std::int8_t>(*value);
    return true;
  }

  bool precise(Moment::Part part) {
    if (moment_.precision < part) moment_.precision = part;
    return true;
  }

  bool literal(std::string_view wanted) {
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(wanted.size());
    return true;
  }

  bool year(std::size_t count) {
    const std::optional<std::int64_t> value = number(count == 2 ? 2 : 4);
    if (!value) return false;
    moment_.year = static_cast<std::int32_t>(count == 2 ? *value + (*value < 70 ? 2000 : 1900) : *value);
    return true;
  }

  bool month_name(std::size_t count) {
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      const std::string_view name = count == 3 ? kMonths[i].substr(0, 3) : kMonths[i];
      if (!iequals(text_.substr(0, name.size()), name)) continue;
      moment_.month = static_cast<std::int8_t>(i + 1);
      text_.remove_prefix(name.size());
      return true;
    }
    return false;
  }

  bool half() {
    const std::string_view word = text_.substr(0, 2);
    if (!iequals(word, "AM") && !iequals(word, "PM")) return false;
    afternoon_ = iequals(word, "PM");
    text_.remove_prefix(2);
    return true;
  }

  bool fraction(std::size_t count) {
    const std::size_t before = text_.size();
    std::optional<std::int64_t> value = number(count);
    if (!value || before - text_.size() != count) return false;
    for (std::size_t i = count; i < 9; ++i) *value *= 10;
    moment_.nanos = static_cast<std::int32_t>(*value);
    moment_.fraction_digits = static_cast<std::int8_t>(count);
    return precise(Moment::Part::kSecond);
  }

  bool nanos() {
    const std::optional<std::int64_t> value = number(9);
    if (!value) return false;
    moment_.nanos = static_cast<std::int32_t>(*value);
    moment_.fraction_digits = 9;
    return precise(Moment::Part::kSecond);
  }

  bool offset(const Piece& piece) {
    moment_.offset_known = true;
    if (piece.symbol == 'X' && literal("Z")) return true;
    const bool west = text_.starts_with('-');
    if (!west && !text_.starts_with('+')) return false;
    text_.remove_prefix(1);
    const std::optional<std::int64_t> hours = number(2);
    if (!hours) return false;
    std::int64_t minutes = 0;
    if (piece.count > 1) {
      if ((piece.count == 3 || piece.count == 5) && !literal(":")) return false;
      const std::optional<std::int64_t> given = number(2);
      if (!given) return false;
      minutes = *given;
    }
    if (*hours > 23 || minutes > 59) return false;
    moment_.offset = static_cast<std::int16_t>((west ? -1 : 1) * (*hours * 60 + minutes));
    return true;
  }

  std::string_view text_;
  Moment moment_;
  std::optional<bool> afternoon_;
};

/// What a pattern may say when it is to be read with.
Result<void> check_for_parsing(const std::vector<Piece>& pieces) {
  std::string fields;
  for (const Piece& piece : pieces) {
    if (piece.symbol == 0) continue;
    if (piece.symbol == 'M' && piece.count == 5) {
      return select_error("EvaluatorInvalidTimestampFormatPatternSymbolForParsing");
    }
    const char field = piece.symbol == 'x' ? 'X' : piece.symbol == 'n' ? 'S' : piece.symbol;
    if (fields.find(field) != std::string::npos) {
      return select_error("EvaluatorTimestampFormatPatternDuplicateFields");
    }
    fields += field;
  }
  const auto has = [&fields](char field) { return fields.find(field) != std::string::npos; };
  if (has('h') && has('H')) return select_error("EvaluatorTimestampFormatPatternDuplicateFields");
  if (has('h') != has('a')) return select_error("EvaluatorTimestampFormatPatternHourClockAmPmMismatch");
  if (!has('y')) return select_error("EvaluatorInvalidTimestampFormatPattern");
  return {};
}

}  // namespace

Result<std::string> format_moment(const Moment& moment, std::string_view pattern) {
  const Result<std::vector<Piece>> pieces = pieces_of(pattern);
  if (!pieces.ok()) return pieces.error();
  std::string out;
  for (const Piece& piece : *pieces) out += shown(moment, piece);
  return out;
}

Result<Moment> parse_moment(std::string_view text, std::string_view pattern) {
  const Result<std::vector<Piece>> pieces = pieces_of(pattern);
  if (!pieces.ok()) return pieces.error();
  const Result<void> checked = check_for_parsing(*pieces);
  if (!checked.ok()) return checked.error();
  MomentReader reader(text);
  for (const Piece& piece : *pieces) {
    if (!reader.read(piece)) return select_error("ValueParseFailure");
  }
  const std::optional<Moment> moment = reader.finish();
  if (!moment) return select_error("ValueParseFailure");
  return *moment;
}

}  // namespace cumulet::s3::select
