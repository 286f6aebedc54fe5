#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "services/apigateway/store.h"
#include "storage/database.h"

/// What the operations share: the documented errors, and paging.
namespace cumulet::apigateway {

Error bad_request(std::string message);
/// "Invalid API identifier specified 123456789012:abc".
Error no_such_api(const std::string& account, const std::string& api_id);
/// "Invalid Route identifier specified" and the like.
Error no_such_part(std::string_view part);

/// The API's document; fails when there is none.
Task<std::string> require_api(const Store& store, storage::Transaction& txn, std::string account, std::string api_id);
Task<std::string> require_part(const Store& store, storage::Transaction& txn, std::string api_id, Part part,
                               std::string id, std::string_view what);

/// MaxResults as a number; 1 to 500, 500 by default.
Result<std::size_t> page_size(const std::optional<std::string>& max_results);

/// A change of routes or integrations is live at once on stages with auto-deploy: gives each of them a new deployment.
Task<void> auto_deploy(const Store& store, storage::Transaction& txn, std::string api_id, Timestamp now);

}  // namespace cumulet::apigateway
