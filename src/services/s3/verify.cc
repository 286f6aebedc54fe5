#include "services/s3/verify.h"

#include <memory>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "services/s3/rows.h"
#include "services/s3/store.h"
#include "services/s3/versions.h"
#include "storage/key.h"

namespace cumulet::s3 {
namespace {

constexpr std::size_t kPage = 100;

/// The first bucket after that name, of whichever account.
Task<std::optional<Bucket>> next_bucket(storage::Transaction& txn, std::string after) {
  const std::string space = storage::Key("s3-bucket").bytes();
  const std::string begin = after.empty() ? space : storage::Key("s3-bucket").text(after).bytes() + '\0';
  const storage::KeyRange range(begin, storage::after_prefix(space));
  storage::ScanOptions one;
  one.limit = 1;
  const std::vector<storage::KeyValue> rows = co_await txn.scan(range, one);
  if (rows.empty()) co_return std::optional<Bucket>();
  storage::KeyReader reader(rows.front().key);
  (void)reader.text();
  co_return std::optional<Bucket>(decode_bucket(reader.text().value_or(""), rows.front().value));
}

std::optional<std::string> differs(const std::string& found, const std::string& written) {
  if (written.empty() || found == written) return std::nullopt;
  return "its bytes have the MD5 " + found + ", written were " + written;
}

}  // namespace

Task<Verifier::Result> Verifier::run() {
  std::string last;
  while (true) {
    const auto read = [&last](storage::Transaction& txn) { return next_bucket(txn, last); };
    const std::optional<Bucket> bucket = co_await storage::transact(database_, read);
    if (!bucket) co_return result_;
    last = bucket->name;
    const bool more = co_await verify_bucket(*bucket);
    if (!more) co_return result_;
  }
}

Task<bool> Verifier::verify_bucket(Bucket bucket) {
  const Contents contents(bucket);
  std::string from;
  while (true) {
    const auto read = [&](storage::Transaction& txn) { return contents.list_objects(txn, "", from, kPage); };
    const std::vector<Object> objects = co_await storage::transact(database_, read);
    if (objects.empty()) break;
    from = contents.after_key(objects.back().key);
    for (const Object& object : objects) {
      const bool more = co_await verify_object(bucket, object, true);
      if (!more) co_return false;
    }
  }
  const bool more = co_await verify_versions(bucket);
  if (!more) co_return false;
  co_return co_await verify_uploads(bucket);
}

Task<bool> Verifier::verify_versions(Bucket bucket) {
  const Versions versions(bucket);
  std::string from;
  while (true) {
    const auto seek = [&](storage::Transaction& txn) { return versions.first_key(txn, "", from); };
    const std::optional<std::string> key = co_await storage::transact(database_, seek);
    if (!key) co_return true;
    from = versions.after_key(*key);
    std::uint64_t before = 0;
    while (true) {
      const auto read = [&](storage::Transaction& txn) { return versions.of_key(txn, *key, before, kPage); };
      const std::vector<Object> objects = co_await storage::transact(database_, read);
      if (objects.empty()) break;
      before = order_of(objects.back());
      for (const Object& object : objects) {
        if (object.delete_marker) continue;
        const bool more = co_await verify_object(bucket, object, false);
        if (!more) co_return false;
      }
    }
  }
}

Task<bool> Verifier::verify_uploads(Bucket bucket) {
  const Contents contents(bucket);
  std::string after_key;
  std::string after_id;
  while (true) {
    const auto read = [&](storage::Transaction& txn) {
      return contents.list_uploads(txn, "", after_key, after_id, kPage);
    };
    const std::vector<Upload> uploads = co_await storage::transact(database_, read);
    if (uploads.empty()) co_return true;
    after_key = uploads.back().key;
    after_id = uploads.back().id;
    for (const Upload& upload : uploads) {
      const auto list = [&](storage::Transaction& txn) {
        return contents.list_parts(txn, upload.id, 0, kPartNumberLimit);
      };
      const std::vector<Part> parts = co_await storage::transact(database_, list);
      for (const Part& part : parts) {
        Flaw flaw = co_await flaw_of(part.piece, upload.encryption == kCustomerEncryption);
        if (flaw) flaw = "part " + std::to_string(part.number) + " of an unfinished upload: " + *flaw;
        const bool more = co_await note(bucket, upload.key, "", part.piece.size, std::move(flaw));
        if (!more) co_return false;
      }
    }
  }
}

Task<bool> Verifier::verify_object(Bucket bucket, Object object, bool current) {
  Flaw flaw;
  if (object.content_inline) flaw = co_await flaw_of_inline(bucket, object, current);
  for (const Piece& piece : object.pieces) {
    if (flaw) break;
    flaw = co_await flaw_of(piece, object.is_customer_sealed());
  }
  co_return co_await note(std::move(bucket), object.key, object.version, object.size, std::move(flaw));
}

Task<bool> Verifier::note(Bucket bucket, std::string key, std::string version, std::uint64_t bytes, Flaw flaw) {
  ++result_.objects;
  result_.bytes += bytes;
  if (flaw) {
    ++result_.damaged;
    Damage damage;
    damage.bucket = bucket.name;
    damage.key = std::move(key);
    damage.version = std::move(version);
    damage.why = std::move(*flaw);
    report_(damage);
  }
  co_return co_await pause_(bytes);
}

/// Row and content are read again, in one transaction: the row from the list may be an older one.
Task<Verifier::Flaw> Verifier::flaw_of_inline(Bucket bucket, Object object, bool current) {
  Object now;
  const auto read = [&](storage::Transaction& txn) -> Task<std::optional<std::string>> {
    const Contents contents(bucket);
    const Versions versions(bucket);
    std::optional<Object> row;
    if (current) row = co_await contents.find_object(txn, object.key);
    if (!current) row = co_await versions.find(txn, object.key, shown_version(object));
    if (!row || !row->content_inline) co_return std::optional<std::string>();
    now = *row;
    if (current) co_return std::optional<std::string>(co_await contents.read_inline(txn, object.key));
    co_return std::optional<std::string>(co_await versions.read_inline(txn, now));
  };
  std::optional<std::string> content = co_await storage::transact(database_, read);
  if (!content) co_return Flaw();
  if (content->size() != now.size) {
    co_return Flaw("it has " + std::to_string(content->size()) + " bytes, written were " + std::to_string(now.size));
  }
  if (!now.seal.empty() && !now.is_customer_sealed()) {
    const cumulet::Result<std::string> key = sealing_.unwrap(now.seal);
    if (!key.ok()) co_return Flaw(key.error().message());
    apply_keystream(*key, 0, *content);
  }
  co_return differs(hex_encode(md5(*content)), now.etag);
}

Task<Verifier::Flaw> Verifier::flaw_of(Piece piece, bool customers) {
  Flaw flaw = co_await flaw_in_bytes(piece, customers);
  if (!flaw) co_return flaw;
  // Gone meanwhile: then there is nothing left to be damaged.
  const auto read = [&piece](storage::Transaction& txn) { return is_blob_named(txn, piece.blob); };
  const bool named = co_await storage::transact(database_, read);
  if (!named) flaw.reset();
  co_return flaw;
}

Task<Verifier::Flaw> Verifier::flaw_in_bytes(Piece piece, bool customers) {
  const cumulet::Result<std::uint64_t> size = co_await attempt(blobs_.size(piece.blob));
  if (!size.ok()) co_return Flaw(size.error().message());
  if (*size != piece.size) {
    co_return Flaw("its file has " + std::to_string(*size) + " bytes, written were " + std::to_string(piece.size));
  }
  cumulet::Result<std::unique_ptr<BodySource>> opened = co_await attempt(blobs_.open(piece.blob, 0, piece.size));
  if (!opened.ok()) co_return Flaw(opened.error().message());
  std::unique_ptr<BodySource> body = std::move(*opened);
  if (!piece.seal.empty() && !customers) {
    cumulet::Result<std::string> key = sealing_.unwrap(piece.seal);
    if (!key.ok()) co_return Flaw(key.error().message());
    body = std::make_unique<UnsealedBody>(std::move(body), std::move(*key), 0);
  }
  Digest digest(DigestKind::kMd5);
  while (true) {
    const cumulet::Result<std::string> bytes = co_await attempt(body->read());
    if (!bytes.ok()) co_return Flaw(bytes.error().message());
    if (bytes->empty()) break;
    digest.update(*bytes);
  }
  co_return differs(hex_encode(digest.finish()), piece.etag);
}

}  // namespace cumulet::s3
