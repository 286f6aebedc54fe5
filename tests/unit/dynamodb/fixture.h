#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/run.h"
#include "services/dynamodb/dynamodb.h"
#include "services/dynamodb/value.h"
#include "storage/open.h"
#include "wire/generated/dynamodb.h"

namespace cumulet::dynamodb {

namespace shapes = wire::dynamodb;
using Names = std::map<std::string, std::string>;

inline AttributeValue s(std::string text) { return AttributeValue::string(std::move(text)); }
inline AttributeValue n(std::string text) { return AttributeValue::number(std::move(text)); }

/// The service over a store in memory, called as the pipeline calls it.
class DynamoDbTest : public ::testing::Test {
 protected:
  DynamoDbTest() : clock_(Timestamp(std::chrono::seconds(1'700'000'000))), database_(storage::open_memory()) { open(); }

  void open() { service_ = std::make_unique<DynamoDb>(*database_, clock_); }
  /// What a restart of the process is to the service.
  void restart() { open(); }

  template <typename Operation>
  Result<typename Operation::Output> call(typename Operation::Input input) {
    net::Request request;
    wire::Call call(request);
    call.region = region_;
    call.caller.account = account_;
    call.time = clock_.now();
    call.endpoint = "http://localhost:4566";
    typename Operation::Output output;
    const wire::Service::Operate* operate = service_->service().find(Operation::model().name);
    if (operate == nullptr) return Error("NotRegistered", 500, "not registered");
    const Result<void> done = run((*operate)(call, &input, &output));
    if (!done.ok()) return done.error();
    return output;
  }

  /// The error's message; empty on success.
  template <typename Operation>
  std::string fault(typename Operation::Input input) {
    const Result<typename Operation::Output> result = call<Operation>(std::move(input));
    return result.ok() ? "" : result.error().message();
  }
  template <typename Operation>
  std::string code(typename Operation::Input input) {
    const Result<typename Operation::Output> result = call<Operation>(std::move(input));
    return result.ok() ? "" : result.error().code();
  }

  void settle() {
    const Result<void> done = run(service_->settle());
    ASSERT_TRUE(done.ok()) << done.error().message();
  }

  static shapes::KeySchemaElement element(const std::string& name, const std::string& type) {
    shapes::KeySchemaElement element;
    element.attribute_name = name;
    element.key_type = type;
    return element;
  }
  static shapes::AttributeDefinition definition(const std::string& name, const std::string& type) {
    shapes::AttributeDefinition definition;
    definition.attribute_name = name;
    definition.attribute_type = type;
    return definition;
  }

  /// A table with hash key id (S), and range key at (N) if wanted.
  static shapes::CreateTableInput table_input(const std::string& name, bool with_range = false) {
    shapes::CreateTableInput input;
    input.table_name = name;
    input.billing_mode = "PAY_PER_REQUEST";
    input.attribute_definitions = {definition("id", "S")};
    input.key_schema = {element("id", "HASH")};
    if (with_range) {
      input.attribute_definitions->push_back(definition("at", "N"));
      input.key_schema->push_back(element("at", "RANGE"));
    }
    return input;
  }
  void create(shapes::CreateTableInput input) {
    const Result<shapes::CreateTableOutput> created = call<shapes::CreateTable>(std::move(input));
    ASSERT_TRUE(created.ok()) << created.error().message();
  }

  static shapes::PutItemInput put_input(const std::string& table, Item item) {
    shapes::PutItemInput input;
    input.table_name = table;
    input.item = std::move(item);
    return input;
  }
  void put(const std::string& table, Item item) {
    const Result<shapes::PutItemOutput> done = call<shapes::PutItem>(put_input(table, std::move(item)));
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
  static shapes::GetItemInput get_input(const std::string& table, Item key) {
    shapes::GetItemInput input;
    input.table_name = table;
    input.key = std::move(key);
    return input;
  }
  std::optional<Item> get(const std::string& table, Item key) {
    const Result<shapes::GetItemOutput> done = call<shapes::GetItem>(get_input(table, std::move(key)));
    EXPECT_TRUE(done.ok()) << done.error().message();
    return done.ok() ? (*done).item : std::nullopt;
  }
  static shapes::UpdateItemInput update_input(const std::string& table, Item key, const std::string& expression,
                                              Item values = {}) {
    shapes::UpdateItemInput input;
    input.table_name = table;
    input.key = std::move(key);
    input.update_expression = expression;
    if (!values.empty()) input.expression_attribute_values = std::move(values);
    return input;
  }
  static shapes::QueryInput query_input(const std::string& table, const std::string& condition, Item values) {
    shapes::QueryInput input;
    input.table_name = table;
    input.key_condition_expression = condition;
    input.expression_attribute_values = std::move(values);
    return input;
  }
  shapes::QueryOutput query(shapes::QueryInput input) {
    Result<shapes::QueryOutput> done = call<shapes::Query>(std::move(input));
    EXPECT_TRUE(done.ok()) << done.error().message();
    return done.ok() ? std::move(*done) : shapes::QueryOutput();
  }

  ManualClock clock_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<DynamoDb> service_;
  std::string account_ = "123456789012";
  std::string region_ = "eu-central-1";
};

}  // namespace cumulet::dynamodb
