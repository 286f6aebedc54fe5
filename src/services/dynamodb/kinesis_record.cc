#include "services/dynamodb/kinesis_record.h"

#include <utility>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/dynamodb/key_schema.h"
#include "wire/attribute_value_json.h"
#include "wire/json_writer.h"

namespace cumulet::dynamodb {

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds_using-shards-and-metrics.html has the record.
void send_to_kinesis(storage::Transaction& transaction, events::Outbox& outbox, const Table& table, const Item* before,
                     const Item* after, ChangeOrigin origin, Timestamp now) {
  const KinesisDestination* destination = table.kinesis_destination();
  if (!destination || !differs(before, after)) return;
  const Change::Kind kind = kind_of_change(before, after);
  const Item key = key_of(table.keys, after ? *after : *before);
  const std::int64_t micros = now.time_since_epoch().count();
  const std::size_t size = item_size(key) + (before ? item_size(*before) : 0) + (after ? item_size(*after) : 0);
  const std::string keys = wire::attribute_map_json(key);
  wire::JsonWriter json;
  json.begin_object().key("awsRegion").string(table.region).key("eventID").string(uuid());
  json.key("eventName").string(event_name(kind)).key("userIdentity");
  if (origin == ChangeOrigin::kTimeToLive) {
    json.begin_object().key("type").string("Service").key("principalId").string("dynamodb.amazonaws.com").end_object();
  } else {
    json.null();
  }
  json.key("recordFormat").string("application/json").key("tableName").string(table.name).key("dynamodb");
  json.begin_object().key("ApproximateCreationDateTime").integer(destination->microseconds ? micros : micros / 1000);
  json.key("ApproximateCreationDateTimePrecision").string(destination->microseconds ? "MICROSECOND" : "MILLISECOND");
  json.key("Keys").raw(keys);
  if (after) json.key("NewImage").raw(wire::attribute_map_json(*after));
  if (before) json.key("OldImage").raw(wire::attribute_map_json(*before));
  json.key("SizeBytes").integer(static_cast<std::int64_t>(size)).end_object();
  json.key("eventSource").string("aws:dynamodb").end_object();
  events::Event event;
  event.account = table.account;
  event.region = table.region;
  event.target_arn = destination->stream_arn;
  event.source_arn = table.arn();
  event.payload = json.take();
  event.attributes["PartitionKey"] = hex_encode(md5(keys));
  outbox.record(transaction, std::move(event));
}

}  // namespace cumulet::dynamodb
