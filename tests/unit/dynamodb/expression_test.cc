#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "services/dynamodb/condition.h"
#include "services/dynamodb/expression_binding.h"
#include "services/dynamodb/expression_parser.h"
#include "services/dynamodb/projection.h"
#include "services/dynamodb/reserved_words.h"
#include "services/dynamodb/update.h"

namespace cumulet::dynamodb {
namespace {

AttributeValue s(std::string text) { return AttributeValue::string(std::move(text)); }
AttributeValue n(std::string text) { return AttributeValue::number(std::move(text)); }
AttributeValue ss(AttributeValue::Set set) { return AttributeValue::string_set(std::move(set)); }
AttributeValue list(AttributeValue::List elements) { return AttributeValue::list(std::move(elements)); }
AttributeValue map(AttributeValue::Map members) { return AttributeValue::map(std::move(members)); }

/// A request with one expression.
struct Request {
  std::optional<Placeholders::Names> names;
  std::optional<Item> values;

  Result<std::optional<BoundExpression>> bind(ExpressionKind kind, const std::string& text) {
    Result<Placeholders> placeholders = Placeholders::make(names, values);
    if (!placeholders) return std::move(placeholders).error();
    Result<std::optional<BoundExpression>> bound = placeholders->bind(kind, std::optional<std::string>(text));
    if (!bound) return bound;
    if (Result<void> used = placeholders->check_all_used(); !used) return std::move(used).error();
    return bound;
  }
  std::string error(ExpressionKind kind, const std::string& text) {
    const Result<std::optional<BoundExpression>> bound = bind(kind, text);
    return bound.ok() ? "" : bound.error().message();
  }
};

const Item kItem = {
    {"id", s("1")},
    {"count_", n("5")},
    {"title", s("hello world")},
    {"tags", ss({"a", "b"})},
    {"flag", AttributeValue::boolean(true)},
    {"nothing", AttributeValue::null()},
    {"items_", list({n("1"), s("two"), map({{"deep", n("3")}})})},
    {"info", map({{"x", n("10")}, {"y", list({s("p"), s("q")})}})},
};

bool condition(const std::string& text, Item values, Placeholders::Names names = {}) {
  Request request;
  if (!values.empty()) request.values = std::move(values);
  if (!names.empty()) request.names = std::move(names);
  Result<std::optional<BoundExpression>> bound = request.bind(ExpressionKind::kCondition, text);
  EXPECT_TRUE(bound.ok()) << text << ": " << (bound.ok() ? "" : bound.error().message());
  return bound.ok() && holds(**bound, kItem);
}

TEST(ConditionTest, Comparisons) {
  EXPECT_TRUE(condition("count_ = :v", {{":v", n("5.0")}}));
  EXPECT_FALSE(condition("count_ = :v", {{":v", s("5")}}));
  EXPECT_TRUE(condition("count_ <> :v", {{":v", s("5")}}));
  EXPECT_TRUE(condition("absent <> :v", {{":v", s("5")}}));
  EXPECT_FALSE(condition("absent = :v", {{":v", s("5")}}));
  EXPECT_TRUE(condition("count_ < :v", {{":v", n("10")}}));
  EXPECT_FALSE(condition("count_ < :v", {{":v", s("9")}}));
  EXPECT_TRUE(condition("count_ BETWEEN :a AND :b", {{":a", n("5")}, {":b", n("6")}}));
  EXPECT_TRUE(condition("title IN (:a, :b)", {{":a", s("x")}, {":b", s("hello world")}}));
  EXPECT_TRUE(condition(":v = count_", {{":v", n("5")}}));
  EXPECT_TRUE(condition("tags = :v", {{":v", ss({"b", "a"})}}));
  EXPECT_TRUE(condition("info.y[1] = :v AND items_[2].deep >= :n", {{":v", s("q")}, {":n", n("3")}}));
}

TEST(ConditionTest, Functions) {
  EXPECT_TRUE(condition("attribute_exists(info.x)", {}));
  EXPECT_TRUE(condition("attribute_not_exists(info.z)", {}));
  EXPECT_TRUE(condition("begins_with(title, :v)", {{":v", s("hello")}}));
  EXPECT_TRUE(condition("contains(title, :v)", {{":v", s("lo wo")}}));
  EXPECT_TRUE(condition("contains(tags, :v)", {{":v", s("a")}}));
  EXPECT_TRUE(condition("contains(items_, :v)", {{":v", n("1")}}));
  EXPECT_TRUE(condition("attribute_type(flag, :v)", {{":v", s("BOOL")}}));
  EXPECT_TRUE(condition("size(title) = :v", {{":v", n("11")}}));
  EXPECT_TRUE(condition("size(info.y) > :v", {{":v", n("1")}}));
  EXPECT_FALSE(condition("size(count_) > :v", {{":v", n("0")}}));
}

TEST(ConditionTest, PrecedenceAndParentheses) {
  const Item values = {{":t", n("5")}, {":f", n("6")}};
  EXPECT_TRUE(condition("count_ = :t OR count_ = :f AND count_ = :f", values));
  EXPECT_FALSE(condition("(count_ = :t OR count_ = :f) AND count_ = :f", values));
  EXPECT_TRUE(condition("NOT count_ = :f AND count_ = :t", values));
  EXPECT_FALSE(condition("NOT (count_ = :t OR count_ = :f)", values));
  EXPECT_TRUE(condition("(count_) = :t and not (:f = count_)", values));
  EXPECT_TRUE(condition("(size(title)) > :t AND (count_ < :f)", values));
}

TEST(ConditionTest, Names) {
  EXPECT_TRUE(condition("#i.#x = :v", {{":v", n("10")}}, {{"#i", "info"}, {"#x", "x"}}));
  Item dotted = {{"a.b", n("1")}};
  Request request;
  request.names = Placeholders::Names{{"#d", "a.b"}};
  Result<std::optional<BoundExpression>> bound = request.bind(ExpressionKind::kCondition, "attribute_exists(#d)");
  ASSERT_TRUE(bound.ok());
  EXPECT_TRUE(holds(**bound, dotted));
}

struct Fault {
  const char* text;
  const char* message;
};

TEST(ConditionTest, FaultsHaveTheirMessages) {
  const Fault faults[] = {
      {"", "Invalid ConditionExpression: The expression can not be empty;"},
      {"a = ", "Invalid ConditionExpression: Syntax error; token: \"<EOF>\", near: \"= \""},
      {"a b", "Invalid ConditionExpression: Syntax error; token: \"b\", near: \"a b\""},
      {"name = :v", "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: name"},
      {"a = :w",
       "Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: "
       ":w"},
      {"#z = :v",
       "Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute "
       "name: #z"},
      {"foo(a)", "Invalid ConditionExpression: Invalid function name; function: foo"},
      {"size(a)",
       "Invalid ConditionExpression: The function is not allowed to be used this way in an expression; function: size"},
      {"contains(a, :v) = :v",
       "Invalid ConditionExpression: The function is not allowed to be used this way in an expression; function: "
       "contains"},
      {"((a = :v))", "Invalid ConditionExpression: The expression has redundant parentheses;"},
      {"attribute_exists(:v)",
       "Invalid ConditionExpression: Operator or function requires a document path; operator or function: "
       "attribute_exists"},
      {"attribute_exists(a, :v)",
       "Invalid ConditionExpression: Incorrect number of operands for operator or function; operator or function: "
       "attribute_exists, number of operands: 2"},
      {"begins_with(a, :n) AND a = :v",
       "Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: "
       "begins_with, operand type: N"},
      {"attribute_type(a, :v) AND b = :n",
       "Invalid ConditionExpression: Invalid attribute type name found; type: v, valid types: "
       "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"},
      {"a = a",
       "Invalid ConditionExpression: The first operand must be distinct from the remaining operands for this operator "
       "or function; operator: =, first operand: [a]"},
      {"a BETWEEN :v AND :n",
       "Invalid ConditionExpression: The BETWEEN operator requires same data type for lower and upper bounds; lower "
       "bound operand: AttributeValue: {S:v}, upper bound operand: AttributeValue: {N:1}"},
      {"_a = :v", "Invalid ConditionExpression: Syntax error; token: \"_\", near: \"_a\""},
  };
  for (const Fault& fault : faults) {
    Request request;
    request.values = Item{{":v", s("v")}, {":n", n("1")}};
    EXPECT_EQ(request.error(ExpressionKind::kCondition, fault.text), fault.message) << fault.text;
  }
}

TEST(ConditionTest, PlaceholdersMustBeUsedAndWellFormed) {
  Request request;
  request.values = Item{{":v", s("v")}, {":unused", n("1")}};
  EXPECT_EQ(request.error(ExpressionKind::kCondition, "a = :v"),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:unused}");
  request.values = Item{{":v", s("v")}};
  request.names = Placeholders::Names{{"#x", "x"}, {"#y", "y"}};
  EXPECT_EQ(request.error(ExpressionKind::kCondition, "a = :v"),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x, #y}");
  request.names = Placeholders::Names{{"x", "x"}};
  EXPECT_EQ(request.error(ExpressionKind::kCondition, "a = :v"),
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"x\"");
  request.names = Placeholders::Names{};
  EXPECT_EQ(request.error(ExpressionKind::kCondition, "a = :v"), "ExpressionAttributeNames must not be empty");
  request.names.reset();
  request.values = Item{{":v", n("x")}};
  EXPECT_EQ(request.error(ExpressionKind::kCondition, "a = :v"),
            "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x "
            "for key :v");
}

TEST(ConditionTest, Limits) {
  std::string many = "a = :v";
  for (int i = 0; i < 150; ++i) many += " OR b = :v";
  Request request;
  request.values = Item{{":v", s("v")}};
  EXPECT_EQ(request.error(ExpressionKind::kCondition, many),
            "Invalid ConditionExpression: The expression contains too many operators; operator count: 301");
  EXPECT_EQ(
      request.error(ExpressionKind::kCondition, "a = :v OR " + std::string(5000, 'b')),
      "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 5010");
  std::string wide = "a IN (:v";
  for (int i = 0; i < 100; ++i) wide += ",:v";
  EXPECT_EQ(request.error(ExpressionKind::kCondition, wide + ")"),
            "Invalid ConditionExpression: The IN operator is provided with too many operands; number of operands: 101");
  EXPECT_NE(request.error(ExpressionKind::kCondition, std::string(4000, '(')), "");
  std::string negated;
  for (int i = 0; i < 600; ++i) negated += "NOT ";
  EXPECT_NE(request.error(ExpressionKind::kCondition, negated + "a = :v"), "");
}

TEST(ProjectionTest, PathsAndLists) {
  Request request;
  const Result<std::optional<BoundExpression>> bound =
      request.bind(ExpressionKind::kProjection, "id, info.y[1], items_[2].deep, items_[0], absent, info.z");
  ASSERT_TRUE(bound.ok());
  const Item shown = Projection::of_expression(**bound).apply(kItem);
  const Item expected = {
      {"id", s("1")}, {"info", map({{"y", list({s("q")})}})}, {"items_", list({n("1"), map({{"deep", n("3")}})})}};
  EXPECT_EQ(shown, expected);
}

TEST(ProjectionTest, Faults) {
  Request request;
  EXPECT_EQ(request.error(ExpressionKind::kProjection, "id, name"),
            "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name");
  EXPECT_EQ(request.error(ExpressionKind::kProjection, "a, a.b"),
            "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of "
            "these paths; path one: [a], path two: [a, b]");
  EXPECT_EQ(request.error(ExpressionKind::kProjection, "a.b, a[1]"),
            "Invalid ProjectionExpression: Two document paths conflict with each other; must remove or rewrite one of "
            "these paths; path one: [a, b], path two: [a, [1]]");
  std::string deep = "a";
  for (int i = 0; i < 32; ++i) deep += ".a";
  EXPECT_EQ(request.error(ExpressionKind::kProjection, deep),
            "Invalid ProjectionExpression: The document path has too many nesting levels; nesting levels: 33");
}

struct Update {
  Item item = kItem;
  std::string run(const std::string& text, Item values, Placeholders::Names names = {}) {
    Request request;
    if (!values.empty()) request.values = std::move(values);
    if (!names.empty()) request.names = std::move(names);
    const Result<std::optional<BoundExpression>> bound = request.bind(ExpressionKind::kUpdate, text);
    if (!bound.ok()) return bound.error().message();
    const Result<void> done = apply_update(**bound, item);
    return done.ok() ? "" : done.error().message();
  }
};

TEST(UpdateTest, SetArithmeticAndFunctions) {
  Update update;
  ASSERT_EQ(update.run("SET count_ = count_ + :one, fresh = if_not_exists(fresh, :zero) - :one, info.x = count_, "
                       "items_ = list_append(:l, items_), title = if_not_exists(title, :one)",
                       {{":one", n("1")}, {":zero", n("0")}, {":l", list({n("0")})}}),
            "");
  EXPECT_EQ(update.item.at("count_"), n("6"));
  EXPECT_EQ(update.item.at("fresh"), n("-1"));
  EXPECT_EQ(update.item.at("info").map().at("x"), n("5"));
  EXPECT_EQ(update.item.at("items_").list().size(), 4u);
  EXPECT_EQ(update.item.at("items_").list()[0], n("0"));
  EXPECT_EQ(update.item.at("title"), s("hello world"));
}

TEST(UpdateTest, ListsAreAppendedToAndCloseUp) {
  Update update;
  ASSERT_EQ(
      update.run("SET items_[9] = :b, items_[7] = :a REMOVE items_[0], items_[1]", {{":a", s("a")}, {":b", s("b")}}),
      "");
  EXPECT_EQ(update.item.at("items_"), list({map({{"deep", n("3")}}), s("a"), s("b")}));
  Update nested;
  ASSERT_EQ(nested.run("REMOVE items_[0], items_[2].deep, info.y[0]", {}), "");
  EXPECT_EQ(nested.item.at("items_"), list({s("two"), map({})}));
  EXPECT_EQ(nested.item.at("info").map().at("y"), list({s("q")}));
}

TEST(UpdateTest, AddAndDelete) {
  Update update;
  ASSERT_EQ(update.run("ADD count_ :n, tags :t, extra :n DELETE absent :t", {{":n", n("2.5")}, {":t", ss({"b", "c"})}}),
            "");
  EXPECT_EQ(update.item.at("count_"), n("7.5"));
  EXPECT_EQ(update.item.at("tags"), ss({"a", "b", "c"}));
  EXPECT_EQ(update.item.at("extra"), n("2.5"));
  ASSERT_EQ(update.run("DELETE tags :t", {{":t", ss({"a", "b", "c", "d"})}}), "");
  EXPECT_FALSE(update.item.contains("tags"));
}

TEST(UpdateTest, Faults) {
  const auto message = [](const std::string& text, Item values) { return Update().run(text, std::move(values)); };
  EXPECT_EQ(message("SET a = absent", {}),
            "The provided expression refers to an attribute that does not exist in the item");
  EXPECT_EQ(message("SET absent.a = :v", {{":v", n("1")}}),
            "The document path provided in the update expression is invalid for update");
  EXPECT_EQ(message("SET a = title + :v", {{":v", n("1")}}),
            "An operand in the update expression has an incorrect data type");
  EXPECT_EQ(message("SET a = :v SET b = :v", {{":v", n("1")}}),
            "Invalid UpdateExpression: The \"SET\" section can only be used once in an update expression;");
  EXPECT_EQ(message("SET a = :v, a = :v", {{":v", n("1")}}),
            "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these "
            "paths; path one: [a], path two: [a]");
  EXPECT_EQ(message("ADD a :v", {{":v", s("x")}}),
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: "
            "STRING");
  EXPECT_EQ(
      message("DELETE a :v", {{":v", n("1")}}),
      "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: "
      "NUMBER");
  EXPECT_EQ(message("SET a = :v + :v", {{":v", s("1")}}),
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: +, "
            "operand type: S");
  EXPECT_EQ(message("SET a = list_append(b, :v)", {{":v", s("1")}}),
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: "
            "list_append, operand type: S");
  EXPECT_EQ(message("SET a = attribute_exists(b)", {}),
            "Invalid UpdateExpression: Invalid function name; function: attribute_exists");
  EXPECT_EQ(message("SET", {}), "Invalid UpdateExpression: Syntax error; token: \"<EOF>\", near: \"SET\"");
  EXPECT_EQ(message("ADD count_ :s", {{":s", ss({"x"})}}),
            "An operand in the update expression has an incorrect data type");
}

TEST(ReservedWordsTest, AnyCase) {
  EXPECT_TRUE(is_reserved_word("name"));
  EXPECT_TRUE(is_reserved_word("NAME"));
  EXPECT_TRUE(is_reserved_word("Abort"));
  EXPECT_TRUE(is_reserved_word("zone"));
  EXPECT_FALSE(is_reserved_word("naming"));
  EXPECT_FALSE(is_reserved_word(""));
}

}  // namespace
}  // namespace cumulet::dynamodb
