#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access/authenticate_form.h"
#include "base/clock.h"
#include "services/s3/access_logs.h"
#include "services/s3/acl.h"
#include "services/s3/content.h"
#include "services/s3/inventory.h"
#include "services/s3/lifecycle.h"
#include "services/s3/notifications.h"
#include "services/s3/object_lock.h"
#include "services/s3/replication.h"
#include "services/s3/request_watch.h"
#include "services/s3/scrubber.h"
#include "services/s3/store.h"
#include "services/s3/versions.h"
#include "storage/blob_store.h"
#include "storage/database.h"
#include "wire/directory.h"
#include "wire/generated/s3.h"
#include "wire/service.h"
#include "wire/surface.h"

namespace cumulet::s3::select {
struct CsvInput;
struct ScanRange;
struct Settings;
struct Statement;
}  // namespace cumulet::s3::select

namespace cumulet::s3 {

/// S3: buckets and objects (operations_*.cc), static sites (website.cc), and the answers to browsers' preflight
/// requests (preflight.cc). https://docs.aws.amazon.com/AmazonS3/latest/API/
class S3 {
 public:
  /// `directory` is asked whether the destinations of notifications are there; it may be filled later.
  S3(storage::Database& database, storage::BlobStore& blobs, const Clock& clock, SealingKey sealing,
     events::Outbox& outbox, const wire::Directory& directory);
  ~S3();

  /// Buckets that are made from now on encrypt with SSE-S3 by default, as on AWS (docs/decisions/s3-encryption.md).
  void encrypt_new_buckets() { encrypts_new_buckets_ = true; }

  const wire::Service& service() const { return service_; }
  /// http://BUCKET.s3-website.localhost:PORT/ and its regional forms.
  wire::Surface& website();
  /// OPTIONS requests to buckets. To be asked last: it owns every such request that is left.
  wire::Surface& preflight();
  /// Uploads from browsers' forms: POST requests with multipart/form-data to buckets. `authenticator` says who signed.
  wire::Surface& forms(access::FormAuthenticator& authenticator);

  /// Runs lifecycle rules; takes their passes from the outbox.
  Lifecycle& lifecycle() { return lifecycle_; }
  /// Looks for silent corruption in the background.
  Scrubber& scrubber() { return scrubber_; }

  /// Takes the copies that replication has to make from the outbox.
  Replication& replication() { return replication_; }

  /// Delivers server access logs.
  AccessLogs& access_logs() { return access_logs_; }
  /// Writes inventory reports.
  Inventory& inventory() { return inventory_; }
  /// Sees the requests, for access logs and request metrics. It reads at the start what it has to look for.
  RequestWatch& watch() { return watch_; }

  /// Whether some row names this blob: for the sweep of orphans.
  Task<bool> names_blob(std::string id);

  /// An object that has been found, and is kept from disappearing while it is held.
  struct Opened {
    Object object;
    std::string content;        ///< Of a small object.
    std::shared_ptr<void> pin;  ///< On the pieces of a large one.
    std::optional<SealingKey> customer;
  };

 private:
  using Call = wire::Call;
  class Website;
  class Preflight;
  class Forms;

  /// The bucket, when this caller may do this to it (or, with a key, to that object); CORS headers go onto the reply.
  /// Fails with NoSuchBucket or AccessDenied.
  Task<Bucket> permit(Call& call, std::string bucket, std::string_view action, std::string key = {});
  Task<Bucket> permit(Call& call, const std::string& bucket, std::string_view action, const std::string& key,
                      const std::optional<std::string>& expected_owner);
  /// The bucket alone, for who asks for permission later.
  Task<Bucket> bucket_of(Call& call, std::string name, std::optional<std::string> expected_owner);
  Task<bool> may(Call& call, const Bucket& bucket, std::string_view action, std::string key);

  // operations_buckets.cc
  void register_buckets();
  Task<wire::s3::CreateBucketOutput> create_bucket(Call& call, const wire::s3::CreateBucketRequest& input);
  Task<wire::s3::DeleteBucketOutput> delete_bucket(Call& call, const wire::s3::DeleteBucketRequest& input);
  Task<wire::s3::HeadBucketOutput> head_bucket(Call& call, const wire::s3::HeadBucketRequest& input);
  Task<wire::s3::ListBucketsOutput> list_all_buckets(Call& call, const wire::s3::ListBucketsRequest& input);
  Task<wire::s3::GetBucketLocationOutput> get_bucket_location(Call& call,
                                                              const wire::s3::GetBucketLocationRequest& input);

  // operations_bucket_settings.cc
  void register_bucket_settings();
  /// Puts one setting (a member of Bucket) as a whole: a document, or "" to remove it.
  /// `allowed` is asked about the bucket as it is when the setting is written.
  using SettingRule = std::function<Result<void>(const Bucket& bucket)>;
  Task<void> set(Call& call, std::string bucket, std::string_view action, std::string Bucket::*setting,
                 std::string document, SettingRule allowed = {});
  /// A setting's document; fails with that code and message when it was never put.
  Task<std::string> get(Call& call, std::string bucket, std::string_view action, std::string Bucket::*setting,
                        std::string_view absent_code, std::string_view absent_message);
  Task<wire::s3::PutBucketPolicyOutput> put_bucket_policy(Call& call, const wire::s3::PutBucketPolicyRequest& input);
  Task<wire::s3::GetBucketPolicyStatusOutput> get_bucket_policy_status(
      Call& call, const wire::s3::GetBucketPolicyStatusRequest& input);
  Task<wire::s3::PutBucketCorsOutput> put_bucket_cors(Call& call, const wire::s3::PutBucketCorsRequest& input);
  Task<wire::s3::GetBucketCorsOutput> get_bucket_cors(Call& call, const wire::s3::GetBucketCorsRequest& input);
  Task<wire::s3::PutBucketWebsiteOutput> put_bucket_website(Call& call, const wire::s3::PutBucketWebsiteRequest& input);
  Task<wire::s3::GetBucketWebsiteOutput> get_bucket_website(Call& call, const wire::s3::GetBucketWebsiteRequest& input);
  Task<wire::s3::PutBucketTaggingOutput> put_bucket_tagging(Call& call, const wire::s3::PutBucketTaggingRequest& input);
  Task<wire::s3::GetBucketTaggingOutput> get_bucket_tagging(Call& call, const wire::s3::GetBucketTaggingRequest& input);
  Task<wire::s3::GetPublicAccessBlockOutput> get_public_access_block(
      Call& call, const wire::s3::GetPublicAccessBlockRequest& input);

  // operations_notifications.cc
  void register_notifications();
  Task<wire::s3::PutBucketNotificationConfigurationOutput> put_bucket_notification_configuration(
      Call& call, const wire::s3::PutBucketNotificationConfigurationRequest& input);

  // operations_acl.cc
  void register_acls();
  Task<wire::s3::PutBucketAclOutput> put_bucket_acl(Call& call, const wire::s3::PutBucketAclRequest& input);
  Task<wire::s3::PutObjectAclOutput> put_object_acl(Call& call, const wire::s3::PutObjectAclRequest& input);
  Task<wire::s3::PutBucketOwnershipControlsOutput> put_bucket_ownership_controls(
      Call& call, const wire::s3::PutBucketOwnershipControlsRequest& input);
  /// What CreateBucket says about ownership and ACL.
  static Result<void> give_ownership(const wire::s3::CreateBucketRequest& input, Bucket& bucket);
  /// Who owns what is written now, and whom it is open to. Fails with AccessControlListNotSupported where there are no
  /// ACLs.
  Task<Access> access_for(Call& call, const Bucket& bucket, std::string key, AskedAcl asked);

  // operations_object_lock.cc
  void register_object_lock();
  Task<wire::s3::PutObjectRetentionOutput> put_object_retention(Call& call,
                                                                const wire::s3::PutObjectRetentionRequest& input);
  Task<wire::s3::PutObjectLegalHoldOutput> put_object_legal_hold(Call& call,
                                                                 const wire::s3::PutObjectLegalHoldRequest& input);
  /// The permissions that a write with lock headers needs besides s3:PutObject.
  Task<ObjectLock> permitted_lock(Call& call, const Bucket& bucket, std::string key, AskedLock asked);
  /// Whether governance is to be set aside: the caller asks for it, and may.
  Task<bool> bypasses(Call& call, std::string bucket, std::string key, std::optional<bool> asked);
  /// Fails with AccessDenied when that version is locked.
  Task<void> check_unlocked(storage::Transaction& txn, const Bucket& bucket, std::string key, std::string version_id,
                            bool bypass);

  // operations_lifecycle.cc
  void register_lifecycle();
  Task<wire::s3::PutBucketLifecycleConfigurationOutput> put_bucket_lifecycle(
      Call& call, const wire::s3::PutBucketLifecycleConfigurationRequest& input);
  Task<wire::s3::RestoreObjectOutput> restore_object(Call& call, const wire::s3::RestoreObjectRequest& input);

  // operations_logging.cc
  void register_logging();
  Task<wire::s3::PutBucketLoggingOutput> put_bucket_logging(Call& call, const wire::s3::PutBucketLoggingRequest& input);
  Task<wire::s3::ListBucketMetricsConfigurationsOutput> list_bucket_metrics(
      Call& call, const wire::s3::ListBucketMetricsConfigurationsRequest& input);
  /// Writes lines of an access log, which begin on that day, into the target bucket.
  Task<void> deliver_log(const LogStream& stream, Timestamp day, std::string lines);

  // operations_inventory.cc
  void register_inventory();
  Task<wire::s3::ListBucketInventoryConfigurationsOutput> list_bucket_inventories(
      Call& call, const wire::s3::ListBucketInventoryConfigurationsRequest& input);
  Task<void> write_inventory(const Bucket& destination, std::string key, std::string content_type, std::string bytes,
                             std::string encryption);
  /// An object that S3 itself puts into a bucket.
  struct ServiceObject {
    ServiceObject() = default;
    std::string actor;  ///< Whom notifications name.
    std::string key;
    std::string content_type;
    std::string acl;
    std::string encryption;  ///< Empty: the bucket's.
  };
  Task<void> write_as_service(const Bucket& bucket, ServiceObject wanted, std::string bytes);

  // operations_payment.cc
  void register_payment_and_tiers();

  // operations_replication.cc
  void register_replication();
  Task<wire::s3::PutBucketReplicationOutput> put_bucket_replication(Call& call,
                                                                    const wire::s3::PutBucketReplicationRequest& input);

  // operations_objects.cc
  void register_objects();
  Task<wire::s3::PutObjectOutput> put_object(Call& call, const wire::s3::PutObjectRequest& input);
  /// The same without a length known beforehand: forms.
  Task<wire::s3::PutObjectOutput> put_content(Call& call, const wire::s3::PutObjectRequest& input);
  Task<wire::s3::GetObjectOutput> get_object(Call& call, const wire::s3::GetObjectRequest& input);
  Task<wire::s3::HeadObjectOutput> head_object(Call& call, const wire::s3::HeadObjectRequest& input);
  Task<wire::s3::DeleteObjectOutput> delete_object(Call& call, const wire::s3::DeleteObjectRequest& input);
  Task<wire::s3::DeleteObjectsOutput> delete_objects(Call& call, const wire::s3::DeleteObjectsRequest& input);
  Task<wire::s3::CopyObjectOutput> copy_object(Call& call, const wire::s3::CopyObjectRequest& input);
  Task<wire::s3::GetObjectAttributesOutput> get_object_attributes(Call& call,
                                                                  const wire::s3::GetObjectAttributesRequest& input);

  using VersionId = std::optional<std::string>;
  /// A version's row, and whether it is the current one.
  struct Found {
    Found(Object o, bool c) : object(std::move(o)), current(c) {}
    Object object;
    bool current;
  };
  /// The object's row; fails with NoSuchKey, NoSuchVersion or, for a delete marker, MethodNotAllowed.
  Task<Object> require_object(const Bucket& bucket, std::string key, VersionId version_id = {});
  /// `customer` is the key that the reader brings; fails when it is not the one that the object needs.
  Task<Opened> open_object(const Bucket& bucket, std::string key, VersionId version_id = {},
                           std::optional<SealingKey> customer = {});
  /// What of an opened object was asked for, as its reader is to see it.
  Task<std::shared_ptr<BodySource>> content_of(Opened opened, std::uint64_t first, std::uint64_t length);
  /// As require_object, inside a transaction; the current version when there is no id.
  Task<Found> find_version(storage::Transaction& txn, const Bucket& bucket, std::string key, VersionId version_id);
  /// A reply that finds a delete marker, or nothing because of one, says so in its headers.
  Task<void> mention_marker(Call& call, const Bucket& bucket, std::string key, VersionId version_id);

  // operations_select.cc
  void register_select();
  Task<wire::s3::SelectObjectContentOutput> select_object_content(Call& call,
                                                                  const wire::s3::SelectObjectContentRequest& input);
  Task<std::vector<std::string>> csv_header(Opened opened, select::CsvInput format);
  /// The answer's messages.
  Task<std::shared_ptr<BodySource>> select_from(Opened opened, select::Statement statement, select::Settings settings,
                                                std::optional<select::ScanRange> range);

  // operations_object_tags.cc
  void register_object_tags();
  Task<Object> set_tags(const Call& call, ObjectChange change, const Bucket& bucket, std::string key,
                        VersionId version_id, std::map<std::string, std::string> tags);

  // operations_lists.cc
  void register_lists();
  Task<wire::s3::ListObjectsOutput> list_objects(Call& call, const wire::s3::ListObjectsRequest& input);
  Task<wire::s3::ListObjectsV2Output> list_objects_v2(Call& call, const wire::s3::ListObjectsV2Request& input);

  // operations_versions.cc
  void register_versions();
  Task<wire::s3::PutBucketVersioningOutput> put_bucket_versioning(Call& call,
                                                                  const wire::s3::PutBucketVersioningRequest& input);
  Task<wire::s3::ListObjectVersionsOutput> list_object_versions(Call& call,
                                                                const wire::s3::ListObjectVersionsRequest& input);

  // operations_multipart.cc
  void register_multipart();
  Task<wire::s3::CreateMultipartUploadOutput> create_multipart_upload(
      Call& call, const wire::s3::CreateMultipartUploadRequest& input);
  Task<wire::s3::UploadPartOutput> upload_part(Call& call, const wire::s3::UploadPartRequest& input);
  Task<wire::s3::UploadPartCopyOutput> upload_part_copy(Call& call, const wire::s3::UploadPartCopyRequest& input);
  Task<wire::s3::CompleteMultipartUploadOutput> complete_multipart_upload(
      Call& call, const wire::s3::CompleteMultipartUploadRequest& input);
  Task<wire::s3::AbortMultipartUploadOutput> abort_multipart_upload(Call& call,
                                                                    const wire::s3::AbortMultipartUploadRequest& input);
  Task<wire::s3::ListPartsOutput> list_parts(Call& call, const wire::s3::ListPartsRequest& input);
  Task<wire::s3::ListMultipartUploadsOutput> list_multipart_uploads(Call& call,
                                                                    const wire::s3::ListMultipartUploadsRequest& input);
  Task<Part> store_part(const Bucket& bucket, std::string key, std::string upload_id, std::uint32_t number,
                        Received received);

  /// What a write stands under: If-Match, If-None-Match.
  struct WriteConditions {
    std::optional<std::string> if_match;
    std::optional<std::string> if_none_match;
  };
  /// Makes an object the current version of its key, if the conditions hold, and erases what it replaced. Gives it
  /// back with its version.
  Task<Object> replace_object(const Call& call, ObjectChange change, const Bucket& bucket, Object object,
                              std::string content, WriteConditions conditions);
  /// delete_version, unless it is locked, and those who want to know are told.
  Task<Deletion> delete_and_tell(storage::Transaction& txn, const Call& call, const Bucket& bucket, std::string key,
                                 VersionId version_id, bool bypass_governance);

  storage::Database& database_;
  storage::BlobStore& blobs_;
  const Clock& clock_;
  wire::Service service_;
  BlobPins pins_;
  const SealingKey sealing_;
  bool encrypts_new_buckets_ = false;
  const Notifications notifications_;
  Lifecycle lifecycle_;
  Replication replication_;
  Scrubber scrubber_;
  AccessLogs access_logs_;
  Inventory inventory_;
  RequestWatch watch_;
  const wire::Directory& directory_;
  std::unique_ptr<Website> website_;
  std::unique_ptr<Preflight> preflight_;
  std::unique_ptr<Forms> forms_;
};

}  // namespace cumulet::s3
