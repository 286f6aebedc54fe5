#include "events/event_document.h"

#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "events/json_pull.h"

namespace cumulet::events {

std::optional<std::int64_t> comparable_number(const std::string& text) {
  constexpr double kLimit = 5e9;
  const double value = std::strtod(text.c_str(), nullptr);
  if (!(std::abs(value) <= kLimit)) return std::nullopt;
  return std::llround(value * 1e6);
}

class EventDocument::Builder {
 public:
  explicit Builder(std::string_view json) : in_(json) {
    event_.paths_.emplace_back();
    event_.scopes_.emplace_back(0, 0, 0);
  }

  std::optional<EventDocument> build() {
    if (in_.next() != Token::kObjectStart || !object(0, 0) || in_.next() != Token::kEnd) return std::nullopt;
    return std::move(event_);
  }

 private:
  using Token = JsonPull::Token;

  bool object(std::uint32_t path, std::uint32_t scope) {
    while (true) {
      const Token token = in_.next();
      if (token == Token::kObjectEnd) return true;
      if (token != Token::kName) return false;
      const std::uint32_t inner = below(path, in_.text());
      if (!value(in_.next(), inner, scope)) return false;
    }
  }

  bool array(std::uint32_t path, std::uint32_t scope) {
    const std::uint32_t id = ++arrays_;
    for (std::uint32_t index = 0;; ++index) {
      const Token token = in_.next();
      if (token == Token::kArrayEnd) return true;
      std::uint32_t inner = scope;
      if (token == Token::kObjectStart || token == Token::kArrayStart) {
        inner = static_cast<std::uint32_t>(event_.scopes_.size());
        event_.scopes_.emplace_back(scope, id, index);
      }
      if (!value(token, path, inner)) return false;
    }
  }

  bool value(Token token, std::uint32_t path, std::uint32_t scope) {
    switch (token) {
      case Token::kObjectStart:
        return object(path, scope);
      case Token::kArrayStart:
        return array(path, scope);
      case Token::kString:
        event_.paths_[path].emplace_back(Kind::kString, in_.text(), scope);
        return in_.error().empty();
      case Token::kNumber:
        event_.paths_[path].emplace_back(Kind::kNumber, in_.text(), scope);
        event_.paths_[path].back().number = comparable_number(in_.text());
        return true;
      case Token::kTrue:
        event_.paths_[path].emplace_back(Kind::kTrue, "true", scope);
        return true;
      case Token::kFalse:
        event_.paths_[path].emplace_back(Kind::kFalse, "false", scope);
        return true;
      case Token::kNull:
        event_.paths_[path].emplace_back(Kind::kNull, "null", scope);
        return true;
      default:
        return false;
    }
  }

  std::uint32_t below(std::uint32_t path, std::string_view name) {
    for (const std::string_view part : split(name, '.')) path = step(path, part);
    return path;
  }

  std::uint32_t step(std::uint32_t path, std::string_view name) {
    if (const auto found = event_.steps_.find(Step(path, name)); found != event_.steps_.end()) return found->second;
    event_.names_.push_back(std::make_unique<std::string>(name));
    const auto fresh = static_cast<std::uint32_t>(event_.paths_.size());
    event_.paths_.emplace_back();
    event_.steps_.emplace(Step(path, *event_.names_.back()), fresh);
    return fresh;
  }

  JsonPull in_;
  EventDocument event_;
  std::uint32_t arrays_ = 0;
};

std::optional<EventDocument> EventDocument::parse(std::string_view json) { return Builder(json).build(); }

const std::vector<EventDocument::Leaf>* EventDocument::find(const std::vector<std::string>& path) const {
  std::uint32_t at = 0;
  for (const std::string& name : path) {
    const auto found = steps_.find(Step(at, name));
    if (found == steps_.end()) return nullptr;
    at = found->second;
  }
  return paths_[at].empty() ? nullptr : &paths_[at];
}

}  // namespace cumulet::events
