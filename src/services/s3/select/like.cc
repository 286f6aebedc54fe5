#include "services/s3/select/like.h"

#include <cstring>

#include "base/text.h"
#include "services/s3/select/errors.h"

namespace cumulet::s3::select {
namespace {

constexpr std::size_t kMostSteps = 16u << 20;

std::size_t character_length(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) ++length;
  return length;
}

}  // namespace

Result<LikePattern> LikePattern::compile(std::string_view pattern, std::optional<std::string_view> escape) {
  if (escape && utf8_length(*escape) != 1) return select_error("EvaluatorLikePatternInvalidEscapeSequence");
  LikePattern compiled;
  compiled.pieces_.emplace_back();
  while (!pattern.empty()) {
    Piece& piece = compiled.pieces_.back();
    if (escape && pattern.starts_with(*escape)) {
      pattern.remove_prefix(escape->size());
      if (!pattern.starts_with('%') && !pattern.starts_with('_') && !pattern.starts_with(*escape)) {
        return select_error("EvaluatorLikePatternInvalidEscapeSequence");
      }
    } else if (pattern.front() == '%') {
      pattern.remove_prefix(1);
      compiled.pieces_.emplace_back();
      continue;
    } else if (pattern.front() == '_') {
      piece.any.resize(piece.characters.size());
      piece.any.push_back(true);
    }
    const std::size_t length = character_length(pattern);
    piece.characters += pattern.substr(0, length);
    if (!piece.any.empty()) piece.any.resize(piece.characters.size());
    pattern.remove_prefix(length);
  }
  return compiled;
}

/// Where the match of a piece at the beginning of a text ends.
std::optional<std::size_t> LikePattern::end_of_match(const Piece& piece, std::string_view text, std::size_t& steps) {
  if (piece.any.empty()) {
    if (!text.starts_with(piece.characters)) return std::nullopt;
    return piece.characters.size();
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < piece.characters.size(); ++i) {
    ++steps;
    if (at >= text.size()) return std::nullopt;
    if (piece.any[i]) {
      at += character_length(text.substr(at));
    } else if (text[at++] != piece.characters[i]) {
      return std::nullopt;
    }
  }
  return at;
}

/// Where the first match of a piece ends.
std::optional<std::size_t> LikePattern::find(const Piece& piece, std::string_view text, std::size_t& steps) {
  if (piece.any.empty()) {
    const void* found = memmem(text.data(), text.size(), piece.characters.data(), piece.characters.size());
    if (found == nullptr) return std::nullopt;
    return static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) + piece.characters.size();
  }
  for (std::size_t at = 0; at <= text.size() && steps <= kMostSteps;) {
    const std::optional<std::size_t> end = end_of_match(piece, text.substr(at), steps);
    if (end) return at + *end;
    if (at == text.size()) break;
    at += character_length(text.substr(at));
  }
  return std::nullopt;
}

std::optional<bool> LikePattern::ends_with_last(std::string_view text, std::size_t& steps) const {
  const Piece& last = pieces_.back();
  if (last.any.empty()) return text.ends_with(last.characters);
  // As many characters from the end as the piece has.
  std::size_t left = utf8_length(last.characters);
  std::size_t at = text.size();
  while (left > 0 && at > 0) {
    --at;
    if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) --left;
  }
  if (left > 0) return false;
  const std::optional<std::size_t> end = end_of_match(last, text.substr(at), steps);
  return end && at + *end == text.size();
}

std::optional<bool> LikePattern::matches(std::string_view text) const {
  std::size_t steps = 0;
  const std::optional<std::size_t> first = end_of_match(pieces_.front(), text, steps);
  if (!first) return false;
  if (pieces_.size() == 1) return *first == text.size();
  text.remove_prefix(*first);
  for (std::size_t i = 1; i + 1 < pieces_.size(); ++i) {
    const std::optional<std::size_t> end = find(pieces_[i], text, steps);
    if (steps > kMostSteps) return std::nullopt;
    if (!end) return false;
    text.remove_prefix(*end);
  }
  return ends_with_last(text, steps);
}

}  // namespace cumulet::s3::select
