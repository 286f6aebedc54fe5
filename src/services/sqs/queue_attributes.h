#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "services/sqs/model.h"
#include "services/sqs/queue_index.h"

/// Queue attributes as the API gives and shows them.
namespace cumulet::sqs {

using AttributeMap = std::map<std::string, std::string>;

/// Applies what was given. `creating`: FifoQueue may be set. Fails with InvalidAttributeName or InvalidAttributeValue.
Result<void> apply_attributes(const AttributeMap& given, bool creating, QueueSettings& settings);

/// The first attribute of `given` whose value is another one in `existing`; empty when all agree.
std::string first_difference(const AttributeMap& given, const QueueSettings& wanted, const QueueSettings& existing);

/// The attributes that were asked for, or all. Fails with InvalidAttributeName.
Result<AttributeMap> shown_attributes(const std::vector<std::string>& wanted, const QueueName& name,
                                      const QueueRow& row, const QueueIndex::Counts& counts);

}  // namespace cumulet::sqs
