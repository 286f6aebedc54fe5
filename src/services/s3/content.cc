#include "services/s3/content.h"

#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "net/http.h"
#include "services/s3/errors.h"

namespace cumulet::s3 {
namespace {

/// A file that is part of an object, kept from being erased while it is read.
class PinnedBody final : public BodySource {
 public:
  PinnedBody(std::unique_ptr<BodySource> body, std::shared_ptr<void> pin)
      : body_(std::move(body)), pin_(std::move(pin)) {}
  Task<std::string> read() override { return body_->read(); }
  std::optional<std::uint64_t> size() const override { return body_->size(); }
  BodySource& innermost() override { return body_->innermost(); }

 private:
  std::unique_ptr<BodySource> body_;
  std::shared_ptr<void> pin_;
};

/// Several pieces one after the other, each opened when it is reached.
class PiecesBody final : public BodySource {
 public:
  struct Stretch {
    std::string blob;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::string seal;
  };

  PiecesBody(storage::BlobStore& blobs, SealingKey sealing, std::vector<Stretch> stretches, std::uint64_t size,
             std::shared_ptr<void> pin)
      : blobs_(blobs),
        sealing_(std::move(sealing)),
        stretches_(std::move(stretches)),
        size_(size),
        pin_(std::move(pin)) {}

  Task<std::string> read() override {
    while (true) {
      if (!current_) {
        if (next_ == stretches_.size()) co_return std::string();
        const Stretch& stretch = stretches_[next_++];
        current_ = co_await blobs_.open(stretch.blob, stretch.offset, stretch.length);
        if (!stretch.seal.empty()) {
          std::string key = co_await sealing_.unwrap(stretch.seal);
          current_ = std::make_unique<UnsealedBody>(std::move(current_), std::move(key), stretch.offset);
        }
      }
      std::string bytes = co_await current_->read();
      if (!bytes.empty()) co_return bytes;
      current_.reset();
    }
  }
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  storage::BlobStore& blobs_;
  SealingKey sealing_;
  std::vector<Stretch> stretches_;
  std::uint64_t size_;
  std::shared_ptr<void> pin_;
  std::size_t next_ = 0;
  std::unique_ptr<BodySource> current_;
};

/// What is worked out over the bytes of an object as they come in.
struct Digests {
  Digests(std::optional<wire::ChecksumKind> checksum, bool with_crc64) {
    if (checksum) sum.emplace(*checksum);
    if (with_crc64) crc64.emplace(wire::ChecksumKind::kCrc64Nvme);
  }
  void update(std::string_view bytes) {
    md5.update(bytes);
    if (sum) sum->update(bytes);
    if (crc64) crc64->update(bytes);
  }

  Digest md5{DigestKind::kMd5};
  std::optional<wire::Checksum> sum;
  std::optional<wire::Checksum> crc64;
};

}  // namespace

std::shared_ptr<void> BlobPins::pin(std::vector<std::string> ids) {
  {
    std::lock_guard lock(mutex_);
    for (const std::string& id : ids) ++pinned_[id].readers;
  }
  // The address stands for the pin; only its deleter matters.
  return std::shared_ptr<void>(this, [this, ids = std::move(ids)](void*) { release(ids); });
}

void BlobPins::release(const std::vector<std::string>& ids) {
  std::vector<std::string> doomed;
  {
    std::lock_guard lock(mutex_);
    for (const std::string& id : ids) {
      const auto found = pinned_.find(id);
      if (found == pinned_.end() || --found->second.readers > 0) continue;
      if (found->second.doomed) doomed.push_back(id);
      pinned_.erase(found);
    }
  }
  // Without a loop the server is going down: the sweep at the next start takes them.
  if (doomed.empty() || Loop::current() == nullptr) return;
  start(erase(std::move(doomed)), [](const Result<void>&) {});
}

Task<void> BlobPins::erase(std::vector<std::string> ids) {
  for (const std::string& id : ids) {
    {
      std::lock_guard lock(mutex_);
      const auto found = pinned_.find(id);
      if (found != pinned_.end()) {
        found->second.doomed = true;
        continue;
      }
    }
    const Result<void> erased = co_await attempt(blobs_.erase(id));
    if (!erased.ok()) log::warning("an old object's bytes could not be erased", {{"why", erased.error().message()}});
  }
}

Task<Received> receive(storage::BlobStore& blobs, BodySource& body, std::optional<wire::ChecksumKind> checksum,
                       bool always_blob, const SealingKey* sealing, bool with_crc64) {
  Received received;
  // A blob's digests are taken off the loop, from the bytes that are being written; what is sealed must be seen before.
  const auto digests = std::make_shared<Digests>(checksum, with_crc64);
  storage::BlobStore::Onlooker onlooker;
  if (sealing == nullptr) onlooker = [digests](std::string_view bytes) { digests->update(bytes); };
  std::optional<Digest> stored_md5;  // The digest of what a client hides would tell too much.
  if (sealing != nullptr && sealing->is_customers()) stored_md5.emplace(DigestKind::kMd5);
  std::unique_ptr<storage::BlobStore::Writer> writer;
  std::string content_key;
  if (sealing != nullptr) {
    received.seal = sealing->new_seal();
    content_key = co_await sealing->unwrap(received.seal);
  }
  if (always_blob) writer = co_await blobs.create(onlooker);
  while (true) {
    std::string bytes = co_await body.read();
    if (bytes.empty()) break;
    received.size += bytes.size();
    if (received.size > kObjectLimit) co_return entity_too_large(received.size);
    if (sealing != nullptr) {
      digests->update(bytes);
      apply_keystream(content_key, received.size - bytes.size(), bytes);
    }
    if (stored_md5) stored_md5->update(bytes);
    if (!writer && received.size > kInlineLimit) {
      writer = co_await blobs.create(onlooker);
      if (!received.bytes.empty()) co_await writer->write(std::exchange(received.bytes, {}));
    }
    if (writer) {
      co_await writer->write(std::move(bytes));
    } else {
      received.bytes += bytes;
    }
  }
  received.is_inline = writer == nullptr;
  if (writer) received.blob = co_await writer->finish();
  if (received.is_inline && sealing == nullptr) digests->update(received.bytes);
  received.md5 = digests->md5.finish();
  received.etag = hex_encode(stored_md5 ? stored_md5->finish() : received.md5);
  if (digests->sum) received.checksum = digests->sum->finish();
  if (digests->crc64) received.crc64 = digests->crc64->finish();
  co_return received;
}

void place(Object& object, const Received& received, const std::string& encryption) {
  object.content_inline = received.is_inline;
  if (encryption != "AES256") object.encryption = encryption;
  if (received.is_inline) {
    object.seal = received.seal;
    return;
  }
  object.pieces.emplace_back(received.blob, received.size, object.etag);
  object.pieces.back().seal = received.seal;
}

Task<std::shared_ptr<BodySource>> open_pieces(storage::BlobStore& blobs, BlobPins& pins, const SealingKey& sealing,
                                              std::vector<Piece> pieces, std::uint64_t offset, std::uint64_t length) {
  std::vector<PiecesBody::Stretch> stretches;
  std::vector<std::string> ids;
  std::uint64_t start = 0;
  std::uint64_t left = length;
  for (const Piece& piece : pieces) {
    const std::uint64_t end = start + piece.size;
    if (left > 0 && offset < end) {
      PiecesBody::Stretch stretch;
      stretch.blob = piece.blob;
      stretch.seal = piece.seal;
      stretch.offset = offset - start;
      stretch.length = std::min(left, end - offset);
      left -= stretch.length;
      offset += stretch.length;
      ids.push_back(piece.blob);
      stretches.push_back(std::move(stretch));
    }
    start = end;
  }
  std::shared_ptr<void> pin = pins.pin(std::move(ids));
  if (stretches.size() == 1 && stretches.front().seal.empty()) {
    const int fd = co_await blobs.open_fd(stretches.front().blob);
    auto file = std::make_unique<net::FileBody>(fd, stretches.front().offset, stretches.front().length);
    co_return std::make_shared<PinnedBody>(std::move(file), std::move(pin));
  }
  co_return std::make_shared<PiecesBody>(blobs, sealing, std::move(stretches), length, std::move(pin));
}

}  // namespace cumulet::s3
