#include "services/s3/replication.h"

#include "base/ids.h"
#include "net/http.h"
#include "services/s3/acl.h"
#include "storage/row.h"
#include "wire/arn.h"
#include "wire/call.h"

namespace cumulet::s3 {
namespace {

constexpr const char* kActor = "s3.amazonaws.com";

struct Located {
  Located(Object o, bool c) : object(std::move(o)), current(c) {}
  Object object;
  bool current;
};

/// A version or a delete marker, wherever it lies.
Task<std::optional<Located>> locate(storage::Transaction& txn, const Bucket& bucket, std::string key,
                                    std::string version_id) {
  const Contents contents(bucket);
  const Versions versions(bucket);
  std::optional<Object> current = co_await contents.find_object(txn, key);
  if (current && shown_version(*current) == version_id) {
    co_return std::optional<Located>(Located(std::move(*current), true));
  }
  std::optional<Object> kept = co_await versions.find(txn, key, version_id);
  if (!kept) co_return std::optional<Located>();
  co_return std::optional<Located>(Located(std::move(*kept), false));
}

}  // namespace

/// What an event says.
struct Replication::Job {
  explicit Job(const std::string& bytes) {
    storage::RowReader row(bytes);
    bucket = row.text();
    key = row.text();
    version = row.text();
    to = row.text();
    storage_class = row.text();
  }
  std::string bucket;
  std::string key;
  std::string version;
  std::string to;
  std::string storage_class;
};

Replication::Replication(storage::Database& database, storage::BlobStore& blobs, events::Outbox& outbox, BlobPins& pins,
                         const SealingKey& sealing, const Notifications& notifications)
    : database_(database),
      blobs_(blobs),
      outbox_(outbox),
      pins_(pins),
      sealing_(sealing),
      notifications_(notifications) {}

void Replication::record(storage::Transaction& txn, const Bucket& bucket, Object& object) const {
  if (bucket.replication.empty() || object.version.empty() || object.replication == "REPLICA") return;
  const std::vector<ReplicaPlace> places = replica_places(bucket, object);
  if (places.empty()) return;
  object.replication = "PENDING";
  object.replicating.clear();
  for (const ReplicaPlace& place : places) {
    object.replicating.push_back(place.bucket);
    storage::RowWriter row;
    row.text(bucket.name).text(object.key).text(object.version).text(place.bucket).text(place.storage_class);
    events::Event event;
    event.account = bucket.account;
    event.region = bucket.region;
    event.target_arn = wire::make_arn(kService, bucket.region, bucket.account, place.bucket);
    event.source_arn = bucket.arn();
    event.payload = std::move(row).bytes();
    outbox_.record(txn, std::move(event));
  }
}

Task<events::Outcome> Replication::deliver(const events::Event& event) {
  const Job job(event.payload);
  const auto find_source = [&job](storage::Transaction& txn) { return find_bucket(txn, job.bucket); };
  const auto find_destination = [&job](storage::Transaction& txn) { return find_bucket(txn, job.to); };
  const std::optional<Bucket> from = co_await storage::transact(database_, find_source);
  if (!from) co_return events::Outcome::delivered();
  const std::optional<Bucket> to = co_await storage::transact(database_, find_destination);
  if (!to || to->versioning != "Enabled") {
    co_await conclude(job, *from, true);
    co_return events::Outcome::dropped("the destination of a replication is not there, or without versioning");
  }
  const bool let_in = co_await run(job, *from, *to);
  co_await conclude(job, *from, !let_in);
  if (!let_in) co_return events::Outcome::dropped("the destination's policy does not let the replication's role in");
  co_return events::Outcome::delivered();
}

Task<bool> Replication::run(const Job& job, const Bucket& from, const Bucket& to) {
  Copy copy = co_await read(job, from);
  if (copy.object.version.empty()) co_return true;  // Gone meanwhile.
  if (!lets_replicate(from, to, job.key, copy.object.delete_marker)) co_return false;
  Result<void> copied = co_await attempt(copy_pieces(copy));
  bool named = false;
  if (copied.ok()) {
    const Result<bool> written = co_await attempt(write(job, copy, to));
    if (written.ok()) {
      named = *written;
    } else {
      copied = written.error();
    }
  }
  if (!named) co_await pins_.erase(copy.made);
  co_await std::move(copied);
  co_return true;
}

Task<Replication::Copy> Replication::read(const Job& job, const Bucket& from) {
  Copy copy;
  const auto look = [&](storage::Transaction& txn) -> Task<void> {
    copy = Copy();
    std::optional<Located> found = co_await locate(txn, from, job.key, job.version);
    if (!found) co_return;
    if (found->object.content_inline) {
      const Contents contents(from);
      const Versions versions(from);
      if (found->current) {
        copy.content = co_await contents.read_inline(txn, job.key);
      } else {
        copy.content = co_await versions.read_inline(txn, found->object);
      }
    }
    copy.object = std::move(found->object);
    copy.account = from.account;
    std::vector<std::string> ids;
    for (const Piece& piece : copy.object.pieces) ids.push_back(piece.blob);
    copy.pin = pins_.pin(std::move(ids));
  };
  co_await storage::transact(database_, look);
  co_return copy;
}

/// Byte for byte, as they lie: what is sealed stays so, under the same seal.
Task<void> Replication::copy_pieces(Copy& copy) {
  for (Piece& piece : copy.object.pieces) {
    Piece raw = piece;
    raw.seal.clear();
    std::vector<Piece> one{std::move(raw)};
    const std::shared_ptr<BodySource> body =
        co_await open_pieces(blobs_, pins_, sealing_, std::move(one), 0, piece.size);
    const Received received = co_await receive(blobs_, *body, std::nullopt, true, nullptr);
    copy.made.push_back(received.blob);
    piece.blob = received.blob;
  }
}

Task<bool> Replication::write(const Job& job, const Copy& copy, const Bucket& to) {
  const auto put = [&](storage::Transaction& txn) -> Task<bool> {
    const std::optional<Bucket> now = co_await find_bucket(txn, to.name);
    if (!now) co_return false;
    Object replica = copy.object;
    static_cast<Access&>(replica) = Access();
    if (now->account != copy.account && acls_enabled(*now)) replica.owner = copy.account;
    replica.replication = "REPLICA";
    replica.replicating.clear();
    if (now->object_lock.empty()) replica.lock = ObjectLock();
    if (!job.storage_class.empty()) replica.metadata.storage_class = job.storage_class;
    std::optional<Located> there = co_await locate(txn, *now, job.key, job.version);
    if (there) {  // It was copied before: what may have changed since are its tags.
      there->object.tags = replica.tags;
      put_version_row(txn, *now, there->object, there->current);
      co_return false;
    }
    const bool current = co_await insert_version(txn, *now, replica, copy.content);
    if (!current) co_return true;
    net::Request request;
    request.remote_address = kActor;
    wire::Call call(request);
    call.request_id = uuid();
    call.caller.account = call.caller.unique_id = kActor;
    const auto change = replica.delete_marker ? ObjectChange::kDeleteMarker : ObjectChange::kPut;
    co_await notifications_.record(txn, *now, call, change, replica);
    co_return true;
  };
  co_return co_await storage::transact(database_, put);
}

Task<void> Replication::conclude(const Job& job, const Bucket& from, bool failed) {
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    std::optional<Located> source = co_await locate(txn, from, job.key, job.version);
    if (!source) co_return;
    Object& object = source->object;
    std::erase(object.replicating, job.to);
    if (failed) {
      object.replication = "FAILED";
    } else if (object.replicating.empty() && object.replication == "PENDING") {
      object.replication = "COMPLETED";
    }
    put_version_row(txn, from, object, source->current);
  };
  co_await storage::transact(database_, write);
}

}  // namespace cumulet::s3
