#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "net/http.h"

namespace cumulet::wire {

/// Who calls, as the signature proved it.
struct Caller {
  std::string account;    ///< 12 digits.
  std::string arn;        ///< arn:aws:iam::…:root, …:user/name, arn:aws:sts::…:assumed-role/role/session.
  std::string unique_id;  ///< What GetCallerIdentity gives as UserId.
  std::string access_key_id;
  bool anonymous = false;  ///< Unsigned: only operations that allow it see such a caller.
};

/// One call of an operation: what is known besides its typed input, and what the reply gets besides its typed output.
struct Call {
  explicit Call(net::Request& request) : http(request) {}

  net::Request& http;
  std::string request_id;
  std::string service;  ///< Signing name: "dynamodb", "s3", …
  std::string operation;
  std::string region;
  Caller caller;
  Timestamp time;
  std::string endpoint;  ///< scheme://host:port under which the client reached us: the stem of URLs we hand out.

  net::Headers reply_headers;       ///< Added to the reply (x-amz-…).
  std::optional<int> reply_status;  ///< Instead of the model's status.

  const std::string& account() const { return caller.account; }
};

}  // namespace cumulet::wire
