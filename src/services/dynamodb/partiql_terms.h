#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/dynamodb/expression_ast.h"
#include "services/dynamodb/partiql_lexer.h"
#include "services/dynamodb/value.h"

namespace cumulet::dynamodb::partiql {

/// Reads tokens, values and paths: what all clauses are made of. After the first error everything gives empty results
/// and nothing more is read.
class Reader {
 public:
  Reader(std::vector<Token> tokens, const std::optional<std::vector<AttributeValue>>& parameters)
      : tokens_(std::move(tokens)), parameters_(parameters) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& peek() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  void advance() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool accept(std::string_view symbol);
  bool accept_keyword(std::string_view upper);
  void expect(std::string_view symbol);
  void expect_keyword(std::string_view upper);

  bool failed() const { return failure_.has_value(); }
  void fail(Error error);
  void fail_here(const std::string& what);
  /// The first error, or that parameters were left.
  Result<void> finish();

  /// Whether a value begins here: a literal, a parameter, a list, a map or a set.
  bool at_value() const;
  AttributeValue read_value();
  PathSteps read_path();
  /// A table's or an index's name.
  std::string read_name(const std::string& what);

  /// Depth of nested values and conditions; fails when it is too great.
  class Nesting {
   public:
    explicit Nesting(Reader& reader);
    ~Nesting() { --reader_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Reader& reader_;
  };

 private:
  AttributeValue read_number(bool negative);
  AttributeValue read_list(std::string_view end);
  AttributeValue read_map();
  AttributeValue read_set();
  AttributeValue read_parameter();

  std::vector<Token> tokens_;
  const std::optional<std::vector<AttributeValue>>& parameters_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
  int depth_ = 0;
  std::optional<Error> failure_;
};

}  // namespace cumulet::dynamodb::partiql
