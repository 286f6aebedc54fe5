#include <algorithm>

#include "base/text.h"
#include "services/s3/archive.h"
#include "services/s3/conditions.h"
#include "services/s3/copy_source.h"
#include "services/s3/customer_key.h"
#include "services/s3/delete_conditions.h"
#include "services/s3/encryption.h"
#include "services/s3/errors.h"
#include "services/s3/object_rules.h"
#include "services/s3/permission.h"
#include "services/s3/s3.h"
#include "services/s3/versions.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kDeleteLimit = 1000;
constexpr std::int32_t kPartsPage = 1000;

std::string in_quotes(const std::string& etag) { return "\"" + etag + "\""; }

Timestamp shown_time(std::int64_t millis) { return Timestamp(std::chrono::seconds(millis / 1000)); }

template <typename Input>
ReadConditions conditions_of(const Input& input) {
  ReadConditions conditions;
  conditions.if_match = input.if_match;
  conditions.if_none_match = input.if_none_match;
  conditions.if_modified_since = input.if_modified_since;
  conditions.if_unmodified_since = input.if_unmodified_since;
  return conditions;
}

/// The stretch that GetObject and HeadObject are asked for, by Range or part number; sets what the reply says of it.
template <typename Input, typename Output>
Result<ByteRange> stretch_of(const Input& input, const Object& object, wire::Call& call, Output& output) {
  ByteRange whole(0, object.size);
  if (input.part_number) {
    if (input.range) return invalid_request("Cannot specify both Range header and partNumber query parameter");
    const std::size_t parts = object.multipart ? object.pieces.size() : 1;
    const auto number = static_cast<std::size_t>(*input.part_number);
    if (*input.part_number < 1 || number > parts) {
      return Error("InvalidPartNumber", 416, "The requested partnumber is not satisfiable");
    }
    if (object.multipart) {
      output.parts_count = static_cast<std::int32_t>(parts);
      for (std::size_t i = 0; i + 1 < number; ++i) whole.first += object.pieces[i].size;
      whole.length = object.pieces[number - 1].size;
    }
    call.reply_status = 206;
  } else if (input.range) {
    Result<std::optional<ByteRange>> range = parse_range(*input.range, object.size);
    if (!range.ok()) return std::move(range).error();
    if (!*range) return whole;
    whole = **range;
    call.reply_status = 206;
  }
  if (call.reply_status && whole.length > 0) {
    output.content_range = "bytes " + std::to_string(whole.first) + "-" +
                           std::to_string(whole.first + whole.length - 1) + "/" + std::to_string(object.size);
  }
  return whole;
}

template <typename Input, typename Output>
void show_object(const Input& input, const Bucket& bucket, const Object& object, Output& output) {
  show_metadata(object.metadata, output);
  output.accept_ranges = "bytes";
  show_encryption(bucket, object.shown_encryption(), object.bucket_key, output);
  if (!bucket.versioning.empty()) output.version_id = shown_version(object);
  output.e_tag = in_quotes(object.etag);
  output.last_modified = shown_time(object.modified);
  if (!object.tags.empty()) output.tag_count = static_cast<std::int32_t>(object.tags.size());
  show_lock(object.lock, output);
  if (!object.replication.empty()) output.replication_status = object.replication;
  if (!input.version_id) show_expiration(LifecycleRules(bucket).expiration(object), output);
  if (input.checksum_mode && *input.checksum_mode == "ENABLED" && !input.range) {
    StoredChecksum checksum = object.checksum;
    if (input.part_number && object.multipart) {
      checksum.value = object.pieces[static_cast<std::size_t>(*input.part_number) - 1].checksum;
    }
    show_checksum(checksum, output);
    if (!checksum.value.empty()) output.checksum_type = checksum.type;
  }
  if (input.response_cache_control) output.cache_control = input.response_cache_control;
  if (input.response_content_disposition) output.content_disposition = input.response_content_disposition;
  if (input.response_content_encoding) output.content_encoding = input.response_content_encoding;
  if (input.response_content_language) output.content_language = input.response_content_language;
  if (input.response_content_type) output.content_type = input.response_content_type;
  if (input.response_expires) output.expires = http_date(*input.response_expires);
}

/// One entry of DeleteObjects that could not be done.
void report_failure(const api::ObjectIdentifier& which, const Error& why, api::DeleteObjectsOutput& output) {
  api::Error failed;
  failed.key = which.key;
  failed.version_id = which.version_id;
  failed.code = why.code();
  failed.message = why.message();
  if (!output.errors_) output.errors_.emplace();
  output.errors_->push_back(std::move(failed));
}

/// What a reader's conditions say. Also the answer that nothing is new names the version it speaks of.
Result<void> check_conditions(const ReadConditions& conditions, const Object& object, wire::Call& call) {
  Result<void> checked = conditions.check(object);
  if (!checked.ok() && checked.error().http_status() == 304) {
    call.reply_headers.set("etag", in_quotes(object.etag));
    call.reply_headers.set("last-modified", http_date(shown_time(object.modified)));
    if (!object.metadata.cache_control.empty()) call.reply_headers.set("cache-control", object.metadata.cache_control);
  }
  return checked;
}

/// The parts of an object; they are named when they have checksums, as on AWS.
api::GetObjectAttributesParts parts_of(const Object& object, const api::GetObjectAttributesRequest& input) {
  const std::int32_t all = static_cast<std::int32_t>(object.pieces.size());
  const std::int32_t after = std::clamp(input.part_number_marker.value_or(0), 0, all);
  const std::int32_t wanted = std::clamp(input.max_parts.value_or(kPartsPage), 0, kPartsPage);
  const std::int32_t last = std::min(all, after + wanted);
  api::GetObjectAttributesParts shown;
  shown.total_parts_count = all;
  shown.part_number_marker = after;
  shown.next_part_number_marker = last;
  shown.max_parts = wanted;
  shown.is_truncated = last < all;
  if (object.checksum.value.empty() || object.pieces.front().checksum.empty()) return shown;
  shown.parts.emplace();
  for (std::int32_t i = after; i < last; ++i) {
    const Piece& piece = object.pieces[static_cast<std::size_t>(i)];
    api::ObjectPart& part = shown.parts->emplace_back();
    part.part_number = i + 1;
    part.size = static_cast<std::int64_t>(piece.size);
    StoredChecksum checksum = object.checksum;
    checksum.value = piece.checksum;
    show_checksum(checksum, part);
  }
  return shown;
}

Result<void> check_directive(const char* what, const char* header, const std::optional<std::string>& directive) {
  if (!directive || *directive == "COPY" || *directive == "REPLACE") return {};
  return invalid_argument(std::string("Unknown ") + what + " directive.", header, *directive);
}

/// An anonymous reader may only override headers with a signature; AWS says so. And nobody asks for encryption who
/// reads.
template <typename Input>
Result<void> check_read(const Input& input, const wire::Call& call) {
  constexpr const char* kEncryption = "x-amz-server-side-encryption";
  if (const std::string* asked = call.http.headers.find(kEncryption)) {
    return invalid_argument(std::string(kEncryption) + " header is not supported for this operation.", kEncryption,
                            *asked);
  }
  const bool overrides = input.response_cache_control || input.response_content_disposition ||
                         input.response_content_encoding || input.response_content_language ||
                         input.response_content_type || input.response_expires;
  if (!call.caller.anonymous || !overrides) return {};
  return invalid_request("Request specific response headers cannot be used for anonymous GET requests.");
}

}  // namespace

void S3::register_objects() {
  service_.on<api::PutObject>([this](Call& c, const auto& in) { return put_object(c, in); });
  service_.on<api::GetObject>([this](Call& c, const auto& in) { return get_object(c, in); });
  service_.on<api::HeadObject>([this](Call& c, const auto& in) { return head_object(c, in); });
  service_.on<api::DeleteObject>([this](Call& c, const auto& in) { return delete_object(c, in); });
  service_.on<api::DeleteObjects>([this](Call& c, const auto& in) { return delete_objects(c, in); });
  service_.on<api::CopyObject>([this](Call& c, const auto& in) { return copy_object(c, in); });
  service_.on<api::GetObjectAttributes>([this](Call& c, const auto& in) { return get_object_attributes(c, in); });
}

Task<S3::Found> S3::find_version(storage::Transaction& txn, const Bucket& bucket, std::string key,
                                 VersionId version_id) {
  const Contents contents(bucket);
  std::optional<Object> object = co_await contents.find_object(txn, key);
  if (object && (!version_id || shown_version(*object) == *version_id)) co_return Found(std::move(*object), true);
  if (!version_id) co_return no_such_key(key);
  const Versions versions(bucket);
  std::optional<Object> kept = co_await versions.find(txn, key, *version_id);
  if (!kept) co_return no_such_version(key, *version_id);
  if (kept->delete_marker) co_return is_delete_marker();
  co_return Found(std::move(*kept), false);
}

Task<void> S3::mention_marker(Call& call, const Bucket& bucket, std::string key, VersionId version_id) {
  if (bucket.versioning.empty()) co_return;
  const Versions versions(bucket);
  const auto read = [&](storage::Transaction& txn) {
    return version_id ? versions.find(txn, key, *version_id) : versions.newest(txn, key);
  };
  const std::optional<Object> marker = co_await storage::transact(database_, read);
  if (!marker || !marker->delete_marker) co_return;
  call.reply_headers.set("x-amz-delete-marker", "true");
  call.reply_headers.set("x-amz-version-id", shown_version(*marker));
}

Task<Object> S3::require_object(const Bucket& bucket, std::string key, VersionId version_id) {
  const auto read = [&](storage::Transaction& txn) { return find_version(txn, bucket, key, version_id); };
  Found found = co_await storage::transact(database_, read);
  co_return std::move(found.object);
}

Task<api::PutObjectOutput> S3::put_object(Call& call, const api::PutObjectRequest& input) {
  co_await check_length(input.body);
  co_return co_await put_content(call, input);
}

Task<api::PutObjectOutput> S3::put_content(Call& call, const api::PutObjectRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:PutObject", input.key, input.expected_bucket_owner);
  co_await check_key(input.key);
  const PromisedChecksum promised = co_await promised_checksum(input, call);

  Object object;
  object.key = input.key;
  object.metadata = co_await metadata_of(input);
  object.tags = co_await parse_tags(input.tagging);
  const AskedLock asked = asked_lock(input);
  co_await check_lock_digest(asked, bucket, call);
  object.lock = co_await permitted_lock(call, bucket, input.key, asked);
  static_cast<Access&>(object) = co_await access_for(call, bucket, input.key, asked_acl(input));
  const WriteEncryption encryption = co_await write_encryption(bucket, input, call);
  StringBody nothing("");
  BodySource& body = input.body ? *input.body : nothing;
  std::optional<wire::ChecksumKind> kind = promised.kind;
  if (!kind && !encryption.customer) kind = wire::ChecksumKind::kCrc64Nvme;
  Received received = co_await receive(blobs_, body, kind, false, encryption.key(sealing_));
  const Result<void> digests = check_digests(received, input.content_md5, promised);
  if (!digests.ok()) {
    if (!received.blob.empty()) co_await blobs_.erase(received.blob);
    co_return digests.error();
  }
  object.size = received.size;
  object.modified = clock_.now_millis();
  object.etag = received.etag;
  place(object, received, encryption.name);
  object.bucket_key = encryption.bucket_key;
  if (kind) {
    object.checksum.algorithm = wire::checksum_name(*kind);
    object.checksum.value = received.checksum;
    object.checksum.type = "FULL_OBJECT";
  }
  WriteConditions conditions;
  conditions.if_match = input.if_match;
  conditions.if_none_match = input.if_none_match;
  object = co_await replace_object(call, ObjectChange::kPut, bucket, std::move(object), std::move(received.bytes),
                                   std::move(conditions));

  api::PutObjectOutput output;
  show_expiration(LifecycleRules(bucket).expiration(object), output);
  show_encryption(bucket, object.shown_encryption(), object.bucket_key, output);
  show_customer_key(encryption.customer, output);
  if (!object.version.empty()) output.version_id = object.version;
  output.e_tag = in_quotes(object.etag);
  show_checksum(object.checksum, output);
  if (!object.checksum.value.empty()) output.checksum_type = object.checksum.type;
  co_return output;
}

Task<Object> S3::replace_object(const Call& call, ObjectChange change, const Bucket& bucket, Object object,
                                std::string content, WriteConditions conditions) {
  const auto write = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    const std::optional<Bucket> now = co_await find_bucket(txn, bucket.name);
    if (!now) co_return no_such_bucket(bucket.name);
    apply_default_lock(*now, object.modified, object.lock);
    const Contents contents(bucket);
    const std::optional<Object> before = co_await contents.find_object(txn, object.key);
    if (conditions.if_none_match) {
      if (*conditions.if_none_match != "*") {
        co_return Error("NotImplemented", 501, "A header you provided implies functionality that is not implemented")
            .with("Header", "If-None-Match");
      }
      if (before) co_return precondition_failed("If-None-Match");
    }
    if (conditions.if_match) {
      if (!before) co_return no_such_key(object.key);
      if (!etag_matches(*conditions.if_match, before->etag)) co_return precondition_failed("If-Match");
    }
    std::vector<std::string> replaced =
        co_await displace_current(txn, *now, before, object, clock_.now().time_since_epoch().count());
    replication_.record(txn, *now, object);
    contents.put_object(txn, object, content);
    co_await notifications_.record(txn, *now, call, change, object);
    co_return replaced;
  };
  const Result<std::vector<std::string>> replaced = co_await attempt(storage::transact(database_, write));
  if (!replaced.ok()) {
    // The parts of an upload stay: it can be completed again.
    if (!object.multipart) {
      std::vector<std::string> orphans;
      for (const Piece& piece : object.pieces) orphans.push_back(piece.blob);
      co_await pins_.erase(std::move(orphans));
    }
    co_await fail(replaced.error());
  }
  co_await pins_.erase(*replaced);
  co_return object;
}

Task<S3::Opened> S3::open_object(const Bucket& bucket, std::string key, VersionId version_id,
                                 std::optional<SealingKey> customer) {
  // Row and content of a small object in one transaction; the pieces of a large one are opened behind it. When it was
  // replaced in between, the new row is looked at.
  for (int tries = 0;; ++tries) {
    Opened opened;
    opened.customer = customer;
    const auto read = [&](storage::Transaction& txn) -> Task<std::string> {
      Found found = co_await find_version(txn, bucket, key, version_id);
      opened.object = std::move(found.object);
      co_await check_not_archived(opened.object, clock_.now_millis());
      if (!opened.object.content_inline) co_return std::string();
      const Contents contents(bucket);
      const Versions versions(bucket);
      if (!found.current) co_return co_await versions.read_inline(txn, opened.object);
      co_return co_await contents.read_inline(txn, key);
    };
    std::string content = co_await storage::transact(database_, read);
    co_await check_customer_key(opened.object, customer);
    if (opened.object.content_inline) {
      opened.content = std::move(content);
      if (!opened.object.seal.empty()) {
        const SealingKey& sealing = customer ? *customer : sealing_;
        const std::string content_key = co_await sealing.unwrap(opened.object.seal);
        apply_keystream(content_key, 0, opened.content);
      }
      co_return opened;
    }
    std::vector<std::string> ids;
    for (const Piece& piece : opened.object.pieces) ids.push_back(piece.blob);
    opened.pin = pins_.pin(std::move(ids));
    const Object still = co_await require_object(bucket, key, version_id);
    const bool same = still.modified == opened.object.modified && still.etag == opened.object.etag &&
                      still.pieces.size() == opened.object.pieces.size() &&
                      (still.pieces.empty() || still.pieces[0].blob == opened.object.pieces[0].blob);
    if (same || tries == 10) co_return opened;
  }
}

Task<std::shared_ptr<BodySource>> S3::content_of(Opened opened, std::uint64_t first, std::uint64_t length) {
  if (opened.object.content_inline) {
    std::string& all = opened.content;
    co_return std::make_shared<StringBody>(length == all.size() ? std::move(all) : all.substr(first, length));
  }
  const SealingKey& sealing = opened.customer ? *opened.customer : sealing_;
  co_return co_await open_pieces(blobs_, pins_, sealing, opened.object.pieces, first, length);
}

Task<api::GetObjectOutput> S3::get_object(Call& call, const api::GetObjectRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, get_action(input.version_id), input.key, input.expected_bucket_owner);
  co_await check_version_id(input.version_id);
  co_await check_read(input, call);
  const std::optional<SealingKey> customer = co_await customer_key_of(input, call);
  Result<Opened> found = co_await attempt(open_object(bucket, input.key, input.version_id, customer));
  if (!found.ok()) co_await mention_marker(call, bucket, input.key, input.version_id);
  Opened opened = co_await std::move(found);
  co_await check_conditions(conditions_of(input), opened.object, call);
  api::GetObjectOutput output;
  const ByteRange stretch = co_await stretch_of(input, opened.object, call, output);
  show_object(input, bucket, opened.object, output);
  const std::string restored = restore_header(opened.object, clock_.now_millis());
  if (!restored.empty()) output.restore = restored;
  output.content_length = static_cast<std::int64_t>(stretch.length);
  show_customer_key(customer, output);
  output.body = co_await content_of(std::move(opened), stretch.first, stretch.length);
  co_return output;
}

Task<api::HeadObjectOutput> S3::head_object(Call& call, const api::HeadObjectRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, get_action(input.version_id), input.key, input.expected_bucket_owner);
  co_await check_version_id(input.version_id);
  co_await check_read(input, call);
  Result<Object> found = co_await attempt(require_object(bucket, input.key, input.version_id));
  if (!found.ok()) co_await mention_marker(call, bucket, input.key, input.version_id);
  const Object object = co_await std::move(found);
  const std::optional<SealingKey> customer = co_await customer_key_of(input, call);
  co_await check_customer_key(object, customer);
  co_await check_conditions(conditions_of(input), object, call);
  api::HeadObjectOutput output;
  show_customer_key(customer, output);
  const ByteRange stretch = co_await stretch_of(input, object, call, output);
  show_object(input, bucket, object, output);
  const std::string restored = restore_header(object, clock_.now_millis());
  if (!restored.empty()) output.restore = restored;
  output.content_length = static_cast<std::int64_t>(stretch.length);
  co_return output;
}

Task<Deletion> S3::delete_and_tell(storage::Transaction& txn, const Call& call, const Bucket& bucket, std::string key,
                                   VersionId version_id, bool bypass_governance) {
  if (version_id) co_await check_unlocked(txn, bucket, key, *version_id, bypass_governance);
  Deletion done = co_await delete_version(txn, bucket, key, version_id, clock_.now_millis());
  if (done.marker_made && !bucket.replication.empty()) {
    const Versions versions(bucket);
    std::optional<Object> marker = co_await versions.find(txn, key, done.version_id);
    if (marker) {
      replication_.record(txn, bucket, *marker);
      versions.put_row(txn, *marker);
    }
  }
  if (done.removed || done.marker_made) {
    Object gone;
    gone.key = key;
    if (done.version_id != "null") gone.version = done.version_id;
    const ObjectChange change = done.marker_made ? ObjectChange::kDeleteMarker : ObjectChange::kDelete;
    co_await notifications_.record(txn, bucket, call, change, gone);
  }
  co_return done;
}

Task<api::DeleteObjectOutput> S3::delete_object(Call& call, const api::DeleteObjectRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, delete_action(input.version_id), input.key, input.expected_bucket_owner);
  co_await check_version_id(input.version_id);
  const bool bypass = co_await bypasses(call, input.bucket, input.key, input.bypass_governance_retention);
  DeleteConditions conditions;
  conditions.etag = input.if_match;
  conditions.modified = input.if_match_last_modified_time;
  conditions.size = input.if_match_size;
  const auto erase = [&](storage::Transaction& txn) -> Task<Deletion> {
    const std::optional<Bucket> now = co_await find_bucket(txn, bucket.name);
    if (!now) co_return no_such_bucket(bucket.name);
    co_await conditions.check(txn, *now, input.key, input.version_id);
    co_return co_await delete_and_tell(txn, call, *now, input.key, input.version_id, bypass);
  };
  const Deletion done = co_await storage::transact(database_, erase);
  co_await pins_.erase(done.blobs);
  api::DeleteObjectOutput output;
  if (!done.version_id.empty()) output.version_id = done.version_id;
  if (done.delete_marker) output.delete_marker = true;
  co_return output;
}

Task<api::DeleteObjectsOutput> S3::delete_objects(Call& call, const api::DeleteObjectsRequest& input) {
  const Bucket bucket = co_await bucket_of(call, input.bucket, input.expected_bucket_owner);
  const Permission permission(bucket, call);
  const std::vector<api::ObjectIdentifier>& wanted = input.delete_.objects;
  if (wanted.empty() || wanted.size() > kDeleteLimit) co_return malformed_xml();
  const bool wants_bypass = input.bypass_governance_retention.value_or(false);
  api::DeleteObjectsOutput output;
  const auto erase = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    output = api::DeleteObjectsOutput();
    const std::optional<Bucket> now = co_await find_bucket(txn, bucket.name);
    if (!now) co_return no_such_bucket(bucket.name);
    std::vector<std::string> blobs;
    for (const api::ObjectIdentifier& each : wanted) {
      if (!check_version_id(each.version_id).ok()) {
        report_failure(each, no_such_version(each.key, *each.version_id), output);
        continue;
      }
      if (!permission.allows(delete_action(each.version_id), each.key)) {
        report_failure(each, access_denied(), output);
        continue;
      }
      DeleteConditions conditions;
      conditions.etag = each.e_tag;
      conditions.modified = each.last_modified_time;
      conditions.size = each.size;
      const Result<void> met = co_await attempt(conditions.check(txn, *now, each.key, each.version_id));
      if (!met.ok() && met.error().http_status() != 412) co_return met.error();
      if (!met.ok()) {
        report_failure(each, met.error(), output);
        continue;
      }
      const bool bypass = wants_bypass && permission.allows("s3:BypassGovernanceRetention", each.key);
      const Result<Deletion> tried =
          co_await attempt(delete_and_tell(txn, call, *now, each.key, each.version_id, bypass));
      if (!tried.ok()) {
        if (tried.error().code() != "AccessDenied") co_return tried.error();
        report_failure(each, tried.error(), output);
        continue;
      }
      const Deletion& done = *tried;
      blobs.insert(blobs.end(), done.blobs.begin(), done.blobs.end());
      if (input.delete_.quiet.value_or(false)) continue;
      api::DeletedObject deleted;
      deleted.key = each.key;
      deleted.version_id = each.version_id;
      if (done.delete_marker) {
        deleted.delete_marker = true;
        deleted.delete_marker_version_id = done.version_id;
      }
      if (!output.deleted) output.deleted.emplace();
      output.deleted->push_back(std::move(deleted));
    }
    co_return blobs;
  };
  const std::vector<std::string> blobs = co_await storage::transact(database_, erase);
  co_await pins_.erase(blobs);
  co_return output;
}

Task<api::CopyObjectOutput> S3::copy_object(Call& call, const api::CopyObjectRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:PutObject", input.key, input.expected_bucket_owner);
  co_await check_key(input.key);
  co_await check_directive("metadata", "x-amz-metadata-directive", input.metadata_directive);
  co_await check_directive("tagging", "x-amz-tagging-directive", input.tagging_directive);
  const CopySource source = co_await parse_copy_source(input.copy_source);
  const Bucket from = co_await permit(call, source.bucket, get_action(source.version_id), source.key,
                                      input.expected_source_bucket_owner);
  const std::optional<SealingKey> source_key = co_await source_customer_key_of(input, call);
  Opened opened = co_await open_object(from, source.key, source.version_id, source_key);
  const Object original = opened.object;
  co_await copy_conditions(input).check_copy(original);
  const bool replace = input.metadata_directive.value_or("COPY") == "REPLACE";
  if (source.bucket == input.bucket && source.key == input.key && !source.version_id && !replace &&
      !input.storage_class && !input.website_redirect_location && !input.checksum_algorithm &&
      !input.server_side_encryption && !input.sse_customer_algorithm) {
    co_return invalid_request(
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
        "metadata, storage class, website redirect location or encryption attributes.");
  }
  if (original.size > kObjectLimit) {
    co_return invalid_request(
        "The specified copy source is larger than the maximum allowable size for a copy source: "
        "5368709120");
  }
  Object object;
  object.key = input.key;
  object.metadata = replace ? co_await metadata_of(input) : original.metadata;
  if (!replace) object.metadata.storage_class = co_await storage_class_of(input.storage_class);
  object.metadata.website_redirect = input.website_redirect_location.value_or("");
  const bool new_tags = input.tagging_directive.value_or("COPY") == "REPLACE";
  object.tags = new_tags ? co_await parse_tags(input.tagging) : original.tags;
  object.lock = co_await permitted_lock(call, bucket, input.key, asked_lock(input));
  static_cast<Access&>(object) = co_await access_for(call, bucket, input.key, asked_acl(input));

  WriteEncryption encryption = co_await write_encryption(bucket, input, call);
  if (encryption.name.empty()) encryption.name = original.shown_encryption();  // A copy is not less protected.
  std::optional<wire::ChecksumKind> kind;
  if (input.checksum_algorithm) kind = co_await asked_checksum(*input.checksum_algorithm);
  if (!kind && !original.checksum.algorithm.empty()) kind = wire::checksum_kind(original.checksum.algorithm);
  if (!kind && !encryption.customer) kind = wire::ChecksumKind::kCrc64Nvme;
  const std::shared_ptr<BodySource> body = co_await content_of(std::move(opened), 0, original.size);
  Received received = co_await receive(blobs_, *body, kind, false, encryption.key(sealing_));
  object.size = received.size;
  object.modified = clock_.now_millis();
  object.etag = received.etag;
  place(object, received, encryption.name);
  object.bucket_key = encryption.bucket_key;
  if (kind) {
    object.checksum.algorithm = wire::checksum_name(*kind);
    object.checksum.value = received.checksum;
    object.checksum.type = "FULL_OBJECT";
  }
  WriteConditions conditions;
  conditions.if_match = input.if_match;
  conditions.if_none_match = input.if_none_match;
  object = co_await replace_object(call, ObjectChange::kCopy, bucket, std::move(object), std::move(received.bytes),
                                   std::move(conditions));

  api::CopyObjectOutput output;
  show_expiration(LifecycleRules(bucket).expiration(object), output);
  show_encryption(bucket, object.shown_encryption(), object.bucket_key, output);
  show_customer_key(encryption.customer, output);
  if (!object.version.empty()) output.version_id = object.version;
  if (!from.versioning.empty()) output.copy_source_version_id = shown_version(original);
  output.copy_object_result.emplace();
  output.copy_object_result->e_tag = in_quotes(object.etag);
  output.copy_object_result->last_modified = Timestamp(std::chrono::milliseconds(object.modified));
  show_checksum(object.checksum, *output.copy_object_result);
  if (!object.checksum.value.empty()) output.copy_object_result->checksum_type = object.checksum.type;
  co_return output;
}

Task<api::GetObjectAttributesOutput> S3::get_object_attributes(Call& call,
                                                               const api::GetObjectAttributesRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, input.version_id ? "s3:GetObjectVersionAttributes" : "s3:GetObjectAttributes",
                      input.key, input.expected_bucket_owner);
  co_await check_version_id(input.version_id);
  const Object object = co_await require_object(bucket, input.key, input.version_id);
  const std::optional<SealingKey> customer = co_await customer_key_of(input, call);
  co_await check_customer_key(object, customer);
  api::GetObjectAttributesOutput output;
  if (!bucket.versioning.empty()) output.version_id = shown_version(object);
  output.last_modified = shown_time(object.modified);
  for (const std::string& attribute : input.object_attributes) {
    if (attribute == "ETag") output.e_tag = object.etag;
    if (attribute == "ObjectSize") output.object_size = static_cast<std::int64_t>(object.size);
    if (attribute == "StorageClass") output.storage_class = object.metadata.storage_class;
    if (attribute == "Checksum" && !object.checksum.value.empty()) {
      output.checksum.emplace();
      show_checksum(object.checksum, *output.checksum);
      output.checksum->checksum_type = object.checksum.type;
    }
    if (attribute == "ObjectParts" && object.multipart) output.object_parts = parts_of(object, input);
  }
  co_return output;
}

}  // namespace cumulet::s3
