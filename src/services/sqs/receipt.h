#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/sqs/model.h"

namespace cumulet::sqs {

/// What a receipt handle says: which message of which queue, and as which receive of it. Opaque to clients.
struct Receipt {
  Receipt() = default;
  Receipt(std::uint64_t q, Position p, std::uint32_t r) : queue(q), position(p), receives(r) {}
  std::uint64_t queue = 0;
  Position position;
  std::uint32_t receives = 0;

  std::string handle() const;
};

/// Nothing when it is no handle of ours.
std::optional<Receipt> parse_receipt(std::string_view handle);

}  // namespace cumulet::sqs
