#include "services/dynamodb/table_definition.h"

#include <algorithm>
#include <set>
#include <utility>

#include "access/policy.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::int64_t kMaxUnits = 1'000'000'000'000;
constexpr std::size_t kMaxLocalIndexes = 5;
constexpr std::size_t kMaxGlobalIndexes = 20;
constexpr std::size_t kMaxProjectedAttributes = 100;
constexpr std::size_t kMaxTags = 50;
constexpr std::size_t kMostPolicyBytes = 20 * 1024;

using Elements = std::vector<shapes::KeySchemaElement>;

std::string names_of(const Elements& elements) {
  std::vector<std::string> names;
  for (const shapes::KeySchemaElement& element : elements) names.push_back(element.attribute_name);
  return "[" + join(names, ", ") + "]";
}

Result<void> define(Table& table, const std::vector<shapes::AttributeDefinition>& definitions) {
  for (const shapes::AttributeDefinition& definition : definitions) {
    const Type type = definition.attribute_type == "N"   ? Type::kNumber
                      : definition.attribute_type == "B" ? Type::kBinary
                                                         : Type::kString;
    const auto [at, added] = table.attributes.emplace(definition.attribute_name, type);
    if (added) {
      table.attribute_order.push_back(definition.attribute_name);
    } else if (at->second != type) {
      return invalid_parameter("Cannot redefine attribute " + definition.attribute_name +
                               " with another type: its type is " + std::string(wire::type_name(at->second)));
    }
  }
  return {};
}

Result<KeySchema> schema_from(const Table& table, const Elements& elements, bool of_index) {
  if (elements.empty() || elements.size() > 2) {
    return invalid("1 validation error detected: Value '" + names_of(elements) +
                   "' at 'keySchema' failed to satisfy constraint: Member must have length " +
                   (elements.empty() ? "greater than or equal to 1" : "less than or equal to 2"));
  }
  for (const shapes::KeySchemaElement& element : elements) {
    if (table.attributes.contains(element.attribute_name)) continue;
    if (!of_index && elements.size() > table.attributes.size()) {
      return invalid("Invalid KeySchema: Some index key attribute have no definition");
    }
    return invalid_parameter(
        "Some index key attributes are not defined in AttributeDefinitions. Keys: " + names_of(elements) +
        ", AttributeDefinitions: [" + join(table.attribute_order, ", ") + "]");
  }
  if (elements.size() == 2 && elements[0].attribute_name == elements[1].attribute_name) {
    return invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name");
  }
  if (elements[0].key_type != "HASH") {
    return invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
  }
  if (elements.size() == 2 && elements[1].key_type != "RANGE") {
    return invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
  }
  KeySchema schema;
  schema.hash = KeyAttribute{elements[0].attribute_name, table.attributes.at(elements[0].attribute_name)};
  if (elements.size() == 2) {
    schema.range = KeyAttribute{elements[1].attribute_name, table.attributes.at(elements[1].attribute_name)};
  }
  return schema;
}

Result<void> take_projection(Index& index, const shapes::Projection& projection) {
  if (!projection.projection_type) return invalid_parameter("Unknown ProjectionType: null");
  const std::string& type = *projection.projection_type;
  if (projection.non_key_attributes && type != "INCLUDE") {
    return invalid_parameter("ProjectionType is " + type + ", but NonKeyAttributes is specified");
  }
  if (type == "INCLUDE") {
    if (!projection.non_key_attributes) {
      return invalid_parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified");
    }
    index.projection = ProjectionType::kInclude;
    index.non_key_attributes = *projection.non_key_attributes;
  } else {
    index.projection = type == "KEYS_ONLY" ? ProjectionType::kKeysOnly : ProjectionType::kAll;
  }
  return {};
}

Result<Index> start_index(Table& table, const std::string& name, const Elements& elements,
                          const shapes::Projection& projection) {
  if (Result<void> checked = check_index_name(name, "indexName"); !checked) return std::move(checked).error();
  Index index;
  index.name = name;
  Result<KeySchema> keys = schema_from(table, elements, true);
  if (!keys) return std::move(keys).error();
  index.keys = std::move(*keys);
  if (Result<void> taken = take_projection(index, projection); !taken) return std::move(taken).error();
  if (table.find_index(name)) return invalid_parameter("Duplicate index name: " + name);
  index.number = table.next_index++;
  return index;
}

Result<void> add_local_indexes(Table& table, const std::vector<shapes::LocalSecondaryIndex>& indexes) {
  if (indexes.empty()) return invalid_parameter("List of LocalSecondaryIndexes is empty");
  if (!table.keys.range) {
    return invalid_parameter(
        "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex");
  }
  for (const shapes::LocalSecondaryIndex& given : indexes) {
    Result<Index> index = start_index(table, given.index_name, given.key_schema, given.projection);
    if (!index) return std::move(index).error();
    if (!index->keys.range) {
      return invalid_parameter("Index KeySchema does not have a range key for index: " + given.index_name);
    }
    if (index->keys.hash.name != table.keys.hash.name) {
      return invalid_parameter(
          "Index KeySchema does not have the same leading hash key as table KeySchema for index: " + given.index_name +
          ". index hash key: " + index->keys.hash.name + ", table hash key: " + table.keys.hash.name);
    }
    index->global = false;
    table.indexes.push_back(std::move(*index));
  }
  if (indexes.size() > kMaxLocalIndexes) {
    return invalid_parameter("Number of LocalSecondaryIndexes exceeds per-table limit of 5");
  }
  return {};
}

Result<void> take_index_throughput(const Table& table, Index& index,
                                   const std::optional<shapes::ProvisionedThroughput>& given) {
  if (table.on_demand) {
    if (!given) return {};
    return invalid_parameter("ProvisionedThroughput should not be specified for index: " + index.name +
                             " when BillingMode is PAY_PER_REQUEST");
  }
  if (!given) return invalid_parameter("ProvisionedThroughput must be specified for index: " + index.name);
  Result<Throughput> throughput = throughput_from(*given);
  if (!throughput) return std::move(throughput).error();
  index.throughput = *throughput;
  return {};
}

Result<void> add_global_indexes(Table& table, const std::vector<shapes::GlobalSecondaryIndex>& indexes) {
  if (indexes.empty()) return invalid_parameter("List of GlobalSecondaryIndexes is empty");
  for (const shapes::GlobalSecondaryIndex& given : indexes) {
    Result<Index> index = start_index(table, given.index_name, given.key_schema, given.projection);
    if (!index) return std::move(index).error();
    if (Result<void> taken = take_index_throughput(table, *index, given.provisioned_throughput); !taken) return taken;
    take_maximum(index->max_reads, index->max_writes, given.on_demand_throughput);
    Result<void> warm =
        take_warmth(table.on_demand, index->throughput, index->warmth, given.warm_throughput, "index " + index->name);
    if (!warm) return warm;
    table.indexes.push_back(std::move(*index));
  }
  if (indexes.size() > kMaxGlobalIndexes) {
    return invalid_parameter("GlobalSecondaryIndex count exceeds the per-table limit of 20");
  }
  return {};
}

/// No attribute may be defined that no key uses, and projections have a limit over all indexes.
Result<void> check_definitions(const Table& table) {
  std::set<std::string> used;
  std::size_t projected = 0;
  const auto use = [&used](const KeySchema& keys) {
    used.insert(keys.hash.name);
    if (keys.range) used.insert(keys.range->name);
  };
  use(table.keys);
  for (const Index& index : table.indexes) {
    use(index.keys);
    projected += index.non_key_attributes.size();
  }
  if (projected > kMaxProjectedAttributes) {
    return invalid_parameter("Number of NonKeyAttributes of all indexes exceeds the per-table limit of 100");
  }
  if (used.size() == table.attributes.size()) return {};
  if (table.indexes.empty()) {
    return invalid_parameter(
        "Number of attributes in KeySchema does not exactly match number of attributes defined in "
        "AttributeDefinitions");
  }
  return invalid_parameter("Some AttributeDefinitions are not used. AttributeDefinitions: [" +
                           join(table.attribute_order, ", ") + "], keys used: [" +
                           join(std::vector<std::string>(used.begin(), used.end()), ", ") + "]");
}

Result<void> take_billing(Table& table, const shapes::CreateTableInput& input) {
  table.on_demand = input.billing_mode == "PAY_PER_REQUEST";
  if (table.on_demand) {
    if (!input.provisioned_throughput) return {};
    return invalid_parameter(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
  }
  if (!input.provisioned_throughput) {
    return invalid_parameter(
        "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED");
  }
  Result<Throughput> throughput = throughput_from(*input.provisioned_throughput);
  if (!throughput) return std::move(throughput).error();
  table.throughput = *throughput;
  return {};
}

}  // namespace

Error not_available(const std::string& what) {
  return Error(errors::kNotImplemented, what + " is not implemented yet.");
}

Result<void> check_policy(const std::string& text) {
  if (text.size() > kMostPolicyBytes) {
    return invalid("Resource policy size exceeds the limit of " + std::to_string(kMostPolicyBytes) + " bytes");
  }
  const Result<access::Policy> parsed = access::parse_policy(text, access::PolicyKind::kResource);
  if (parsed.ok()) return {};
  return invalid("Invalid policy document: " + parsed.error().message());
}

Result<void> check_stream(const shapes::StreamSpecification& given) {
  if (given.stream_enabled == given.stream_view_type.has_value()) return {};
  return invalid_parameter(given.stream_enabled
                               ? "StreamViewType is required when StreamEnabled is set to true"
                               : "StreamViewType should not be specified when StreamEnabled is set to false");
}

Result<Throughput> throughput_from(const shapes::ProvisionedThroughput& given) {
  const auto check = [](std::int64_t units, const char* name) -> Result<void> {
    if (units > kMaxUnits) {
      return invalid("Given value " + std::to_string(units) + " for " + name + " is out of bounds");
    }
    return {};
  };
  if (Result<void> checked = check(given.read_capacity_units, "ReadCapacityUnits"); !checked) {
    return std::move(checked).error();
  }
  if (Result<void> checked = check(given.write_capacity_units, "WriteCapacityUnits"); !checked) {
    return std::move(checked).error();
  }
  Throughput throughput;
  throughput.read = given.read_capacity_units;
  throughput.write = given.write_capacity_units;
  return throughput;
}

Warmth warmth_of(bool on_demand, const Throughput& throughput, const Warmth& said) {
  constexpr std::int64_t kReads = 12'000;
  constexpr std::int64_t kWrites = 4'000;
  Warmth warmth = said;
  warmth.reads = std::max(warmth.reads, on_demand ? kReads : throughput.read);
  warmth.writes = std::max(warmth.writes, on_demand ? kWrites : throughput.write);
  return warmth;
}

Result<void> take_warmth(bool on_demand, const Throughput& throughput, Warmth& warmth,
                         const std::optional<shapes::WarmThroughput>& given, const std::string& where) {
  if (!given) return {};
  const Warmth now = warmth_of(on_demand, throughput, warmth);
  const auto take = [&where](std::int64_t& said, std::int64_t least, const std::optional<std::int64_t>& wanted,
                             const std::string& name) -> Result<void> {
    if (!wanted) return {};
    if (*wanted < least) {
      return invalid_parameter("Requested " + name + " for WarmThroughput for " + where +
                               " is lower than current WarmThroughput, decreasing WarmThroughput is not supported");
    }
    said = *wanted;
    return {};
  };
  if (Result<void> taken = take(warmth.reads, now.reads, given->read_units_per_second, "ReadUnitsPerSecond"); !taken) {
    return taken;
  }
  return take(warmth.writes, now.writes, given->write_units_per_second, "WriteUnitsPerSecond");
}

void take_maximum(std::optional<std::int64_t>& reads, std::optional<std::int64_t>& writes,
                  const std::optional<shapes::OnDemandThroughput>& given) {
  if (!given) return;
  reads = given->max_read_request_units;
  writes = given->max_write_request_units;
}

Result<void> add_tags(std::map<std::string, std::string>& tags, const std::vector<shapes::Tag>& added) {
  for (const shapes::Tag& tag : added) {
    if (to_lower(tag.key).starts_with("aws:"))
      return invalid(
          "One or more parameter values were invalid: aws: prefixed tag key names are not allowed for external use.");
    tags[tag.key] = tag.value;
  }
  if (tags.size() > kMaxTags) return invalid("Too many tags: a table can have 50 tags at most");
  return {};
}

Result<Table> table_from(const wire::Call& call, const shapes::CreateTableInput& input) {
  if (input.stream_specification) {
    if (Result<void> checked = check_stream(*input.stream_specification); !checked) return std::move(checked).error();
  }
  if (input.global_table_source_arn) return not_available("A replica of a global table");
  if (input.vector_indexes) return not_available("VectorIndexes");
  if (!input.attribute_definitions || !input.key_schema) {
    return invalid(std::string("1 validation error detected: Value null at '") +
                   (input.key_schema ? "attributeDefinitions" : "keySchema") +
                   "' failed to satisfy constraint: Member must not be null");
  }
  Table table;
  table.account = call.account();
  table.region = call.region;
  Result<std::string> name = table_name_of(call, input.table_name, true);
  if (!name) return std::move(name).error();
  table.name = std::move(*name);
  if (Result<void> taken = take_billing(table, input); !taken) return std::move(taken).error();
  if (Result<void> defined = define(table, *input.attribute_definitions); !defined) return std::move(defined).error();
  Result<KeySchema> keys = schema_from(table, *input.key_schema, false);
  if (!keys) return std::move(keys).error();
  table.keys = std::move(*keys);
  if (input.local_secondary_indexes) {
    Result<void> added = add_local_indexes(table, *input.local_secondary_indexes);
    if (!added) return std::move(added).error();
  }
  if (input.global_secondary_indexes) {
    Result<void> added = add_global_indexes(table, *input.global_secondary_indexes);
    if (!added) return std::move(added).error();
  }
  if (Result<void> checked = check_definitions(table); !checked) return std::move(checked).error();
  if (input.tags) {
    if (Result<void> added = add_tags(table.tags, *input.tags); !added) return std::move(added).error();
  }
  if (input.resource_policy) {
    if (Result<void> checked = check_policy(*input.resource_policy); !checked) return std::move(checked).error();
    table.policy = *input.resource_policy;
    table.policy_revision = uuid();
  }
  table.table_class = input.table_class.value_or("");
  table.deletion_protection = input.deletion_protection_enabled.value_or(false);
  if (input.sse_specification && input.sse_specification->enabled.value_or(false)) {
    table.encryption = "KMS";
    table.encryption_key = input.sse_specification->kms_master_key_id.value_or("");
  }
  take_maximum(table.max_reads, table.max_writes, input.on_demand_throughput);
  Result<void> warm = take_warmth(table.on_demand, table.throughput, table.warmth, input.warm_throughput, "table");
  if (!warm) return std::move(warm).error();
  return table;
}

Result<Index> index_from(Table& table, const shapes::CreateGlobalSecondaryIndexAction& action,
                         const std::optional<std::vector<shapes::AttributeDefinition>>& definitions) {
  if (table.find_index(action.index_name)) return invalid("Attempting to create an index which already exists");
  const auto globals =
      std::count_if(table.indexes.begin(), table.indexes.end(), [](const Index& i) { return i.global; });
  if (static_cast<std::size_t>(globals) >= kMaxGlobalIndexes) {
    return invalid_parameter("GlobalSecondaryIndex count exceeds the per-table limit of 20");
  }
  if (definitions) {
    if (Result<void> defined = define(table, *definitions); !defined) return std::move(defined).error();
  }
  Result<Index> index = start_index(table, action.index_name, action.key_schema, action.projection);
  if (!index) return index;
  if (Result<void> taken = take_index_throughput(table, *index, action.provisioned_throughput); !taken) {
    return std::move(taken).error();
  }
  take_maximum(index->max_reads, index->max_writes, action.on_demand_throughput);
  Result<void> warm =
      take_warmth(table.on_demand, index->throughput, index->warmth, action.warm_throughput, "index " + index->name);
  if (!warm) return std::move(warm).error();
  index->status = IndexStatus::kCreating;
  return index;
}

}  // namespace cumulet::dynamodb
