#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/table.h"

/// From the input of CreateTable and UpdateTable to tables and indexes, with all of DynamoDB's checks and messages.
namespace cumulet::dynamodb {

/// The table that CreateTable asks for, without what only the moment of its creation gives (number, id, time).
Result<Table> table_from(const wire::Call& call, const shapes::CreateTableInput& input);

/// The index that UpdateTable is to create in the table, whose attribute definitions it extends.
Result<Index> index_from(Table& table, const shapes::CreateGlobalSecondaryIndexAction& action,
                         const std::optional<std::vector<shapes::AttributeDefinition>>& definitions);

/// Checks units, and says what they are for in errors.
Result<Throughput> throughput_from(const shapes::ProvisionedThroughput& given);

/// What a table or index with these settings is ready for at once; the documented rates when nothing was said.
Warmth warmth_of(bool on_demand, const Throughput& throughput, const Warmth& said);
/// Takes a WarmThroughput, which never decreases. `where`: "table", or "index NAME".
Result<void> take_warmth(bool on_demand, const Throughput& throughput, Warmth& warmth,
                         const std::optional<shapes::WarmThroughput>& given, const std::string& where);
void take_maximum(std::optional<std::int64_t>& reads, std::optional<std::int64_t>& writes,
                  const std::optional<shapes::OnDemandThroughput>& given);

/// Adds tags to what is there; fails past 50.
Result<void> add_tags(std::map<std::string, std::string>& tags, const std::vector<shapes::Tag>& added);

/// Whether the text is a resource policy, and not too long.
Result<void> check_policy(const std::string& text);
/// A stream needs a view; none must not have one.
Result<void> check_stream(const shapes::StreamSpecification& given);

Error not_available(const std::string& what);

}  // namespace cumulet::dynamodb
