#pragma once

#include <string_view>

#include "base/result.h"
#include "services/dynamodb/table.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// What a table's resource policy denies: AccessDeniedException. Callers are of the table's own account, who need
/// nothing else to be let in. `action`: "GetItem"; the operation's own name when it is left out. `index`: what is read.
Result<void> permit(const wire::Call& call, const Table& table, std::string_view action = {},
                    const Index* index = nullptr);

}  // namespace cumulet::dynamodb
