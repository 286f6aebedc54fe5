#include "services/s3/lifecycle.h"

#include <algorithm>

#include "base/ids.h"
#include "base/text.h"
#include "net/http.h"
#include "services/s3/object_lock.h"
#include "wire/arn.h"
#include "wire/call.h"

namespace cumulet::s3 {
namespace {

constexpr std::size_t kRowsInBatch = 64;
constexpr std::size_t kBatchesInDelivery = 16;
constexpr const char* kActor = "s3.amazonaws.com";  ///< Whom events name for what nobody asked for.

std::int64_t day_start_after(std::int64_t now_millis) { return midnight_after(now_millis + 1, 0); }

Timestamp time_of(std::int64_t millis) { return Timestamp(std::chrono::milliseconds(millis)); }

std::int64_t number_of(const events::Event& event, const char* name) {
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? 0 : parse_int(found->second).value_or(0);
}

std::string text_of(const events::Event& event, const char* name) {
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? std::string() : found->second;
}

}  // namespace

/// One transaction of a pass.
class Lifecycle::Pass {
 public:
  Pass(storage::Transaction& txn, const Notifications& notifications, Bucket bucket, std::int64_t now, Place place)
      : txn_(txn),
        notifications_(notifications),
        bucket_(std::move(bucket)),
        rules_(bucket_),
        contents_(bucket_),
        versions_(bucket_),
        now_(now) {
    batch_.place = std::move(place);
    request_.remote_address = kActor;
    call_.request_id = uuid();
    call_.caller.account = kActor;
    call_.caller.unique_id = kActor;
  }

  Task<Batch> run() {
    Place& place = batch_.place;
    if (rules_.empty()) place.end = true;
    while (!place.end && batch_.rows < kRowsInBatch) {
      if (place.uploads) {
        co_await next_upload();
      } else if (bucket_.versioning.empty()) {
        co_await next_objects();
      } else {
        co_await next_key();
      }
    }
    co_return std::move(batch_);
  }

 private:
  void objects_done() {
    batch_.place = Place();
    batch_.place.uploads = true;
  }

  Task<void> next_objects() {
    const std::string from = batch_.place.key.empty() ? std::string() : contents_.after_key(batch_.place.key);
    const std::vector<Object> objects = co_await contents_.list_objects(txn_, "", from, kRowsInBatch);
    for (const Object& object : objects) {
      ++batch_.rows;
      co_await look_at_current(object);
      batch_.place.key = object.key;
    }
    if (objects.empty()) objects_done();
  }

  /// A key with its versions, or as many of them as a batch has.
  Task<void> next_key() {
    Place& place = batch_.place;
    if (place.order == 0) {
      const std::string current_from = place.key.empty() ? std::string() : contents_.after_key(place.key);
      const std::string kept_from = place.key.empty() ? std::string() : versions_.after_key(place.key);
      const std::vector<Object> current = co_await contents_.list_objects(txn_, "", current_from, 1);
      const std::optional<std::string> kept = co_await versions_.first_key(txn_, "", kept_from);
      if (current.empty() && !kept) {
        objects_done();
        co_return;
      }
      ++batch_.rows;
      const bool has_current = !current.empty() && (!kept || current.front().key <= *kept);
      place.key = has_current ? current.front().key : *kept;
      place.newer = 0;
      place.since = has_current ? current.front().modified : 0;
      if (has_current) {
        const bool hidden = co_await look_at_current(current.front());
        if (hidden) place.since = 0;
      }
    }
    co_await look_at_versions();
  }

  Task<void> look_at_versions() {
    Place& place = batch_.place;
    const std::string key = place.key;
    const std::vector<Object> page = co_await versions_.of_key(txn_, key, place.order, kRowsInBatch);
    for (const Object& version : page) {
      ++batch_.rows;
      // Without a current object the newest version is the delete marker that hides the others: it is no old one.
      const bool newest_marker = place.since == 0;
      if (!newest_marker) {
        const Noncurrent at(place.since, place.newer);
        co_await look_at_noncurrent(version, at);
        ++place.newer;
      }
      place.since = version.modified;
      place.order = order_of(version);
    }
    if (page.size() == kRowsInBatch) co_return;
    co_await look_at_lone_marker(key);
    place.order = 0;
  }

  /// Whether it has expired: a delete marker has come in its place, or nothing.
  Task<bool> look_at_current(const Object& object) {
    const std::optional<Scheduled> expiration = rules_.expiration(object);
    if (expiration && expiration->at <= now_) {
      const Deletion done = co_await delete_version(txn_, bucket_, object.key, std::nullopt, now_);
      batch_.blobs.insert(batch_.blobs.end(), done.blobs.begin(), done.blobs.end());
      Object gone;
      gone.key = object.key;
      if (done.version_id != "null") gone.version = done.version_id;
      const auto change = done.marker_made ? ObjectChange::kExpireMarker : ObjectChange::kExpire;
      co_await notifications_.record(txn_, bucket_, call_, change, gone);
      co_return true;
    }
    Object moved = object;
    moved.metadata.storage_class = rules_.transition(object, now_);
    if (moved.metadata.storage_class.empty()) co_return false;
    contents_.put_object_row(txn_, moved);
    co_await notifications_.record(txn_, bucket_, call_, ObjectChange::kTransition, moved);
    co_return false;
  }

  Task<void> look_at_noncurrent(const Object& version, Noncurrent at) {
    if (rules_.noncurrent_expired(version, at, now_)) {
      if (is_protected(version.lock, now_, false)) co_return;
      co_await expire(version);
      co_return;
    }
    Object moved = version;
    moved.metadata.storage_class = rules_.noncurrent_transition(version, at, now_);
    if (moved.metadata.storage_class.empty()) co_return;
    versions_.put_row(txn_, moved);
    co_await notifications_.record(txn_, bucket_, call_, ObjectChange::kTransition, moved);
  }

  /// A delete marker that hides nothing any more.
  Task<void> look_at_lone_marker(std::string key) {
    const std::vector<Object> left = co_await versions_.of_key(txn_, key, 0, 2);
    if (left.size() != 1 || !left.front().delete_marker || !rules_.marker_expired(left.front(), now_)) co_return;
    const std::optional<Object> current = co_await contents_.find_object(txn_, key);
    if (!current) co_await expire(left.front());
  }

  Task<void> expire(const Object& version) {
    versions_.erase(txn_, version);
    for (const Piece& piece : version.pieces) batch_.blobs.push_back(piece.blob);
    Object gone;
    gone.key = version.key;
    gone.version = version.version;
    co_await notifications_.record(txn_, bucket_, call_, ObjectChange::kExpire, gone);
  }

  /// Uploads up to the first that is given up: its parts are enough for one transaction.
  Task<void> next_upload() {
    Place& place = batch_.place;
    const std::vector<Upload> uploads =
        co_await contents_.list_uploads(txn_, "", place.key, place.upload, kRowsInBatch);
    if (uploads.empty()) place.end = true;
    for (const Upload& upload : uploads) {
      ++batch_.rows;
      place.key = upload.key;
      place.upload = upload.id;
      const std::optional<Scheduled> abort = rules_.abort(upload);
      if (!abort || abort->at > now_) continue;
      const std::vector<std::string> blobs = co_await contents_.discard_upload(txn_, upload);
      batch_.blobs.insert(batch_.blobs.end(), blobs.begin(), blobs.end());
      batch_.rows = kRowsInBatch;
      co_return;
    }
  }

  storage::Transaction& txn_;
  const Notifications& notifications_;
  const Bucket bucket_;
  const LifecycleRules rules_;
  const Contents contents_;
  const Versions versions_;
  const std::int64_t now_;
  net::Request request_;
  wire::Call call_{request_};
  Batch batch_;
};

Lifecycle::Lifecycle(storage::Database& database, const Clock& clock, events::Outbox& outbox, BlobPins& pins,
                     const Notifications& notifications)
    : database_(database),
      clock_(clock),
      outbox_(outbox),
      pins_(pins),
      notifications_(notifications),
      timetable_(database, clock, std::string(kService),
                 [this](storage::Transaction& txn, Timestamp, std::string bucket) {
                   return fall_due(txn, std::move(bucket));
                 }) {}

void Lifecycle::begin(storage::Transaction& txn, const Bucket& bucket) const {
  record(txn, bucket);
  timetable_.put(txn, time_of(day_start_after(clock_.now_millis())), bucket.name);
}

Task<void> Lifecycle::fall_due(storage::Transaction& txn, std::string name) {
  const std::optional<Bucket> bucket = co_await find_bucket(txn, std::move(name));
  if (bucket && !bucket->lifecycle.empty()) begin(txn, *bucket);
}

void Lifecycle::record(storage::Transaction& txn, const Bucket& bucket) const {
  events::Event event;
  event.account = bucket.account;
  event.region = bucket.region;
  event.target_arn = wire::make_arn(kService, bucket.region, bucket.account, bucket.name);
  event.source_arn = bucket.arn();
  event.payload = bucket.name;
  outbox_.record(txn, std::move(event));
}

Lifecycle::Place Lifecycle::place_of(const events::Event& event) {
  Place place;
  place.uploads = number_of(event, "Uploads") != 0;
  place.key = text_of(event, "Key");
  place.upload = text_of(event, "Upload");
  place.order = static_cast<std::uint64_t>(number_of(event, "Order"));
  place.newer = number_of(event, "Newer");
  place.since = number_of(event, "Since");
  return place;
}

std::map<std::string, std::string> Lifecycle::notes_of(const Place& place) {
  return {{"Uploads", place.uploads ? "1" : "0"},
          {"Key", place.key},
          {"Upload", place.upload},
          {"Order", std::to_string(place.order)},
          {"Newer", std::to_string(place.newer)},
          {"Since", std::to_string(place.since)}};
}

Task<Lifecycle::Batch> Lifecycle::run_batch(storage::Transaction& txn, std::string name, Place place) {
  std::optional<Bucket> bucket = co_await find_bucket(txn, std::move(name));
  if (!bucket) {
    Batch nothing;
    nothing.place.end = true;
    co_return nothing;
  }
  Pass pass(txn, notifications_, std::move(*bucket), clock_.now_millis(), std::move(place));
  co_return co_await pass.run();
}

Task<events::Outcome> Lifecycle::deliver(const events::Event& event) {
  const std::string bucket = event.payload;
  Place place = place_of(event);
  for (std::size_t batches = 0; batches < kBatchesInDelivery && !place.end; ++batches) {
    const auto step = [&](storage::Transaction& txn) { return run_batch(txn, bucket, place); };
    Batch done = co_await storage::transact(database_, step);
    co_await pins_.erase(std::move(done.blobs));
    place = std::move(done.place);
  }
  if (place.end) co_return events::Outcome::delivered();
  events::Outcome outcome = events::Outcome::retry(milliseconds(0), "the bucket goes on");
  outcome.notes = notes_of(place);
  co_return outcome;
}

}  // namespace cumulet::s3
