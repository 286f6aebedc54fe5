#include "services/firehose/object_name.h"

#include <cctype>
#include <ctime>
#include <functional>
#include <optional>

#include "base/ids.h"

namespace cumulet::firehose {
namespace {

constexpr std::size_t kRandomLength = 11;
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

std::string padded(std::int64_t number, std::size_t digits) {
  std::string text = std::to_string(number);
  return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}

/// One run of a letter of Java's DateTimeFormatter ("yyyy"); nullopt when it is none that we know.
std::optional<std::string> date_part(char letter, std::size_t count, Timestamp time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  switch (letter) {
    case 'y':
    case 'Y':
    case 'u':
      return count == 2 ? padded((parts.tm_year + 1900) % 100, 2) : padded(parts.tm_year + 1900, count);
    case 'M':
      return count > 2 ? std::nullopt : std::optional(padded(parts.tm_mon + 1, count));
    case 'd':
      return padded(parts.tm_mday, count);
    case 'D':
      return padded(parts.tm_yday + 1, count);
    case 'H':
      return padded(parts.tm_hour, count);
    case 'm':
      return padded(parts.tm_min, count);
    case 's':
      return padded(parts.tm_sec, count);
    case 'S': {
      const std::string micros = padded(time.time_since_epoch().count() % 1'000'000, 6);
      return count > 6 ? std::nullopt : std::optional(micros.substr(0, count));
    }
    default:
      return std::nullopt;
  }
}

/// Nullopt on a format that is not understood.
std::optional<std::string> format_time(std::string_view format, Timestamp time) {
  std::string out;
  for (std::size_t i = 0; i < format.size();) {
    const char letter = format[i];
    if (letter == '\'') {
      const std::size_t end = format.find('\'', i + 1);
      if (end == std::string_view::npos) return std::nullopt;
      out += end == i + 1 ? std::string_view("'") : format.substr(i + 1, end - i - 1);
      i = end + 1;
      continue;
    }
    if (std::isalpha(static_cast<unsigned char>(letter)) == 0) {
      out += letter;
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < format.size() && format[end] == letter) ++end;
    const std::optional<std::string> part = date_part(letter, end - i, time);
    if (!part) return std::nullopt;
    out += *part;
    i = end;
  }
  return out;
}

/// Replaces each !{…}; `work_out` gives an expression's value, or nullopt.
std::optional<std::string> expand(const std::string& prefix,
                                  const std::function<std::optional<std::string>(std::string_view)>& work_out) {
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t begin = prefix.find("!{", at);
    out += prefix.substr(at, begin - at);
    if (begin == std::string::npos) return out;
    const std::size_t end = prefix.find('}', begin);
    if (end == std::string::npos) return std::nullopt;
    const std::optional<std::string> value = work_out(std::string_view(prefix).substr(begin + 2, end - begin - 2));
    if (!value) return std::nullopt;
    out += *value;
    at = end + 1;
  }
}

std::optional<std::string> value_of(std::string_view expression, Timestamp time, const std::string& error_type) {
  constexpr std::string_view kTime = "timestamp:";
  if (expression.starts_with(kTime)) return format_time(expression.substr(kTime.size()), time);
  if (expression == "firehose:random-string") return random_text(kRandomLength, kLetters);
  if (expression == "firehose:error-output-type" && !error_type.empty()) return error_type;
  return std::nullopt;
}

}  // namespace

Error invalid(std::string message) { return Error("InvalidArgumentException", 400, std::move(message)); }

bool has_expression(const std::string& prefix) { return prefix.find("!{") != std::string::npos; }

Result<void> check_prefix(const std::string& prefix, bool error_output) {
  const std::string error_type = error_output ? "processing-failed" : "";
  bool says_type = false;
  const auto work_out = [&](std::string_view expression) {
    says_type = says_type || expression == "firehose:error-output-type";
    return value_of(expression, Timestamp(), error_type);
  };
  const std::string which = error_output ? "ErrorOutputPrefix" : "Prefix";
  if (!expand(prefix, work_out)) {
    return invalid(which + " " + prefix + " has an expression that is not supported.");
  }
  if (error_output && has_expression(prefix) && !says_type) {
    return invalid("ErrorOutputPrefix must contain !{firehose:error-output-type} when it has expressions.");
  }
  return {};
}

std::string expand_prefix(const std::string& prefix, Timestamp time, const std::string& error_type) {
  if (!has_expression(prefix)) return prefix + format_time("yyyy/MM/dd/HH/", time).value_or("");
  const auto work_out = [&](std::string_view expression) { return value_of(expression, time, error_type); };
  return expand(prefix, work_out).value_or(prefix);
}

std::string object_suffix(const std::string& stream, std::uint64_t version, Timestamp time, const std::string& uuid) {
  return stream + "-" + std::to_string(version) + "-" + format_time("yyyy-MM-dd-HH-mm-ss", time).value_or("") + "-" +
         uuid;
}

}  // namespace cumulet::firehose
