#include "services/firehose/firehose.h"

namespace cumulet::firehose {

Firehose::Firehose(storage::Database& database, const Clock& clock, const wire::Directory& directory,
                   events::StreamSource& streams)
    : database_(database), clock_(clock), directory_(directory), streams_(streams), service_(wire::firehose::model()) {
  register_streams();
  register_records();
}

Firehose::BufferPtr Firehose::buffer_of(const DeliveryStream& stream) {
  std::lock_guard lock(mutex_);
  BufferPtr& buffer = buffers_[stream.id];
  if (buffer == nullptr) buffer = std::make_shared<Buffer>(database_, clock_, stream.id);
  return buffer;
}

}  // namespace cumulet::firehose
