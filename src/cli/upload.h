#pragma once

#include <filesystem>
#include <string>

#include "cli/session.h"

namespace cumulet::cli {

/// Puts files into S3: packages into a bucket of its own ("cumulet-deploy-ACCOUNT-REGION", made when missing), a site's
/// files where they belong.
class Uploader {
 public:
  explicit Uploader(const Session& session) : session_(session) {}

  /// Uploads a package unless it is there; gives the bucket.
  Result<std::string> upload(const std::string& key, std::string bytes);
  Result<void> put(const std::string& bucket, const std::string& key, const std::string& content_type,
                   std::string bytes);

 private:
  Result<std::string> package_bucket();

  const Session& session_;
  std::string bucket_;
};

Result<std::string> read_file(const std::filesystem::path& file);

}  // namespace cumulet::cli
