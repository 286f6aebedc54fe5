#include "services/s3/s3.h"

#include "services/s3/forms.h"
#include "services/s3/preflight.h"
#include "services/s3/website.h"

namespace cumulet::s3 {

S3::S3(storage::Database& database, storage::BlobStore& blobs, const Clock& clock, SealingKey sealing,
       events::Outbox& outbox, const wire::Directory& directory)
    : database_(database),
      blobs_(blobs),
      clock_(clock),
      service_(wire::s3::model()),
      pins_(blobs),
      sealing_(std::move(sealing)),
      notifications_(outbox, clock),
      lifecycle_(database, clock, outbox, pins_, notifications_),
      replication_(database, blobs, outbox, pins_, sealing_, notifications_),
      scrubber_(database, blobs, clock, sealing_),
      access_logs_(database, clock, outbox,
                   [this](const LogStream& stream, Timestamp day, std::string lines) {
                     return deliver_log(stream, day, std::move(lines));
                   }),
      inventory_(database, clock, outbox,
                 [this](const Bucket& destination, std::string key, std::string type, std::string bytes,
                        std::string encryption) {
                   return write_inventory(destination, std::move(key), std::move(type), std::move(bytes),
                                          std::move(encryption));
                 }),
      watch_(database, access_logs_),
      directory_(directory),
      website_(std::make_unique<Website>(*this)),
      preflight_(std::make_unique<Preflight>(*this)) {
  register_buckets();
  register_bucket_settings();
  register_objects();
  register_select();
  register_object_tags();
  register_lists();
  register_versions();
  register_multipart();
}

S3::~S3() = default;

wire::Surface& S3::website() { return *website_; }
wire::Surface& S3::preflight() { return *preflight_; }
wire::Surface& S3::forms(access::FormAuthenticator& authenticator) {
  forms_ = std::make_unique<Forms>(*this, authenticator);
  return *forms_;
}

Task<bool> S3::names_blob(std::string id) {
  const auto read = [&id](storage::Transaction& txn) { return is_blob_named(txn, id); };
  co_return co_await storage::transact(database_, read);
}

}  // namespace cumulet::s3
