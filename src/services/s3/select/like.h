#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cumulet::s3::select {

/// A pattern of LIKE: % is any text, _ any character.
class LikePattern {
 public:
  /// `escape` takes the meaning of the character behind it. Fails with LikeInvalidInputs or
  /// EvaluatorLikePatternInvalidEscapeSequence.
  static Result<LikePattern> compile(std::string_view pattern, std::optional<std::string_view> escape);

  /// Nullopt when it would take too long to find out.
  std::optional<bool> matches(std::string_view text) const;

 private:
  /// Between two %. Characters that may be anything are marked.
  struct Piece {
    std::string characters;
    std::vector<bool> any;  ///< Empty when there is no _.
  };

  static std::optional<std::size_t> end_of_match(const Piece& piece, std::string_view text, std::size_t& steps);
  static std::optional<std::size_t> find(const Piece& piece, std::string_view text, std::size_t& steps);
  std::optional<bool> ends_with_last(std::string_view text, std::size_t& steps) const;

  std::vector<Piece> pieces_;  ///< One more than there are %.
};

}  // namespace cumulet::s3::select
