#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/key_schema.h"
#include "services/dynamodb/value.h"

namespace cumulet::dynamodb {
namespace {

AttributeValue nested(int depth) {
  AttributeValue value = AttributeValue::string("x");
  for (int i = 0; i < depth; ++i) {
    AttributeValue::List list;
    list.push_back(std::move(value));
    value = AttributeValue::list(std::move(list));
  }
  return value;
}

std::string fault(AttributeValue value) {
  const Result<void> done = normalise(value);
  return done.ok() ? "" : done.error().message();
}

Item every_type() {
  return {{"s", AttributeValue::string("text")},
          {"n", AttributeValue::number("-1.5")},
          {"b", AttributeValue::binary(std::string("\0\xff", 2))},
          {"ss", AttributeValue::string_set({"a", "b"})},
          {"ns", AttributeValue::number_set({"1", "2"})},
          {"bs", AttributeValue::binary_set({"x"})},
          {"m", AttributeValue::map({{"k", nested(3)}})},
          {"l", AttributeValue::list({AttributeValue::null(), AttributeValue::boolean(false)})},
          {"null", AttributeValue::null()},
          {"t", AttributeValue::boolean(true)}};
}

TEST(ItemCodecTest, EveryTypeComesBack) {
  const Item item = every_type();
  const std::string bytes = encode_item(item);
  ItemReader reader(bytes);
  EXPECT_EQ(reader.size(), item_size(item));
  EXPECT_EQ(reader.all(), item);
  EXPECT_TRUE(reader.ok());
}

TEST(ItemCodecTest, OnlyWhatIsAskedFor) {
  const std::string bytes = encode_item(every_type());
  const Item some = ItemReader(bytes).only({"n", "t", "absent"});
  EXPECT_EQ(some.size(), 2u);
  EXPECT_EQ(some.at("n"), AttributeValue::number("-1.5"));
}

TEST(ItemCodecTest, DamagedBytesAreNoticedAndHarmless) {
  const std::string bytes = encode_item(every_type());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ItemReader reader(std::string_view(bytes).substr(0, length));
    reader.all();
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    ItemReader reader(damaged);
    reader.all();
  }
  ItemReader empty("");
  EXPECT_FALSE(empty.ok());
}

TEST(ValueTest, FaultsHaveTheirMessages) {
  EXPECT_EQ(fault(AttributeValue::string_set({})),
            "One or more parameter values were invalid: An string set  may not be empty");
  EXPECT_EQ(fault(AttributeValue::number_set({})),
            "One or more parameter values were invalid: An number set  may not be empty");
  EXPECT_EQ(fault(AttributeValue::binary_set({})),
            "One or more parameter values were invalid: Binary sets should not be empty");
  EXPECT_EQ(fault(AttributeValue::string_set({"a", "b", "a"})),
            "One or more parameter values were invalid: Input collection [a, b, a] contains duplicates.");
  EXPECT_EQ(fault(AttributeValue::number_set({"1", "1.0"})), "Input collection contains duplicates");
  EXPECT_EQ(fault(AttributeValue::binary_set({"a", "a"})),
            "One or more parameter values were invalid: Input collection [YQ==, YQ==]of type BS contains duplicates.");
  EXPECT_EQ(fault(nested(32)), "");
  EXPECT_EQ(fault(nested(33)),
            "One or more parameter values were invalid: Nesting Levels have exceeded supported limits");
  EXPECT_EQ(fault(AttributeValue::string("")), "");
}

TEST(ValueTest, SizesAreThoseOfTheDeveloperGuide) {
  EXPECT_EQ(item_size({{"name", AttributeValue::string("four")}}), 8u);
  EXPECT_EQ(item_size({{"n", AttributeValue::number("27")}}), 3u);
  EXPECT_EQ(item_size({{"b", AttributeValue::boolean(true)}, {"z", AttributeValue::null()}}), 4u);
  EXPECT_EQ(item_size({{"l", AttributeValue::list({})}}), 4u);
  EXPECT_EQ(item_size({{"l", AttributeValue::list({AttributeValue::string("ab")})}}), 7u);
  EXPECT_EQ(item_size({{"m", AttributeValue::map({{"k", AttributeValue::string("ab")}})}}), 8u);
  EXPECT_EQ(item_size({{"s", AttributeValue::string_set({"a", "bc"})}}), 4u);
}

std::string encoded(const AttributeValue& value) {
  std::string out;
  append_ordered(out, value);
  return out;
}

TEST(KeyTest, EncodedTextsKeepTheirOrder) {
  const std::vector<std::string> ascending = {"",
                                              std::string("\0", 1),
                                              std::string("\0\0", 2),
                                              std::string("\0\1", 2),
                                              "a",
                                              std::string("a\0", 2),
                                              std::string("a\0b", 3),
                                              "a\x01",
                                              "aa",
                                              "b",
                                              "\xff",
                                              "\xff\xff"};
  for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
    EXPECT_LT(encoded(AttributeValue::binary(ascending[i])), encoded(AttributeValue::binary(ascending[i + 1]))) << i;
  }
}

TEST(KeyTest, ChecksSayWhatIsWrong) {
  KeySchema schema;
  schema.hash = KeyAttribute{"id", Type::kString};
  schema.range = KeyAttribute{"at", Type::kNumber};
  const auto key_fault = [&](Item key) {
    const Result<void> checked = check_key(schema, key);
    return checked.ok() ? "" : checked.error().message();
  };
  const auto item_fault = [&](Item item) {
    const Result<void> checked = check_item_key(schema, item);
    return checked.ok() ? "" : checked.error().message();
  };
  const AttributeValue one = AttributeValue::number("1");
  EXPECT_EQ(key_fault({{"id", AttributeValue::string("a")}, {"at", one}}), "");
  EXPECT_EQ(key_fault({{"id", AttributeValue::string("a")}}), "The provided key element does not match the schema");
  EXPECT_EQ(key_fault({{"id", one}, {"at", one}}), "The provided key element does not match the schema");
  EXPECT_EQ(key_fault({{"id", AttributeValue::string("a")}, {"at", one}, {"x", one}}),
            "The provided key element does not match the schema");
  EXPECT_EQ(
      key_fault({{"id", AttributeValue::string("")}, {"at", one}}),
      "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
      "string value. Key: id");
  EXPECT_EQ(key_fault({{"id", AttributeValue::string(std::string(2049, 'x'))}, {"at", one}}),
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 "
            "bytes");
  EXPECT_EQ(item_fault({{"id", AttributeValue::string("a")}}),
            "One or more parameter values were invalid: Missing the key at in the item");
  EXPECT_EQ(item_fault({{"id", one}, {"at", one}}),
            "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N");
}

}  // namespace
}  // namespace cumulet::dynamodb
