#include "services/s3/rows.h"

#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::s3 {
namespace {

using storage::RowReader;
using storage::RowWriter;

void write(RowWriter& row, const Metadata& metadata) {
  row.text(metadata.content_type).text(metadata.cache_control).text(metadata.content_disposition);
  row.text(metadata.content_encoding).text(metadata.content_language).text(metadata.expires);
  row.text(metadata.website_redirect).text(metadata.storage_class).text_map(metadata.user);
}

Metadata read_metadata(RowReader& row) {
  Metadata metadata;
  metadata.content_type = row.text();
  metadata.cache_control = row.text();
  metadata.content_disposition = row.text();
  metadata.content_encoding = row.text();
  metadata.content_language = row.text();
  metadata.expires = row.text();
  metadata.website_redirect = row.text();
  metadata.storage_class = row.text();
  metadata.user = row.text_map();
  return metadata;
}

void write(RowWriter& row, const Piece& piece) {
  row.text(piece.blob).number(piece.size).text(piece.etag).text(piece.checksum).text(piece.seal);
}

Piece read_piece(RowReader& row) {
  Piece piece;
  piece.blob = row.text();
  piece.size = row.number();
  piece.etag = row.text();
  piece.checksum = row.text();
  piece.seal = row.text();
  return piece;
}

void write(RowWriter& row, const ObjectLock& lock) {
  row.text(lock.mode).signed_number(lock.retain_until).text(lock.legal_hold);
}

ObjectLock read_lock(RowReader& row) {
  ObjectLock lock;
  lock.mode = row.text();
  lock.retain_until = row.signed_number();
  lock.legal_hold = row.text();
  return lock;
}

}  // namespace

std::string blob_key(const std::string& id) { return storage::Key("s3-blob").text(id).bytes(); }

std::string encode(const Bucket& bucket) {
  RowWriter row;
  row.text(bucket.account).text(bucket.region).signed_number(bucket.created).text(bucket.cors).text(bucket.website);
  row.text(bucket.policy).text(bucket.tagging).text(bucket.public_access_block).text(bucket.ownership_controls);
  row.text(bucket.versioning).text(bucket.encryption).text(bucket.notifications);
  row.text(bucket.object_lock).text(bucket.lifecycle).text(bucket.acl).text(bucket.replication);
  row.text(bucket.logging).text(bucket.request_payment);
  return std::move(row).bytes();
}

Bucket decode_bucket(std::string name, std::string_view bytes) {
  RowReader row(bytes);
  Bucket bucket;
  bucket.name = std::move(name);
  bucket.account = row.text();
  bucket.region = row.text();
  bucket.created = row.signed_number();
  bucket.cors = row.text();
  bucket.website = row.text();
  bucket.policy = row.text();
  bucket.tagging = row.text();
  bucket.public_access_block = row.text();
  bucket.ownership_controls = row.text();
  bucket.versioning = row.text();
  bucket.encryption = row.text();
  bucket.notifications = row.text();
  bucket.object_lock = row.text();
  bucket.lifecycle = row.text();
  bucket.acl = row.text();
  bucket.replication = row.text();
  bucket.logging = row.text();
  bucket.request_payment = row.text();
  return bucket;
}

std::string encode(const Object& object) {
  RowWriter row;
  row.number(object.size).signed_number(object.modified).text(object.etag);
  row.boolean(object.content_inline).boolean(object.multipart);
  write(row, object.metadata);
  row.text(object.checksum.algorithm).text(object.checksum.value).text(object.checksum.type);
  row.text_map(object.tags).text(object.seal);
  row.number(object.pieces.size());
  for (const Piece& piece : object.pieces) write(row, piece);
  row.text(object.version).number(object.order).boolean(object.delete_marker).text(object.encryption);
  write(row, object.lock);
  row.signed_number(object.restored_until).text(object.owner).text(object.acl);
  row.text(object.replication).texts(object.replicating).boolean(object.bucket_key);
  return std::move(row).bytes();
}

Object decode_object(std::string key, std::string_view bytes) {
  RowReader row(bytes);
  Object object;
  object.key = std::move(key);
  object.size = row.number();
  object.modified = row.signed_number();
  object.etag = row.text();
  object.content_inline = row.boolean();
  object.multipart = row.boolean();
  object.metadata = read_metadata(row);
  object.checksum.algorithm = row.text();
  object.checksum.value = row.text();
  object.checksum.type = row.text();
  object.tags = row.text_map();
  object.seal = row.text();
  for (std::uint64_t left = row.number(); left > 0 && !row.at_end(); --left) object.pieces.push_back(read_piece(row));
  object.version = row.text();
  object.order = row.number();
  object.delete_marker = row.boolean();
  object.encryption = row.text();
  object.lock = read_lock(row);
  object.restored_until = row.signed_number();
  object.owner = row.text();
  object.acl = row.text();
  object.replication = row.text();
  object.replicating = row.texts();
  object.bucket_key = row.boolean();
  return object;
}

std::string encode(const Upload& upload) {
  RowWriter row;
  row.signed_number(upload.initiated);
  write(row, upload.metadata);
  row.text_map(upload.tags).text(upload.checksum_algorithm).text(upload.checksum_type).boolean(upload.sealed);
  row.text(upload.encryption);
  write(row, upload.lock);
  row.text(upload.owner).text(upload.acl);
  row.text(upload.seal).boolean(upload.bucket_key);
  return std::move(row).bytes();
}

Upload decode_upload(std::string key, std::string id, std::string_view bytes) {
  RowReader row(bytes);
  Upload upload;
  upload.key = std::move(key);
  upload.id = std::move(id);
  upload.initiated = row.signed_number();
  upload.metadata = read_metadata(row);
  upload.tags = row.text_map();
  upload.checksum_algorithm = row.text();
  upload.checksum_type = row.text();
  upload.sealed = row.boolean();
  upload.encryption = row.text();
  upload.lock = read_lock(row);
  upload.owner = row.text();
  upload.acl = row.text();
  upload.seal = row.text();
  upload.bucket_key = row.boolean();
  return upload;
}

std::string encode(const Part& part) {
  RowWriter row;
  row.signed_number(part.modified);
  write(row, part.piece);
  return std::move(row).bytes();
}

Part decode_part(std::uint32_t number, std::string_view bytes) {
  RowReader row(bytes);
  Part part;
  part.number = number;
  part.modified = row.signed_number();
  part.piece = read_piece(row);
  return part;
}

}  // namespace cumulet::s3
