#pragma once

#include <memory>

#include "base/body.h"

namespace cumulet::firehose {

/// Another body's bytes, in gzip's format. The same bytes give the same result.
std::shared_ptr<BodySource> gzip_body(std::shared_ptr<BodySource> plain);

}  // namespace cumulet::firehose
