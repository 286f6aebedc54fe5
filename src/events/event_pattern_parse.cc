#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "events/event_pattern_rules.h"
#include "events/json_pull.h"

/// EventBridge's checks of a pattern, in their order and words.
namespace cumulet::events {
namespace {

using Kind = Matcher::Kind;
using Token = JsonPull::Token;

constexpr ErrorKind kInvalidPattern{"InvalidEventPatternException", 400};
constexpr std::size_t kCombinationLimit = 1000;
constexpr std::string_view kOneKey = "Only one key allowed in match expression";
constexpr std::string_view kTooManyElements = "Too many elements in numeric expression";
constexpr std::string_view kIgnoreCaseText = "equals-ignore-case match pattern must be a string";
constexpr std::string_view kOutOfRange = "Value must be between -5.0E9 and 5.0E9, inclusive";

/// Words that are operators, now or some day: no names of fields inside "$or".
const std::set<std::string_view> kReserved{"exact",
                                           "equals-ignore-case",
                                           "prefix",
                                           "suffix",
                                           "anything-but",
                                           "exists",
                                           "wildcard",
                                           "numeric",
                                           "cidr",
                                           "=",
                                           "<",
                                           "<=",
                                           ">",
                                           ">=",
                                           "regex",
                                           "not-wildcard",
                                           "date-after",
                                           "date-on-or-after",
                                           "date-before",
                                           "date-on-or-before",
                                           "in-date-range",
                                           "ip-address-in-range",
                                           "ip-address-not-in-range",
                                           "not-equals-ignore-case"};

using Field = std::shared_ptr<const FieldPattern>;
using Fields = std::map<std::string, Field>;

class PatternParser {
 public:
  explicit PatternParser(std::string_view json) : in_(json) {}

  bool parse() {
    if (next() != Token::kObjectStart) return barf("Filter is not an object");
    return object(rules_, false) && (next() == Token::kEnd || barf("Unexpected content after the pattern"));
  }

  const std::string& error() const { return error_; }
  const std::vector<Fields>& rules() const { return rules_; }

 private:
  Token next() {
    const Token token = in_.next();
    if (token == Token::kError && error_.empty()) error_ = in_.error();
    return token;
  }

  bool barf(std::string_view message) { return barf_without_place(in_.at_this_place(message)); }
  bool barf_without_place(std::string message) {
    if (error_.empty()) error_ = in_.error().empty() ? std::move(message) : in_.error();
    return false;
  }

  bool object(std::vector<Fields>& rules, bool inside_or) {
    bool empty = true;
    for (Token token = next(); token != Token::kObjectEnd; token = next()) {
      if (token != Token::kName) return barf("Unexpected token");
      empty = false;
      const std::string name = in_.text();
      if (name == "$or") {
        if (!alternatives(rules)) return false;
        continue;
      }
      if (inside_or && kReserved.contains(name)) {
        return barf(name + " is Ruler reserved fieldName which cannot be used inside $or.");
      }
      path_.push_back(name);
      const Token value = next();
      const bool good = value == Token::kObjectStart  ? object(rules, inside_or)
                        : value == Token::kArrayStart ? field(rules)
                                                      : barf("\"" + name + "\" must be an object or an array");
      if (!good) return false;
      path_.pop_back();
    }
    return !empty || barf("Empty objects are not allowed");
  }

  bool alternatives(std::vector<Fields>& rules) {
    std::vector<Fields> before = std::move(rules);
    if (before.empty()) before.emplace_back();
    rules.clear();
    if (next() != Token::kArrayStart) return barf("It must be an Array followed with $or.");
    std::size_t count = 0;
    for (Token token = next(); token != Token::kArrayEnd; token = next()) {
      ++count;
      if (token != Token::kObjectStart) return barf("Only JSON object is allowed in array of $or relationship.");
      std::vector<Fields> alternative = before;
      if (!object(alternative, true)) return false;
      rules.insert(rules.end(), alternative.begin(), alternative.end());
      if (rules.size() > kCombinationLimit) {
        return barf("The pattern has more than 1000 combinations of $or conditions");
      }
    }
    return count >= 2 || barf("There must have at least 2 Objects in $or relationship.");
  }

  bool field(std::vector<Fields>& rules) {
    auto parsed = std::make_shared<FieldPattern>();
    parsed->name = join(path_, ".");
    for (const std::string_view step : split(parsed->name, '.')) parsed->path.emplace_back(step);
    for (Token token = next(); token != Token::kArrayEnd; token = next()) {
      if (!value(token, *parsed)) return false;
    }
    if (parsed->exact.empty() && parsed->matchers.empty()) return barf("Empty arrays are not allowed");
    std::sort(parsed->exact.begin(), parsed->exact.end());
    parsed->exact.erase(std::unique(parsed->exact.begin(), parsed->exact.end()), parsed->exact.end());
    if (rules.empty()) rules.emplace_back();
    for (Fields& rule : rules) rule[parsed->name] = parsed;
    return true;
  }

  bool value(Token token, FieldPattern& out) {
    switch (token) {
      case Token::kObjectStart:
        return match_expression(out);
      case Token::kString: {
        const std::string& text = in_.text();
        if (const std::optional<std::string> address = address_bytes(text)) {
          out.matchers.emplace_back(Kind::kAddress, text);
          out.matchers.back().texts.push_back(*address);
        } else {
          out.exact.push_back(text);
        }
        return in_.error().empty() || barf("");
      }
      case Token::kNumber:
        out.matchers.emplace_back(Kind::kNumber, in_.text());
        if (const auto number = comparable_number(in_.text())) out.matchers.back().numbers.push_back(*number);
        return true;
      case Token::kTrue:
      case Token::kFalse:
      case Token::kNull:
        out.matchers.emplace_back(Kind::kWord, in_.text());
        return true;
      default:
        return barf("Match value must be String, number, true, false, or null");
    }
  }

  bool match_expression(FieldPattern& out) {
    if (next() != Token::kName) return barf("Match expression name not found");
    const std::string name = in_.text();
    if (name == "exact") {
      if (next() != Token::kString) return barf("exact match pattern must be a string");
      out.exact.push_back(in_.text());
      return end_of_object(kOneKey);
    }
    if (name == "prefix") return affix("prefix", "Prefix", Kind::kPrefix, Kind::kPrefixIgnoreCase, out);
    if (name == "suffix") return affix("suffix", "Suffix", Kind::kSuffix, Kind::kSuffixIgnoreCase, out);
    if (name == "equals-ignore-case") {
      if (next() != Token::kString) return barf(kIgnoreCaseText);
      out.matchers.emplace_back(Kind::kEqualsIgnoreCase, fold_case(in_.text()));
      return end_of_object(kOneKey);
    }
    if (name == "wildcard") {
      if (next() != Token::kString) return barf("wildcard match pattern must be a string");
      if (!check_wildcard(in_.text())) return false;
      out.matchers.emplace_back(Kind::kWildcard, in_.text());
      return end_of_object(kOneKey);
    }
    if (name == "numeric") {
      if (next() != Token::kArrayStart) return barf("Value of numeric must be an array.");
      return numeric(out) && end_of_object(kTooManyElements);
    }
    if (name == "exists") return exists(out);
    if (name == "cidr") return cidr(out);
    if (name == "anything-but") return anything_but(out);
    return barf("Unrecognized match type " + name);
  }

  bool end_of_object(std::string_view otherwise) { return next() == Token::kObjectEnd || barf(otherwise); }

  bool affix(const std::string& name, const std::string& title, Kind plain, Kind folded, FieldPattern& out) {
    const Token token = next();
    if (token == Token::kString) {
      out.matchers.emplace_back(plain, in_.text());
      return end_of_object(kOneKey);
    }
    if (token != Token::kObjectStart) return barf(name + " match pattern must be a string");
    if (next() != Token::kName) return barf(title + " expression name not found");
    if (in_.text() != "equals-ignore-case") return barf("Unsupported " + name + " pattern: " + in_.text());
    if (next() != Token::kString) return barf(kIgnoreCaseText);
    out.matchers.emplace_back(folded, fold_case(in_.text()));
    return end_of_object(kOneKey) && end_of_object(kOneKey);
  }

  /// Positions count from the quotation mark, as they do in EventBridge.
  bool check_wildcard(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '*' && text.substr(i + 1).starts_with('*')) {
        return barf("Consecutive wildcard characters at pos " + std::to_string(i + 1));
      }
      if (text[i] != '\\') continue;
      const char escaped = i + 1 < text.size() ? text[i + 1] : '\0';
      if (escaped != '*' && escaped != '\\') return barf("Invalid escape character at pos " + std::to_string(i + 1));
      ++i;
    }
    return true;
  }

  bool exists(FieldPattern& out) {
    const Token token = next();
    if (token != Token::kTrue && token != Token::kFalse) {
      return barf("exists match pattern must be either true or false.");
    }
    out.matchers.emplace_back(token == Token::kTrue ? Kind::kExists : Kind::kAbsent);
    return end_of_object(kOneKey);
  }

  bool cidr(FieldPattern& out) {
    if (next() != Token::kString) return barf("prefix match pattern must be a string");
    const std::string text = in_.text();
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos || slash + 1 == text.size() || text.find('/', slash + 1) != std::string::npos) {
      return barf_without_place("Malformed CIDR, one '/' required");
    }
    const std::optional<std::int64_t> bits = parse_int(std::string_view(text).substr(slash + 1));
    if (!bits) return barf_without_place("Malformed CIDR, mask bits must be an integer");
    if (*bits < 0) return barf_without_place("Malformed CIDR, mask bits must not be negative");
    const std::optional<std::string> address = address_bytes(std::string_view(text).substr(0, slash));
    if (!address) return barf_without_place("Nonstandard IP address: " + text.substr(0, slash));
    if (address->size() == 4 && *bits > 31) return barf_without_place("IPv4 mask bits must be < 32");
    if (*bits > 127) return barf_without_place("IPv6 mask bits must be < 128");
    std::string first = *address;
    std::string last = *address;
    for (std::size_t bit = static_cast<std::size_t>(*bits); bit < address->size() * 8; ++bit) {
      const auto mask = static_cast<unsigned char>(0x80u >> (bit % 8));
      first[bit / 8] = static_cast<char>(first[bit / 8] & ~mask);
      last[bit / 8] = static_cast<char>(last[bit / 8] | mask);
    }
    out.matchers.emplace_back(Kind::kCidr, std::move(first));
    out.matchers.back().texts.push_back(std::move(last));
    return end_of_object(kOneKey);
  }

  bool number(std::string_view op, std::int64_t& out) {
    if (next() != Token::kNumber) return barf("Value of " + std::string(op) + " must be numeric");
    const std::optional<std::int64_t> number = comparable_number(in_.text());
    if (!number) return barf(kOutOfRange);
    out = *number;
    return true;
  }

  bool numeric(FieldPattern& out) {
    if (next() != Token::kString) return barf("Invalid member in numeric match: " + in_.text());
    const std::string op = in_.text();
    const bool lower = op == ">" || op == ">=";
    const bool upper = op == "<" || op == "<=";
    if (!lower && !upper && op != "=") return barf("Unrecognized numeric range operator: " + op);
    Matcher range(Kind::kNumeric);
    std::int64_t bound = 0;
    if (!number(op == "=" ? "equals" : op, bound)) return false;
    if (!upper) range.low = op == ">" ? bound + 1 : bound;
    if (!lower) range.high = op == "<" ? bound - 1 : bound;
    Token token = next();
    if (lower && token != Token::kArrayEnd) {
      if (token != Token::kString) return barf("Bad value in numeric range: " + in_.text());
      const std::string top = in_.text();
      if (top != "<" && top != "<=") return barf("Bad numeric range operator: " + top);
      std::int64_t high = 0;
      if (!number(top, high)) return false;
      if (next() != Token::kArrayEnd) return barf("Too many terms in numeric range expression");
      if (bound > high) return barf("Bottom must be less than top");
      range.high = top == "<" ? high - 1 : high;
    } else if (token != Token::kArrayEnd) {
      return barf(kTooManyElements);
    }
    out.matchers.push_back(std::move(range));
    return true;
  }

  bool anything_but(FieldPattern& out) {
    Matcher matcher(Kind::kAnythingBut);
    Token token = next();
    const bool nested = token == Token::kObjectStart;
    if (nested) {
      if (next() != Token::kName) return barf("Anything-But expression name not found");
      const std::string op = in_.text();
      if (op == "equals-ignore-case") {
        matcher.kind = Kind::kAnythingButIgnoreCase;
      } else if (op == "prefix") {
        matcher.kind = Kind::kAnythingButPrefix;
      } else if (op == "suffix") {
        matcher.kind = Kind::kAnythingButSuffix;
      } else if (op == "wildcard") {
        matcher.kind = Kind::kAnythingButWildcard;
      } else {
        return barf("Unsupported anything-but pattern: " + op);
      }
      token = next();
    }
    if (token == Token::kArrayStart) {
      for (token = next(); token != Token::kArrayEnd; token = next()) {
        if (!excluded(token, matcher)) return false;
      }
      if (!nested && matcher.texts.empty() == matcher.numbers.empty()) {
        return barf("Inside anything but list, either all values are number or string, mixed type is not supported");
      }
    } else if (token != Token::kString && token != Token::kNumber) {
      return barf("Value of anything-but must be an array or single string/number value.");
    } else if (!excluded(token, matcher)) {
      return false;
    }
    std::sort(matcher.texts.begin(), matcher.texts.end());
    std::sort(matcher.numbers.begin(), matcher.numbers.end());
    out.matchers.push_back(std::move(matcher));
    return end_of_object(kTooManyElements) && (!nested || end_of_object(kTooManyElements));
  }

  bool excluded(Token token, Matcher& matcher) {
    if (matcher.kind == Kind::kAnythingBut) {
      if (token == Token::kNumber) {
        const std::optional<std::int64_t> number = comparable_number(in_.text());
        if (!number) return barf(kOutOfRange);
        matcher.numbers.push_back(*number);
        return true;
      }
      if (token != Token::kString) return barf("Inside anything but list, start|null|boolean is not supported.");
      matcher.texts.push_back(in_.text());
      return true;
    }
    if (token != Token::kString) {
      if (matcher.kind == Kind::kAnythingButIgnoreCase) {
        return barf("Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.");
      }
      return barf(matcher.kind == Kind::kAnythingButWildcard ? "wildcard match pattern must be a string"
                                                             : "prefix/suffix match pattern must be a string");
    }
    const std::string& text = in_.text();
    if (matcher.kind == Kind::kAnythingButIgnoreCase) {
      matcher.texts.push_back(fold_case(text));
      return true;
    }
    if (matcher.kind == Kind::kAnythingButWildcard) {
      if (!check_wildcard(text)) return false;
    } else if (text.empty()) {
      return barf("Null prefix/suffix not allowed");
    }
    matcher.texts.push_back(text);
    return true;
  }

  JsonPull in_;
  std::string error_;
  std::vector<std::string> path_;
  std::vector<Fields> rules_;
};

}  // namespace

Result<EventPattern> EventPattern::parse(std::string_view json) {
  PatternParser parser(json);
  if (!parser.parse() || !parser.error().empty()) {
    return Error(kInvalidPattern, "Event pattern is not valid. Reason: " + parser.error());
  }
  auto rules = std::make_shared<Rules>();
  for (const Fields& fields : parser.rules()) {
    Conjunction& all = rules->any.emplace_back();
    for (const auto& [name, field] : fields) all.push_back(field);
  }
  return EventPattern(std::move(rules));
}

}  // namespace cumulet::events
