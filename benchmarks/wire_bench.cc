#include <benchmark/benchmark.h>

#include "base/run.h"
#include "wire/generated/dynamodb.h"
#include "wire/generated/s3.h"
#include "wire/json.h"
#include "wire/protocol.h"
#include "wire/validate.h"
#include "wire/xml.h"

/// What the codecs cost: a PutItem of 0.9 KB, an object listing, a multi-object delete.
namespace cumulet::wire {
namespace {

std::string put_item_text() {
  std::string text = R"({"TableName":"Orders","Item":{)";
  for (int i = 0; i < 12; ++i) {
    const std::string n = std::to_string(i);
    text +=
        (i != 0 ? "," : "") + std::string("\"attribute") + n + R"(":{"S":"value )" + n + std::string(24, 'x') + "\"}";
  }
  return text + R"~(,"count":{"N":"42"},"price":{"N":"19.99"},"tags":{"SS":["a","b","c"]},"address":{"M":{"city":)~"
                R"~({"S":"Dublin"},"zip":{"S":"D01"},"lines":{"L":[{"S":"1"},{"S":"2"}]}}},"open":{"BOOL":true}},)~"
                R"~("ConditionExpression":"attribute_not_exists(attribute0)","ReturnValues":"NONE"})~";
}

void BM_DecodePutItem(benchmark::State& state) {
  const std::string text = put_item_text();
  for (auto _ : state) {
    dynamodb::PutItemInput input;
    Findings findings;
    decode_json(text, *dynamodb::PutItem::model().input, &input, false, findings);
    benchmark::DoNotOptimize(input);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size() * state.iterations()));
}
BENCHMARK(BM_DecodePutItem);

void BM_ValidatePutItem(benchmark::State& state) {
  dynamodb::PutItemInput input;
  Findings findings;
  decode_json(put_item_text(), *dynamodb::PutItem::model().input, &input, false, findings);
  for (auto _ : state) benchmark::DoNotOptimize(validate(*dynamodb::PutItem::model().input, &input, findings));
}
BENCHMARK(BM_ValidatePutItem);

void BM_RoutePutItem(benchmark::State& state) {
  net::Request request;
  request.method = "POST";
  request.path = "/";
  request.headers.add("X-Amz-Target", "DynamoDB_20120810.PutItem");
  for (auto _ : state) benchmark::DoNotOptimize(run(route(dynamodb::model(), request, "")));
}
BENCHMARK(BM_RoutePutItem);

void BM_EncodeGetItem(benchmark::State& state) {
  dynamodb::PutItemInput input;
  Findings findings;
  decode_json(put_item_text(), *dynamodb::PutItem::model().input, &input, false, findings);
  dynamodb::GetItemOutput output;
  output.item = input.item;
  for (auto _ : state) benchmark::DoNotOptimize(encode_json(*dynamodb::GetItem::model().output, &output));
}
BENCHMARK(BM_EncodeGetItem);

void BM_RouteS3(benchmark::State& state) {
  net::Request request;
  request.method = "GET";
  request.path = "/bucket/some/key";
  for (auto _ : state) benchmark::DoNotOptimize(run(route(s3::model(), request, "")));
}
BENCHMARK(BM_RouteS3);

void BM_EncodeListing(benchmark::State& state) {
  s3::ListObjectsV2Output output;
  auto& contents = output.contents.emplace(1000);
  for (s3::Object& object : contents) {
    object.key = "folder/object-name-0001.txt";
    object.size = 12'345;
    object.e_tag = "\"0123456789abcdef0123456789abcdef\"";
    object.last_modified = Timestamp(std::chrono::seconds(1'700'000'000));
    object.storage_class = "STANDARD";
  }
  for (auto _ : state) {
    std::string xml;
    encode_xml_members(*s3::ListObjectsV2::model().output, &output, true, XmlStyle{true}, xml);
    benchmark::DoNotOptimize(xml);
  }
}
BENCHMARK(BM_EncodeListing);

void BM_DecodeDelete(benchmark::State& state) {
  std::string text = "<Delete>";
  for (int i = 0; i < 1000; ++i) text += "<Object><Key>folder/object-name-0001.txt</Key></Object>";
  text += "</Delete>";
  for (auto _ : state) {
    s3::Delete input;
    Findings findings;
    decode_xml(*parse_xml(text), *s3::DeleteObjects::model().input->payload->shape, &input, findings);
    benchmark::DoNotOptimize(input);
  }
}
BENCHMARK(BM_DecodeDelete);

}  // namespace
}  // namespace cumulet::wire

BENCHMARK_MAIN();
