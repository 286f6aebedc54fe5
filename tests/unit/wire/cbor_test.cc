#include "wire/cbor.h"

#include <gtest/gtest.h>

#include "base/gzip.h"
#include "base/run.h"
#include "base/text.h"
#include "wire/generated/cloudwatch.h"
#include "wire/protocol.h"

namespace cumulet::wire {
namespace {

using cloudwatch::PutMetricDataInput;

const Shape& shape() { return *cloudwatch::PutMetricData::model().input; }

Findings decode(const std::string& hex, PutMetricDataInput& input) {
  Findings findings;
  decode_cbor(*hex_decode(hex), shape(), &input, CborTime::kSeconds, findings);
  return findings;
}

TEST(CborTest, StructuresComeBack) {
  PutMetricDataInput input;
  input.namespace_ = "App";
  cloudwatch::MetricDatum datum;
  datum.metric_name = "Latency";
  datum.value = 1.5;
  datum.values = std::vector<double>{1, -2, 1e300};
  datum.storage_resolution = -70'000;
  datum.timestamp = Timestamp(std::chrono::milliseconds(1'800'000'000'123));
  input.metric_data = std::vector<cloudwatch::MetricDatum>{datum};
  for (const CborTime time : {CborTime::kSeconds, CborTime::kMillis}) {
    const std::string bytes = encode_cbor(shape(), &input, time);
    PutMetricDataInput back;
    Findings findings;
    decode_cbor(bytes, shape(), &back, time, findings);
    ASSERT_FALSE(findings.fatal);
    EXPECT_EQ(encode_cbor(shape(), &back, time), bytes);
    EXPECT_EQ(back.metric_data->at(0).timestamp, datum.timestamp);
    EXPECT_EQ(back.metric_data->at(0).storage_resolution, -70'000);
  }
}

TEST(CborTest, IndefiniteLengthsHalfFloatsAndUnknownMembers) {
  PutMetricDataInput input;
  // {_ "Namespace": (_ "Ap" "p"), "Other": {"x": [1, h'00', null]}, "MetricData": [_ {"MetricName": "m",
  // "Value": 1.5}]}
  const Findings findings = decode(
      "bf694e616d6573706163657f6241706170ff654f74686572a161788301410"
      "0f66a4d6574726963446174619fa26a4d65747269634e616d65616d"
      "6556616c7565f93e00ffff",
      input);
  ASSERT_FALSE(findings.fatal);
  EXPECT_EQ(input.namespace_, "App");
  EXPECT_EQ(input.metric_data->at(0).value, 1.5);
}

TEST(CborTest, MissingMembersAreFound) {
  PutMetricDataInput input;
  const Findings findings = decode("a0", input);
  EXPECT_FALSE(findings.fatal);
  EXPECT_EQ(findings.missing, std::vector<std::string>{"namespace"});
}

TEST(CborTest, RefusesWhatIsBroken) {
  for (const char* hex : {"", "a1", "a1694e616d657370616365", "a1694e616d65737061636563414", "a0a0", "80", "bf",
                          "a1694e616d65737061636501", "ff", "a17f", "bb00ffffffffffffff",
                          "a16a4d657472696344617461"
                          "9b0000ffffffffffff",
                          "a1694e616d65737061636561ff"}) {
    PutMetricDataInput input;
    const std::optional<std::string> bytes = hex_decode(hex);
    if (!bytes) continue;
    EXPECT_TRUE(decode(hex, input).fatal) << hex;
  }
  PutMetricDataInput input;
  Findings findings;
  decode_cbor("\xa1\x61x" + std::string(100'000, '\x81'), shape(), &input, CborTime::kSeconds, findings);
  EXPECT_TRUE(findings.fatal);
}

net::Request request_with(std::string header, std::string value) {
  net::Request request;
  request.method = "POST";
  request.path = "/service/Any/operation/PutMetricData";
  request.headers.set(header, std::move(value));
  return request;
}

TEST(SpokenModelTest, ARequestTellsItsProtocol) {
  const ServiceModel& service = cloudwatch::model();
  EXPECT_EQ(spoken_model(service, request_with("smithy-protocol", "rpc-v2-cbor")).protocol, Protocol::kRpcV2Cbor);
  EXPECT_EQ(spoken_model(service, request_with("X-Amz-Target", "a.b")).protocol, Protocol::kJson10);
  EXPECT_EQ(spoken_model(service, request_with("Content-Type", "application/x-www-form-urlencoded")).protocol,
            Protocol::kQuery);
}

TEST(SpokenModelTest, ErrorsCarryTheQueryCode) {
  const ServiceModel& cbor = spoken_model(cloudwatch::model(), request_with("smithy-protocol", "rpc-v2-cbor"));
  const net::Response response =
      render(cbor, Error(cloudwatch::errors::kInvalidParameterValueException, "no"), ErrorContext("id"));
  EXPECT_EQ(response.headers.get("x-amzn-query-error"), "InvalidParameterValue;Sender");
  EXPECT_EQ(response.headers.get("content-type"), "application/cbor");
  EXPECT_NE(std::get<std::string>(response.body).find("com.amazonaws.cloudwatch#InvalidParameterValueException"),
            std::string::npos);
}

TEST(SpokenModelTest, CompressedBodiesAreUnpacked) {
  PutMetricDataInput input;
  input.namespace_ = "App";
  net::Request request = request_with("smithy-protocol", "rpc-v2-cbor");
  request.headers.set("content-encoding", "gzip");
  request.body = std::make_unique<StringBody>(gzip_compress(encode_cbor(shape(), &input, CborTime::kSeconds)));
  const ServiceModel& model = spoken_model(cloudwatch::model(), request);
  const Result<const OperationModel*> operation = run(route(model, request, ""));
  ASSERT_TRUE(operation.ok());
  const Result<Instance> decoded = run(wire::decode(model, **operation, request, ""));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->as<PutMetricDataInput>().namespace_, "App");
}

}  // namespace
}  // namespace cumulet::wire
