#pragma once

#include <string>
#include <string_view>

namespace cumulet::wire {

/// The bucket of a virtual-host style S3 host (BUCKET.s3.localhost, BUCKET.s3.REGION.amazonaws.com,
/// BUCKET.s3.localhost.localstack.cloud …); empty when the host is none.
std::string virtual_host_bucket(std::string_view host);

}  // namespace cumulet::wire
