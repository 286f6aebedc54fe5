#pragma once

#include <string>
#include <string_view>

namespace cumulet::net {

/// What the body of a chunked request also is: fields that came after its last piece.
class Trailers {
 public:
  virtual ~Trailers() = default;
  /// A field's value once the body has been read to its end; empty when there is none of that name.
  virtual std::string trailer(std::string_view name) const = 0;
};

}  // namespace cumulet::net
