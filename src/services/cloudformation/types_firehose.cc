#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "wire/arn.h"
#include "wire/generated/firehose.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::firehose;
constexpr std::string_view kService = "firehose";

/// AWS::KinesisFirehose::DeliveryStream
class DeliveryStreamType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"DeliveryStreamName", "DeliveryStreamType",
                                              "KinesisStreamSourceConfiguration", "Tags"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateDeliveryStreamInput input = co_await input_from<api::CreateDeliveryStream>(properties);
    if (input.delivery_stream_name.empty()) input.delivery_stream_name = context.generated_name;
    const std::string name = input.delivery_stream_name;
    co_await context.directory.call<api::CreateDeliveryStream>(kService, context.call, std::move(input));
    co_return made(context, name);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    api::DescribeDeliveryStreamInput question;
    question.delivery_stream_name = id;
    const api::DescribeDeliveryStreamOutput described =
        co_await context.directory.call<api::DescribeDeliveryStream>(kService, context.call, std::move(question));
    Value adapted = Value::object();
    if (const Value* extended = after.find("ExtendedS3DestinationConfiguration")) {
      adapted.set("ExtendedS3DestinationUpdate", *extended);
    } else if (const Value* plain = after.find("S3DestinationConfiguration")) {
      adapted.set("S3DestinationUpdate", *plain);
    }
    api::UpdateDestinationInput input = co_await input_from<api::UpdateDestination>(adapted);
    input.delivery_stream_name = id;
    input.current_delivery_stream_version_id = described.delivery_stream_description.version_id;
    input.destination_id = described.delivery_stream_description.destinations.front().destination_id;
    co_await context.directory.call<api::UpdateDestination>(kService, context.call, std::move(input));
    co_return made(context, id);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteDeliveryStreamInput input;
    input.delivery_stream_name = std::move(id);
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<void> erase(ResourceContext& context, api::DeleteDeliveryStreamInput input) {
    co_await context.directory.call<api::DeleteDeliveryStream>(kService, context.call, std::move(input));
  }

  static Made made(const ResourceContext& context, const std::string& name) {
    Made result(name);
    result.attributes.set("Arn", Value::string(wire::make_arn("firehose", context.call.region, context.call.account(),
                                                              "deliverystream/" + name)));
    return result;
  }
};

}  // namespace

void add_firehose_types(ResourceTypes& types) {
  types.add("AWS::KinesisFirehose::DeliveryStream", std::make_unique<DeliveryStreamType>());
}

}  // namespace cumulet::cloudformation
