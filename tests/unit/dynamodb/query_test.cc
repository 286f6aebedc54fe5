#include <set>

#include "tests/unit/dynamodb/fixture.h"

namespace cumulet::dynamodb {
namespace {

class QueryTest : public DynamoDbTest {
 protected:
  QueryTest() {
    create(table_input("jobs", true));
    for (int i = -5; i < 15; ++i) {
      put("jobs", {{"id", s("a")}, {"at", n(std::to_string(i))}, {"even", AttributeValue::boolean(i % 2 == 0)}});
    }
    put("jobs", {{"id", s("b")}, {"at", n("1")}});
  }

  std::vector<std::string> ats(const shapes::QueryOutput& output) {
    std::vector<std::string> found;
    for (const Item& item : *output.items) found.push_back(item.at("at").text());
    return found;
  }
};

using Texts = std::vector<std::string>;

TEST_F(QueryTest, RangeConditionsOfNumbers) {
  const auto at = [&](const std::string& condition, Item values) {
    values.emplace(":i", s("a"));
    shapes::QueryInput input = query_input("jobs", "id = :i AND " + condition, std::move(values));
    input.expression_attribute_names = Names{{"#at", "at"}};
    return ats(query(input));
  };
  EXPECT_EQ(at("#at = :v", {{":v", n("3")}}), (Texts{"3"}));
  EXPECT_EQ(at("#at < :v", {{":v", n("-3")}}), (Texts{"-5", "-4"}));
  EXPECT_EQ(at("#at <= :v", {{":v", n("-4")}}), (Texts{"-5", "-4"}));
  EXPECT_EQ(at("#at > :v", {{":v", n("12")}}), (Texts{"13", "14"}));
  EXPECT_EQ(at("#at >= :v", {{":v", n("13")}}), (Texts{"13", "14"}));
  EXPECT_EQ(at(":v > #at", {{":v", n("-4")}}), (Texts{"-5"}));
  EXPECT_EQ(at("#at BETWEEN :v AND :w", {{":v", n("-1")}, {":w", n("2")}}), (Texts{"-1", "0", "1", "2"}));
}

TEST_F(QueryTest, PrefixesOfTexts) {
  shapes::CreateTableInput input = table_input("texts", true);
  input.attribute_definitions->back() = definition("at", "S");
  create(input);
  for (const char* text : {"a", "ab", "abc", "b"}) put("texts", {{"id", s("1")}, {"at", s(text)}});
  shapes::QueryInput read = query_input("texts", "id = :i AND begins_with(#at, :p)", {{":i", s("1")}, {":p", s("ab")}});
  read.expression_attribute_names = Names{{"#at", "at"}};
  EXPECT_EQ(ats(query(read)), (Texts{"ab", "abc"}));
}

TEST_F(QueryTest, PagesForwardsAndBackwards) {
  for (const bool forward : {true, false}) {
    shapes::QueryInput input = query_input("jobs", "id = :i", {{":i", s("a")}});
    input.limit = 6;
    input.scan_index_forward = forward;
    Texts all;
    int pages = 0;
    while (true) {
      const shapes::QueryOutput page = query(input);
      for (const std::string& at : ats(page)) all.push_back(at);
      ++pages;
      if (!page.last_evaluated_key) break;
      input.exclusive_start_key = page.last_evaluated_key;
    }
    EXPECT_EQ(pages, 4);
    ASSERT_EQ(all.size(), 20u);
    EXPECT_EQ(all.front(), forward ? "-5" : "14");
    EXPECT_EQ(all.back(), forward ? "14" : "-5");
  }
}

TEST_F(QueryTest, LimitCountsBeforeTheFilter) {
  shapes::QueryInput input = query_input("jobs", "id = :i", {{":i", s("a")}, {":t", AttributeValue::boolean(true)}});
  input.filter_expression = "even = :t";
  input.limit = 5;
  const shapes::QueryOutput page = query(input);
  EXPECT_EQ(page.scanned_count, 5);
  EXPECT_EQ(page.count, 2);
  EXPECT_TRUE(page.last_evaluated_key);
  input.limit.reset();
  input.select = "COUNT";
  const shapes::QueryOutput counted = query(input);
  EXPECT_EQ(counted.count, 10);
  EXPECT_FALSE(counted.items);
}

TEST_F(QueryTest, PagesEndAfterAMegabyte) {
  for (int i = 0; i < 30; ++i) {
    put("jobs", {{"id", s("big")}, {"at", n(std::to_string(i))}, {"v", s(std::string(100'000, 'x'))}});
  }
  shapes::QueryInput input = query_input("jobs", "id = :i", {{":i", s("big")}});
  const shapes::QueryOutput first = query(input);
  EXPECT_EQ(first.count, 11);
  ASSERT_TRUE(first.last_evaluated_key);
  EXPECT_EQ(first.last_evaluated_key->at("at"), n("10"));
  input.exclusive_start_key = first.last_evaluated_key;
  EXPECT_EQ(ats(query(input)).front(), "11");
}

TEST_F(QueryTest, FaultsHaveTheirMessages) {
  const auto message = [&](const std::string& condition, Item values) {
    shapes::QueryInput input = query_input("jobs", condition, std::move(values));
    input.expression_attribute_names = Names{{"#at", "at"}};
    return fault<shapes::Query>(input);
  };
  const Item both = {{":i", s("a")}, {":v", n("1")}};
  EXPECT_EQ(message("#at = :v", {{":v", n("1")}}), "Query condition missed key schema element: id");
  EXPECT_EQ(message("id = :i OR #at = :v", both), "Invalid operator used in KeyConditionExpression: OR");
  EXPECT_EQ(message("id > :i AND #at = :v", both), "Query key condition not supported");
  EXPECT_EQ(message("id = :v AND #at = :v", {{":v", n("1")}}),
            "One or more parameter values were invalid: Condition parameter type does not match schema type");
  EXPECT_EQ(message("id = :i AND contains(#at, :v)", both),
            "Invalid operator used in KeyConditionExpression: contains");
  EXPECT_EQ(message("id = :i AND #at = :v AND #at = :v", both),
            "KeyConditionExpressions must only contain one condition per key");
  EXPECT_EQ(message("id = :i AND #at.x = :v", both),
            "KeyConditionExpressions cannot have conditions on nested attributes");
  shapes::QueryInput none;
  none.table_name = "jobs";
  EXPECT_EQ(fault<shapes::Query>(none),
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.");
  shapes::QueryInput filtered = query_input("jobs", "id = :i", {{":i", s("a")}, {":v", n("1")}});
  filtered.expression_attribute_names = Names{{"#at", "at"}};
  filtered.filter_expression = "#at = :v";
  EXPECT_EQ(fault<shapes::Query>(filtered),
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: at");
  shapes::QueryInput start = query_input("jobs", "id = :i", {{":i", s("a")}});
  start.exclusive_start_key = Item{{"id", s("b")}, {"at", n("1")}};
  EXPECT_EQ(fault<shapes::Query>(start),
            "The provided starting key is outside query boundaries based on provided conditions");
  start.exclusive_start_key = Item{{"id", s("a")}};
  EXPECT_EQ(fault<shapes::Query>(start), "The provided starting key is invalid");
}

TEST_F(QueryTest, PathsDoNotReachIntoKeys) {
  const std::string fault_text =
      "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: id";
  shapes::QueryInput projected = query_input("jobs", "id = :i", {{":i", s("a")}});
  projected.projection_expression = "id[0]";
  EXPECT_EQ(fault<shapes::Query>(projected), fault_text);
  shapes::ScanInput filtered;
  filtered.table_name = "jobs";
  filtered.filter_expression = "id.x = :i";
  filtered.expression_attribute_values = Item{{":i", s("a")}};
  EXPECT_EQ(fault<shapes::Scan>(filtered), fault_text);
  shapes::TransactGetItemsInput read;
  shapes::Get& get = read.transact_items.emplace_back().get;
  get.table_name = "jobs";
  get.key = Item{{"id", s("b")}, {"at", n("1")}};
  get.projection_expression = "id.x";
  EXPECT_EQ(fault<shapes::TransactGetItems>(read), fault_text);
}

TEST_F(QueryTest, LegacyKeyConditions) {
  shapes::QueryInput input;
  input.table_name = "jobs";
  input.key_conditions.emplace();
  (*input.key_conditions)["id"].comparison_operator = "EQ";
  (*input.key_conditions)["id"].attribute_value_list = std::vector<AttributeValue>{s("a")};
  (*input.key_conditions)["at"].comparison_operator = "BETWEEN";
  (*input.key_conditions)["at"].attribute_value_list = std::vector<AttributeValue>{n("1"), n("3")};
  EXPECT_EQ(ats(query(input)), (Texts{"1", "2", "3"}));
  input.query_filter.emplace();
  (*input.query_filter)["even"].comparison_operator = "EQ";
  (*input.query_filter)["even"].attribute_value_list = std::vector<AttributeValue>{AttributeValue::boolean(true)};
  EXPECT_EQ(ats(query(input)), (Texts{"2"}));
}

class ScanTest : public DynamoDbTest {
 protected:
  ScanTest() {
    create(table_input("jobs"));
    for (int i = 0; i < 100; ++i) put("jobs", {{"id", s(std::to_string(i))}, {"v", n(std::to_string(i))}});
  }
  shapes::ScanOutput scan(shapes::ScanInput input) {
    Result<shapes::ScanOutput> done = call<shapes::Scan>(std::move(input));
    EXPECT_TRUE(done.ok()) << done.error().message();
    return done.ok() ? std::move(*done) : shapes::ScanOutput();
  }
};

TEST_F(ScanTest, SegmentsShareTheTable) {
  for (const int total : {1, 3, 7}) {
    std::set<std::string> ids;
    std::size_t count = 0;
    for (int segment = 0; segment < total; ++segment) {
      shapes::ScanInput input;
      input.table_name = "jobs";
      input.total_segments = total;
      input.segment = segment;
      input.limit = 10;
      while (true) {
        const shapes::ScanOutput page = scan(input);
        for (const Item& item : *page.items) ids.insert(item.at("id").text());
        count += page.items->size();
        if (!page.last_evaluated_key) break;
        input.exclusive_start_key = page.last_evaluated_key;
      }
    }
    EXPECT_EQ(ids.size(), 100u);
    EXPECT_EQ(count, 100u);
  }
}

TEST_F(ScanTest, FilterAndProjection) {
  shapes::ScanInput input;
  input.table_name = "jobs";
  input.filter_expression = "v < :v";
  input.expression_attribute_values = Item{{":v", n("10")}};
  input.projection_expression = "v";
  const shapes::ScanOutput page = scan(input);
  EXPECT_EQ(page.count, 10);
  EXPECT_EQ(page.scanned_count, 100);
  EXPECT_EQ(page.items->front().size(), 1u);
}

TEST_F(ScanTest, Faults) {
  shapes::ScanInput input;
  input.table_name = "jobs";
  input.segment = 1;
  EXPECT_EQ(fault<shapes::Scan>(input),
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is "
            "present");
  input.total_segments = 1;
  EXPECT_EQ(fault<shapes::Scan>(input),
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 1 is not less "
            "than TotalSegments: 1");
  input = shapes::ScanInput();
  input.table_name = "jobs";
  input.exclusive_start_key = Item{{"x", s("1")}};
  EXPECT_EQ(fault<shapes::Scan>(input),
            "The provided starting key is invalid: The provided key element does not match the schema");
  input.exclusive_start_key.reset();
  input.index_name = "none";
  EXPECT_EQ(fault<shapes::Scan>(input), "The table does not have the specified index: none");
}

}  // namespace
}  // namespace cumulet::dynamodb
