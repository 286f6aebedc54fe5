#pragma once

#include "services/firehose/object_name.h"
#include "wire/generated/firehose.h"

/// What a delivery stream may deliver to, from its several forms in the API.
namespace cumulet::firehose {

using Destination = wire::firehose::ExtendedS3DestinationConfiguration;

/// The destination that a request asks for. Fails with InvalidArgumentException on what this server does not do.
Result<Destination> destination_from(const wire::firehose::CreateDeliveryStreamInput& input);
/// A destination after a change.
Result<Destination> changed_destination(Destination current, const wire::firehose::UpdateDestinationInput& input);

wire::firehose::DestinationDescription shown_destination(const Destination& destination);

std::string destination_document(const Destination& destination);
Result<Destination> parse_destination(const std::string& document);

}  // namespace cumulet::firehose
