#include <algorithm>
#include <set>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/s3/conditions.h"
#include "services/s3/copy_source.h"
#include "services/s3/customer_key.h"
#include "services/s3/encryption.h"
#include "services/s3/errors.h"
#include "services/s3/multipart_checksum.h"
#include "services/s3/object_rules.h"
#include "services/s3/permission.h"
#include "services/s3/s3.h"
#include "services/s3/versions.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::uint64_t kPartMinimum = 5u << 20;  ///< Of every part but the last.
constexpr std::size_t kPageLimit = 1000;

std::string in_quotes(const std::string& etag) { return "\"" + etag + "\""; }

std::string unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

Result<std::uint32_t> check_part_number(std::int32_t number) {
  if (number >= 1 && number <= static_cast<std::int32_t>(kPartNumberLimit)) return static_cast<std::uint32_t>(number);
  return invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber",
                          std::to_string(number));
}

Task<Upload> require_upload(storage::Transaction& txn, const Contents& contents, std::string key, std::string id) {
  std::optional<Upload> upload = co_await contents.find_upload(txn, std::move(key), id);
  if (!upload) co_return no_such_upload(id);
  co_return std::move(*upload);
}

Error invalid_part(const std::string& upload_id, std::int32_t number) {
  return Error("InvalidPart", 400,
               "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
               "specified entity tag may not match the part's entity tag.")
      .with("UploadId", upload_id)
      .with("PartNumber", std::to_string(number));
}

/// With what the server's own key seals the parts of an upload; "" when it does not.
std::string shown_encryption(const Upload& upload) {
  if (!upload.sealed || upload.encryption == kCustomerEncryption) return "";
  return upload.encryption.empty() ? "AES256" : upload.encryption;
}

/// Whether the checksum that the list may give for a part is the one that the part has.
bool checksum_agrees(const api::CompletedPart& listed, const Upload& upload, const Part& part) {
  std::optional<std::string> given;
  if (upload.checksum_algorithm == "CRC32") given = listed.checksum_crc32;
  if (upload.checksum_algorithm == "CRC32C") given = listed.checksum_crc32_c;
  if (upload.checksum_algorithm == "CRC64NVME") given = listed.checksum_crc64_nvme;
  if (upload.checksum_algorithm == "SHA1") given = listed.checksum_sha1;
  if (upload.checksum_algorithm == "SHA256") given = listed.checksum_sha256;
  if (upload.checksum_algorithm == "MD5") given = listed.checksum_md5;
  return !given || part.piece.checksum.empty() || *given == part.piece.checksum;
}

Result<void> check_order(const Upload& upload, const std::vector<api::CompletedPart>& listed) {
  std::int32_t last = 0;
  for (const api::CompletedPart& part : listed) {
    if (part.part_number.value_or(0) <= last) {
      return Error("InvalidPartOrder", 400,
                   "The list of parts was not in ascending order. Parts must be ordered by part number.")
          .with("UploadId", upload.id);
    }
    last = *part.part_number;
  }
  return {};
}

/// The object that the listed parts make; they must be there, in order, and large enough.
Task<Object> assemble(storage::Transaction& txn, const Contents& contents, const Upload& upload,
                      const std::vector<api::CompletedPart>& listed) {
  Object object;
  object.key = upload.key;
  object.metadata = upload.metadata;
  object.tags = upload.tags;
  object.encryption = upload.encryption;
  object.bucket_key = upload.bucket_key;
  object.lock = upload.lock;
  static_cast<Access&>(object) = upload;
  object.multipart = true;
  std::string digests;
  co_await check_order(upload, listed);
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const std::int32_t number = listed[i].part_number.value_or(0);
    const std::optional<Part> part = co_await contents.find_part(txn, upload.id, static_cast<std::uint32_t>(number));
    if (!part || unquoted(listed[i].e_tag.value_or("")) != part->piece.etag ||
        !checksum_agrees(listed[i], upload, *part)) {
      co_return invalid_part(upload.id, number);
    }
    if (i + 1 < listed.size() && part->piece.size < kPartMinimum) {
      co_return Error("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size")
          .with("ProposedSize", std::to_string(part->piece.size))
          .with("MinSizeAllowed", std::to_string(kPartMinimum))
          .with("PartNumber", std::to_string(number))
          .with("ETag", part->piece.etag);
    }
    object.size += part->piece.size;
    digests += hex_decode(part->piece.etag).value_or("");
    object.pieces.push_back(part->piece);
  }
  object.etag = hex_encode(md5(digests)) + "-" + std::to_string(listed.size());
  object.checksum = upload_checksum(upload, object.pieces);
  if (upload.checksum_algorithm.empty()) {
    for (Piece& piece : object.pieces) piece.checksum.clear();  // Only the whole has one.
  }
  co_return object;
}

}  // namespace

void S3::register_multipart() {
  service_.on<api::CreateMultipartUpload>([this](Call& c, const auto& in) { return create_multipart_upload(c, in); });
  service_.on<api::UploadPart>([this](Call& c, const auto& in) { return upload_part(c, in); });
  service_.on<api::UploadPartCopy>([this](Call& c, const auto& in) { return upload_part_copy(c, in); });
  service_.on<api::CompleteMultipartUpload>(
      [this](Call& c, const auto& in) { return complete_multipart_upload(c, in); });
  service_.on<api::AbortMultipartUpload>([this](Call& c, const auto& in) { return abort_multipart_upload(c, in); });
  service_.on<api::ListParts>([this](Call& c, const auto& in) { return list_parts(c, in); });
  service_.on<api::ListMultipartUploads>([this](Call& c, const auto& in) { return list_multipart_uploads(c, in); });
}

Task<api::CreateMultipartUploadOutput> S3::create_multipart_upload(Call& call,
                                                                   const api::CreateMultipartUploadRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:PutObject", input.key, input.expected_bucket_owner);
  co_await check_key(input.key);
  Upload upload;
  upload.id = base64url_encode(random_bytes(48));
  upload.key = input.key;
  upload.initiated = clock_.now_millis();
  upload.metadata = co_await metadata_of(input);
  upload.tags = co_await parse_tags(input.tagging);
  upload.lock = co_await permitted_lock(call, bucket, input.key, asked_lock(input));
  static_cast<Access&>(upload) = co_await access_for(call, bucket, input.key, asked_acl(input));
  const WriteEncryption encryption = co_await write_encryption(bucket, input, call);
  upload.sealed = !encryption.name.empty();
  if (encryption.name != "AES256") upload.encryption = encryption.name;
  upload.bucket_key = encryption.bucket_key;
  if (encryption.customer) upload.seal = encryption.customer->new_seal();
  if (input.checksum_algorithm) {
    const wire::ChecksumKind kind = co_await asked_checksum(*input.checksum_algorithm);
    upload.checksum_algorithm = wire::checksum_name(kind);
    upload.checksum_type = co_await upload_checksum_type(kind, input.checksum_type);
  }
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    if (!co_await find_bucket(txn, bucket.name)) co_await fail(no_such_bucket(bucket.name));
    Contents(bucket).put_upload(txn, upload);
  };
  co_await storage::transact(database_, write);
  api::CreateMultipartUploadOutput output;
  output.bucket = bucket.name;
  output.key = upload.key;
  output.upload_id = upload.id;
  if (!encryption.customer) show_encryption(bucket, encryption.name, encryption.bucket_key, output);
  show_customer_key(encryption.customer, output);
  show_abort(LifecycleRules(bucket).abort(upload), output);
  if (!upload.checksum_algorithm.empty()) {
    output.checksum_algorithm = upload.checksum_algorithm;
    output.checksum_type = upload.checksum_type;
  }
  co_return output;
}

Task<Part> S3::store_part(const Bucket& bucket, std::string key, std::string upload_id, std::uint32_t number,
                          Received received) {
  Part part;
  part.number = number;
  part.modified = clock_.now_millis();
  part.piece = Piece(received.blob, received.size, received.etag);
  part.piece.checksum = received.crc64.empty() ? received.checksum : received.crc64;
  part.piece.seal = received.seal;
  const auto write = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    const Contents contents(bucket);
    co_await require_upload(txn, contents, key, upload_id);
    std::vector<std::string> replaced;
    const std::optional<Part> before = co_await contents.find_part(txn, upload_id, number);
    if (before) {
      contents.erase_part(txn, upload_id, *before, false);
      replaced.push_back(before->piece.blob);
    }
    contents.put_part(txn, upload_id, part);
    co_return replaced;
  };
  const Result<std::vector<std::string>> replaced = co_await attempt(storage::transact(database_, write));
  if (!replaced.ok()) {
    co_await blobs_.erase(part.piece.blob);
    co_return replaced.error();
  }
  co_await pins_.erase(*replaced);
  co_return part;
}

Task<api::UploadPartOutput> S3::upload_part(Call& call, const api::UploadPartRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:PutObject", input.key, input.expected_bucket_owner);
  const std::uint32_t number = co_await check_part_number(input.part_number);
  co_await check_length(input.body);
  const Contents contents(bucket);  // outlives the tasks that it begins
  const auto find = [&](storage::Transaction& txn) {
    return require_upload(txn, contents, input.key, input.upload_id);
  };
  const Upload upload = co_await storage::transact(database_, find);
  const std::optional<SealingKey> customer = co_await customer_key_of(input, call);
  co_await check_customer_key(upload, customer);
  const SealingKey* const sealing = customer ? &*customer : upload.sealed ? &sealing_ : nullptr;
  PromisedChecksum promised = co_await promised_checksum(input, call);
  co_await check_part_checksum(upload, promised.kind);
  if (!promised.kind) promised.kind = wire::checksum_kind(upload.checksum_algorithm);
  StringBody nothing("");
  BodySource& body = input.body ? *input.body : nothing;
  Received received = co_await receive(blobs_, body, promised.kind, true, sealing, keeps_crc64(upload));
  const Result<void> digests = check_digests(received, input.content_md5, promised);
  if (!digests.ok()) {
    co_await blobs_.erase(received.blob);
    co_return digests.error();
  }
  StoredChecksum checksum;
  if (promised.kind) checksum.algorithm = wire::checksum_name(*promised.kind);
  checksum.value = received.checksum;
  const Part part = co_await store_part(bucket, input.key, input.upload_id, number, std::move(received));
  api::UploadPartOutput output;
  show_customer_key(customer, output);
  show_encryption(bucket, shown_encryption(upload), upload.bucket_key, output);
  output.e_tag = in_quotes(part.piece.etag);
  show_checksum(checksum, output);
  co_return output;
}

Task<api::UploadPartCopyOutput> S3::upload_part_copy(Call& call, const api::UploadPartCopyRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:PutObject", input.key, input.expected_bucket_owner);
  const std::uint32_t number = co_await check_part_number(input.part_number);
  const Contents contents(bucket);
  const auto find = [&](storage::Transaction& txn) {
    return require_upload(txn, contents, input.key, input.upload_id);
  };
  const Upload upload = co_await storage::transact(database_, find);
  const std::optional<SealingKey> customer = co_await customer_key_of(input, call);
  co_await check_customer_key(upload, customer);
  const SealingKey* const sealing = customer ? &*customer : upload.sealed ? &sealing_ : nullptr;
  const CopySource source = co_await parse_copy_source(input.copy_source);
  const Bucket from = co_await permit(call, source.bucket, get_action(source.version_id), source.key,
                                      input.expected_source_bucket_owner);
  const std::optional<SealingKey> source_key = co_await source_customer_key_of(input, call);
  Opened opened = co_await open_object(from, source.key, source.version_id, source_key);
  co_await copy_conditions(input).check_copy(opened.object);
  ByteRange stretch(0, opened.object.size);
  if (input.copy_source_range) {
    const std::optional<ByteRange> range = co_await parse_range(*input.copy_source_range, opened.object.size);
    if (!range) {
      co_return invalid_argument(
          "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
          "and last are the zero-based offsets of the first and last bytes to copy",
          "x-amz-copy-source-range", *input.copy_source_range);
    }
    const std::string& asked = *input.copy_source_range;
    const std::optional<std::int64_t> last = parse_int(std::string_view(asked).substr(asked.find('-') + 1));
    if (last && static_cast<std::uint64_t>(*last) >= opened.object.size) {
      co_return Error("InvalidRange", 416, "The requested range is not satisfiable")
          .with("RangeRequested", asked)
          .with("ActualObjectSize", std::to_string(opened.object.size));
    }
    stretch = *range;
  }
  const std::string source_version = shown_version(opened.object);
  const std::shared_ptr<BodySource> body = co_await content_of(std::move(opened), stretch.first, stretch.length);
  const std::optional<wire::ChecksumKind> kind = wire::checksum_kind(upload.checksum_algorithm);
  Received received = co_await receive(blobs_, *body, kind, true, sealing, keeps_crc64(upload));
  const Part part = co_await store_part(bucket, input.key, input.upload_id, number, std::move(received));
  StoredChecksum checksum;
  checksum.algorithm = upload.checksum_algorithm;
  checksum.value = part.piece.checksum;
  api::UploadPartCopyOutput output;
  show_customer_key(customer, output);
  show_encryption(bucket, shown_encryption(upload), upload.bucket_key, output);
  if (!from.versioning.empty()) output.copy_source_version_id = source_version;
  output.copy_part_result.emplace();
  output.copy_part_result->e_tag = in_quotes(part.piece.etag);
  show_checksum(checksum, *output.copy_part_result);
  output.copy_part_result->last_modified = Timestamp(std::chrono::milliseconds(part.modified));
  co_return output;
}

Task<api::CompleteMultipartUploadOutput> S3::complete_multipart_upload(
    Call& call, const api::CompleteMultipartUploadRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:PutObject", input.key, input.expected_bucket_owner);
  if (!input.multipart_upload || !input.multipart_upload->parts || input.multipart_upload->parts->empty()) {
    co_return malformed_xml();
  }
  const std::vector<api::CompletedPart>& listed = *input.multipart_upload->parts;
  Object object;
  const auto write = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    const Contents contents(bucket);
    const Upload upload = co_await require_upload(txn, contents, input.key, input.upload_id);
    object = co_await assemble(txn, contents, upload, listed);
    co_await check_upload_checksum(input, upload, object.checksum);
    object.modified = clock_.now_millis();
    if (input.mpu_object_size && static_cast<std::uint64_t>(*input.mpu_object_size) != object.size) {
      co_return invalid_request("The provided 'x-amz-mp-object-size' header value " +
                                std::to_string(*input.mpu_object_size) +
                                " does not match what was computed: " + std::to_string(object.size));
    }
    const std::optional<Object> before = co_await contents.find_object(txn, input.key);
    if (input.if_none_match && before) co_return precondition_failed("If-None-Match");
    if (input.if_match && (!before || !etag_matches(*input.if_match, before->etag))) {
      co_return before ? precondition_failed("If-Match") : no_such_key(input.key);
    }
    const std::optional<Bucket> now = co_await find_bucket(txn, bucket.name);
    if (!now) co_return no_such_bucket(bucket.name);
    apply_default_lock(*now, object.modified, object.lock);
    std::vector<std::string> replaced =
        co_await displace_current(txn, *now, before, object, clock_.now().time_since_epoch().count());
    // Parts that were uploaded but not listed go.
    std::set<std::string_view> listed_blobs;
    for (const Piece& piece : object.pieces) listed_blobs.insert(piece.blob);
    const std::vector<Part> parts = co_await contents.list_parts(txn, upload.id, 0, kPartNumberLimit);
    for (const Part& part : parts) {
      const bool kept = listed_blobs.contains(part.piece.blob);
      contents.erase_part(txn, upload.id, part, kept);
      if (!kept) replaced.push_back(part.piece.blob);
    }
    contents.erase_upload(txn, upload);
    replication_.record(txn, *now, object);
    contents.put_object(txn, object, "");
    co_await notifications_.record(txn, *now, call, ObjectChange::kCompleteUpload, object);
    co_return replaced;
  };
  const std::vector<std::string> replaced = co_await storage::transact(database_, write);
  co_await pins_.erase(replaced);
  api::CompleteMultipartUploadOutput output;
  show_encryption(bucket, object.shown_encryption(), object.bucket_key, output);
  if (!object.version.empty()) output.version_id = object.version;
  show_expiration(LifecycleRules(bucket).expiration(object), output);
  output.bucket = bucket.name;
  output.key = object.key;
  output.e_tag = in_quotes(object.etag);
  output.location = call.endpoint + "/" + bucket.name + "/" + uri_encode(object.key, true);
  show_checksum(object.checksum, output);
  if (!object.checksum.value.empty()) output.checksum_type = object.checksum.type;
  co_return output;
}

Task<api::AbortMultipartUploadOutput> S3::abort_multipart_upload(Call& call,
                                                                 const api::AbortMultipartUploadRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, "s3:AbortMultipartUpload", input.key, input.expected_bucket_owner);
  const auto write = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    const Contents contents(bucket);
    const Upload upload = co_await require_upload(txn, contents, input.key, input.upload_id);
    co_return co_await contents.discard_upload(txn, upload);
  };
  const std::vector<std::string> blobs = co_await storage::transact(database_, write);
  co_await pins_.erase(blobs);
  co_return api::AbortMultipartUploadOutput();
}

Task<api::ListPartsOutput> S3::list_parts(Call& call, const api::ListPartsRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, "s3:ListMultipartUploadParts", input.key, input.expected_bucket_owner);
  const std::int32_t wanted = input.max_parts.value_or(static_cast<std::int32_t>(kPageLimit));
  if (wanted < 0) co_return invalid_argument("Argument max-parts must be between 0 and 2147483647", "max-parts", "-1");
  const std::size_t limit = std::min(static_cast<std::size_t>(wanted), kPageLimit);
  const std::int32_t marker = std::clamp(input.part_number_marker.value_or(0), 0, 10'000);
  Upload upload;
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<Part>> {
    const Contents contents(bucket);
    upload = co_await require_upload(txn, contents, input.key, input.upload_id);
    co_return co_await contents.list_parts(txn, upload.id, static_cast<std::uint32_t>(marker), limit + 1);
  };
  std::vector<Part> parts = co_await storage::transact(database_, read);
  api::ListPartsOutput output;
  output.is_truncated = parts.size() > limit;
  if (parts.size() > limit) parts.pop_back();
  output.bucket = bucket.name;
  output.key = upload.key;
  output.upload_id = upload.id;
  output.part_number_marker = marker;
  output.max_parts = wanted;
  output.storage_class = upload.metadata.storage_class;
  show_abort(LifecycleRules(bucket).abort(upload), output);
  output.owner.emplace();
  output.owner->id = bucket.account;
  output.initiator.emplace();
  output.initiator->id = bucket.account;
  if (!upload.checksum_algorithm.empty()) output.checksum_algorithm = upload.checksum_algorithm;
  output.parts.emplace();
  for (const Part& part : parts) {
    api::Part shown;
    shown.part_number = static_cast<std::int32_t>(part.number);
    shown.e_tag = in_quotes(part.piece.etag);
    shown.size = static_cast<std::int64_t>(part.piece.size);
    shown.last_modified = Timestamp(std::chrono::milliseconds(part.modified));
    StoredChecksum checksum;
    checksum.algorithm = upload.checksum_algorithm;
    checksum.value = part.piece.checksum;
    show_checksum(checksum, shown);
    output.parts->push_back(std::move(shown));
  }
  output.next_part_number_marker = parts.empty() ? marker : static_cast<std::int32_t>(parts.back().number);
  co_return output;
}

Task<api::ListMultipartUploadsOutput> S3::list_multipart_uploads(Call& call,
                                                                 const api::ListMultipartUploadsRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, "s3:ListBucketMultipartUploads", {}, input.expected_bucket_owner);
  const std::int32_t wanted = input.max_uploads.value_or(static_cast<std::int32_t>(kPageLimit));
  const std::size_t limit = std::clamp<std::size_t>(static_cast<std::size_t>(std::max(wanted, 0)), 0, kPageLimit);
  const std::string prefix = input.prefix.value_or("");
  const std::string delimiter = input.delimiter.value_or("");
  std::string after_key = input.key_marker.value_or("");
  std::string after_id = after_key.empty() ? std::string() : input.upload_id_marker.value_or("");
  const bool url = input.encoding_type.value_or("") == "url";
  const auto shown_text = [url](const std::string& text) { return url ? uri_encode(text, true) : text; };

  api::ListMultipartUploadsOutput output;
  output.uploads.emplace();
  output.common_prefixes.emplace();
  output.is_truncated = false;
  while (!*output.is_truncated) {
    const Contents contents(bucket);  // outlives the tasks that it begins
    const auto read = [&](storage::Transaction& txn) {
      return contents.list_uploads(txn, prefix, after_key, after_id, 200);
    };
    const std::vector<Upload> uploads = co_await storage::transact(database_, read);
    if (uploads.empty()) break;
    for (const Upload& upload : uploads) {
      const std::size_t at = delimiter.empty() ? std::string::npos : upload.key.find(delimiter, prefix.size());
      const std::string common = at == std::string::npos ? std::string() : upload.key.substr(0, at + delimiter.size());
      const bool seen = !common.empty() && !output.common_prefixes->empty() &&
                        output.common_prefixes->back().prefix == shown_text(common);
      if (!seen && output.uploads->size() + output.common_prefixes->size() == limit) {
        output.is_truncated = true;
        break;
      }
      after_key = upload.key;
      after_id = upload.id;
      if (seen) continue;
      if (!common.empty()) {
        output.common_prefixes->emplace_back().prefix = shown_text(common);
        continue;
      }
      api::MultipartUpload& shown = output.uploads->emplace_back();
      shown.key = shown_text(upload.key);
      shown.upload_id = upload.id;
      shown.initiated = Timestamp(std::chrono::milliseconds(upload.initiated));
      shown.storage_class = upload.metadata.storage_class;
      shown.owner.emplace().id = bucket.account;
      shown.initiator.emplace().id = bucket.account;
    }
  }
  output.bucket = bucket.name;
  output.prefix = shown_text(prefix);
  output.delimiter = input.delimiter;
  output.key_marker = shown_text(input.key_marker.value_or(""));
  output.upload_id_marker = input.upload_id_marker.value_or("");
  output.max_uploads = wanted;
  output.encoding_type = input.encoding_type;
  if (*output.is_truncated) {
    output.next_key_marker = shown_text(after_key);
    output.next_upload_id_marker = after_id;
  }
  co_return output;
}

}  // namespace cumulet::s3
