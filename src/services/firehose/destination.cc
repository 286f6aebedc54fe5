#include "services/firehose/destination.h"

#include "services/firehose/object_name.h"
#include "services/firehose/transform.h"
#include "wire/document.h"

namespace cumulet::firehose {

namespace api = wire::firehose;

namespace {

constexpr std::int32_t kDefaultMebibytes = 5;
constexpr std::int32_t kDefaultSeconds = 300;
constexpr std::string_view kDestinationId = "destinationId-000000000001";

Error unsupported(const std::string& what) { return invalid(what + " is not supported by this server."); }

/// The members that all forms of a destination have.
template <typename From, typename To>
void copy_common(const From& from, To& to) {
  if (from.prefix) to.prefix = from.prefix;
  if (from.error_output_prefix) to.error_output_prefix = from.error_output_prefix;
  if (from.buffering_hints) {
    if (!to.buffering_hints) to.buffering_hints.emplace();
    if (from.buffering_hints->size_in_mbs) to.buffering_hints->size_in_mbs = from.buffering_hints->size_in_mbs;
    if (from.buffering_hints->interval_in_seconds) {
      to.buffering_hints->interval_in_seconds = from.buffering_hints->interval_in_seconds;
    }
  }
  if (from.compression_format) to.compression_format = from.compression_format;
  if (from.encryption_configuration) to.encryption_configuration = from.encryption_configuration;
  if (from.cloud_watch_logging_options) to.cloud_watch_logging_options = from.cloud_watch_logging_options;
}

template <typename Extended>
Result<void> check_extended(const Extended& given) {
  if (given.s3_backup_mode.value_or("Disabled") != "Disabled") return unsupported("S3BackupMode Enabled");
  if (given.data_format_conversion_configuration &&
      given.data_format_conversion_configuration->enabled.value_or(true)) {
    return unsupported("DataFormatConversionConfiguration");
  }
  if (given.dynamic_partitioning_configuration && given.dynamic_partitioning_configuration->enabled.value_or(true)) {
    return unsupported("DynamicPartitioningConfiguration");
  }
  if (given.custom_time_zone.value_or("UTC") != "UTC" && !given.custom_time_zone->empty()) {
    return unsupported("A CustomTimeZone other than UTC");
  }
  return {};
}

/// Checks a destination as a whole, and says what it did not say.
Result<Destination> completed(Destination destination) {
  const std::string format = destination.compression_format.value_or("UNCOMPRESSED");
  if (format != "UNCOMPRESSED" && format != "GZIP") return unsupported("CompressionFormat " + format);
  destination.compression_format = format;
  if (destination.encryption_configuration && destination.encryption_configuration->kms_encryption_config) {
    return unsupported("KMSEncryptionConfig");
  }
  if (destination.cloud_watch_logging_options && destination.cloud_watch_logging_options->enabled.value_or(false)) {
    return unsupported("CloudWatchLoggingOptions");
  }
  const Result<std::optional<Processor>> processor = processor_of(destination);
  if (!processor.ok()) return processor.error();
  const std::string prefix = destination.prefix.value_or("");
  const std::string error_prefix = destination.error_output_prefix.value_or("");
  Result<void> checked = check_prefix(prefix, false);
  if (checked.ok()) checked = check_prefix(error_prefix, true);
  if (!checked.ok()) return std::move(checked).error();
  if (has_expression(prefix) && error_prefix.empty()) {
    return invalid("ErrorOutputPrefix must be specified when Prefix contains expressions.");
  }
  if (!destination.buffering_hints) destination.buffering_hints.emplace();
  api::BufferingHints& hints = *destination.buffering_hints;
  hints.size_in_mbs = hints.size_in_mbs.value_or(kDefaultMebibytes);
  hints.interval_in_seconds = hints.interval_in_seconds.value_or(kDefaultSeconds);
  return destination;
}

}  // namespace

Result<Destination> destination_from(const api::CreateDeliveryStreamInput& input) {
  const bool other = input.redshift_destination_configuration || input.elasticsearch_destination_configuration ||
                     input.amazonopensearchservice_destination_configuration ||
                     input.splunk_destination_configuration || input.http_endpoint_destination_configuration ||
                     input.amazon_open_search_serverless_destination_configuration ||
                     input.snowflake_destination_configuration || input.iceberg_destination_configuration;
  if (other) return unsupported("A destination other than S3");
  if (input.s3_destination_configuration.has_value() == input.extended_s3_destination_configuration.has_value()) {
    return invalid("Exactly one destination configuration is supported for a Firehose");
  }
  Destination destination;
  if (input.extended_s3_destination_configuration) {
    const Destination& given = *input.extended_s3_destination_configuration;
    const Result<void> checked = check_extended(given);
    if (!checked.ok()) return checked.error();
    copy_common(given, destination);
    destination.role_arn = given.role_arn;
    destination.bucket_arn = given.bucket_arn;
    destination.file_extension = given.file_extension;
    destination.processing_configuration = given.processing_configuration;
    return completed(std::move(destination));
  }
  copy_common(*input.s3_destination_configuration, destination);
  destination.role_arn = input.s3_destination_configuration->role_arn;
  destination.bucket_arn = input.s3_destination_configuration->bucket_arn;
  return completed(std::move(destination));
}

Result<Destination> changed_destination(Destination current, const api::UpdateDestinationInput& input) {
  const auto apply = [&current](const auto& update) {
    copy_common(update, current);
    if (update.role_arn) current.role_arn = *update.role_arn;
    if (update.bucket_arn) current.bucket_arn = *update.bucket_arn;
  };
  if (input.destination_id != kDestinationId) return invalid("Destination Id " + input.destination_id + " not found");
  if (input.extended_s3_destination_update) {
    const Result<void> checked = check_extended(*input.extended_s3_destination_update);
    if (!checked.ok()) return checked.error();
    apply(*input.extended_s3_destination_update);
    if (input.extended_s3_destination_update->processing_configuration) {
      current.processing_configuration = input.extended_s3_destination_update->processing_configuration;
    }
    if (input.extended_s3_destination_update->file_extension) {
      current.file_extension = input.extended_s3_destination_update->file_extension;
    }
  } else if (input.s3_destination_update) {
    apply(*input.s3_destination_update);
  } else {
    return unsupported("A destination other than S3");
  }
  return completed(std::move(current));
}

api::DestinationDescription shown_destination(const Destination& destination) {
  api::DestinationDescription out;
  out.destination_id = kDestinationId;
  const auto show = [&destination](auto& shown) {
    shown.role_arn = destination.role_arn;
    shown.bucket_arn = destination.bucket_arn;
    shown.prefix = destination.prefix;
    shown.error_output_prefix = destination.error_output_prefix;
    shown.buffering_hints = *destination.buffering_hints;
    shown.compression_format = *destination.compression_format;
    shown.encryption_configuration.no_encryption_config = "NoEncryption";
    shown.cloud_watch_logging_options.emplace();
    shown.cloud_watch_logging_options->enabled = false;
  };
  show(out.s3_destination_description.emplace());
  api::ExtendedS3DestinationDescription& extended = out.extended_s3_destination_description.emplace();
  show(extended);
  extended.s3_backup_mode = "Disabled";
  extended.file_extension = destination.file_extension;
  extended.processing_configuration = destination.processing_configuration;
  return out;
}

std::string destination_document(const Destination& destination) {
  api::CreateDeliveryStreamInput holder;
  holder.extended_s3_destination_configuration = destination;
  return wire::input_document<api::CreateDeliveryStream>(holder);
}

Result<Destination> parse_destination(const std::string& document) {
  Result<api::CreateDeliveryStreamInput> holder = wire::read_input<api::CreateDeliveryStream>(document);
  if (!holder.ok()) return holder.error();
  if (!holder->extended_s3_destination_configuration) {
    return Error(errors::kInternalFailure, "A delivery stream's destination is damaged.");
  }
  return std::move(*holder->extended_s3_destination_configuration);
}

}  // namespace cumulet::firehose
