#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/lambda/function_name.h"
#include "storage/database.h"

namespace cumulet::lambda {

/// An image that is being fetched for a function: ("lambda-pull", account, region, name). It is there from the commit
/// that asks for the image to the one that says how it went, so that a restart goes on with it.
struct PullRow {
  FunctionName name;
  std::string id;       ///< A later pull for the same function has another one.
  bool update = false;  ///< Of a function that runs on another image meanwhile.
  std::string uri;
  std::string resolved_uri;
  std::string blob;  ///< What the version will have for a package.
  std::string sha;
  std::string architecture;
};

Task<std::optional<PullRow>> find_pull(storage::Transaction& txn, FunctionName name);
void put_pull(storage::Transaction& txn, const PullRow& row);
void erase_pull(storage::Transaction& txn, const FunctionName& name);
/// Of everybody.
Task<std::vector<PullRow>> list_pulls(storage::Transaction& txn);

/// Versions that are images have "image/SHA/…" where others have a package's blob.
std::string make_image_blob(const std::string& sha);
bool is_image_blob(const std::string& blob);
/// Whether a version of any function is made of this image.
Task<bool> find_image_name(storage::Transaction& txn, std::string sha);

}  // namespace cumulet::lambda
