#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/s3/model.h"
#include "wire/generated/s3.h"

/// The files of an inventory: CSV lines, the manifest that names them, and where they lie.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
namespace cumulet::s3 {

/// The columns of a report, in AWS's order.
class InventoryColumns {
 public:
  explicit InventoryColumns(const wire::s3::InventoryConfiguration& configuration);

  /// As the manifest has it: "Bucket, Key, Size".
  std::string schema() const;
  /// One line of CSV, every field in quotes, the key encoded as in a URL.
  std::string line(const Bucket& bucket, const Object& object, bool latest) const;

 private:
  std::vector<std::string> names_;
};

/// A data file that has been written.
struct InventoryFile {
  InventoryFile(std::string k, std::uint64_t s, std::string m) : key(std::move(k)), size(s), md5(std::move(m)) {}
  std::string key;
  std::uint64_t size;
  std::string md5;
};

/// A report: a configuration at one time.
struct InventoryReport {
  InventoryReport() = default;
  std::string source;
  std::string destination;  ///< The bucket's name.
  std::string prefix;       ///< In the destination: PREFIX/SOURCE/ID/.
  std::string schema;
  std::int64_t made = 0;  ///< Milliseconds since 1970.
  std::vector<InventoryFile> files;

  /// The same for the same report: what is written again after a crash takes the place of what was.
  std::string data_key(std::size_t number) const;
  std::string manifest_key(const std::string& name) const;  ///< `name`: "manifest.json" or "manifest.checksum".
  std::string symlink_key() const;                          ///< Of the list of files that Hive reads.
  std::string manifest() const;
  std::string symlinks() const;
};

/// What is to come is packed piece by piece.
class GzipText {
 public:
  GzipText();
  ~GzipText();
  GzipText(const GzipText&) = delete;
  GzipText& operator=(const GzipText&) = delete;

  void add(const std::string& text);
  std::size_t packed() const { return packed_.size(); }
  /// Ends it; nothing is added any more.
  std::string finish();

 private:
  void deflate_all(int flush);
  struct Stream;
  std::unique_ptr<Stream> stream_;
  std::string packed_;
};

}  // namespace cumulet::s3
