#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cumulet::s3::select {

/// One JSON value of a stream of them, parsed strictly. It is cut out of the stream by being parsed, and its numbers
/// keep their text (1.10 stays 1.10). Nodes stand in document order; the memory is used again for the next value.
class JsonText {
 public:
  enum class Type : std::uint8_t { kNull, kBool, kNumber, kString, kList, kStructure };
  enum class Outcome { kWhole, kIncomplete, kWrong };
  static constexpr std::size_t kMostDepth = 256;

  struct Node {
    Type type = Type::kNull;
    bool escaped = false;      ///< Of a string: has a backslash.
    bool key_escaped = false;  ///< Of a member's name.
    std::uint32_t begin = 0;   ///< In the text; strings without their quotes.
    std::uint32_t end = 0;
    std::uint32_t key_begin = 0;
    std::uint32_t key_end = 0;
    std::uint32_t next = 0;  ///< The node after this one and all that is in it.
  };

  /// Parses the value at the beginning of `text`, which must outlive the use of the nodes. When `at_end` is set nothing
  /// more will come. Sets `length` to what the value takes.
  Outcome parse(std::string_view text, bool at_end, std::size_t& length);

  const Node& node(std::uint32_t index) const { return nodes_[index]; }
  std::string_view raw(const Node& node) const { return text_.substr(node.begin, node.end - node.begin); }
  std::string_view raw_key(const Node& node) const {
    return text_.substr(node.key_begin, node.key_end - node.key_begin);
  }
  std::string_view text() const { return text_; }

  /// The value as JSON without needless spaces.
  std::string compact(std::uint32_t index) const;
  void append_compact(std::uint32_t index, std::string& out) const;

 private:
  bool value(std::size_t depth);
  bool list(std::size_t depth);
  bool structure(std::size_t depth);
  bool member(std::size_t depth);
  bool string(std::uint32_t& begin, std::uint32_t& end, bool& escaped);
  bool escape();
  bool number();
  bool word(std::string_view literal);
  bool fail(Outcome outcome);
  bool more() const { return at_ < text_.size(); }
  void skip_space();

  std::string_view text_;
  std::size_t at_ = 0;
  bool at_end_ = false;
  Outcome outcome_ = Outcome::kWhole;
  std::vector<Node> nodes_;
};

/// The text that a string in JSON stands for; lone surrogates become U+FFFD.
std::string json_unescape(std::string_view raw);

}  // namespace cumulet::s3::select
