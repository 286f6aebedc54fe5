#pragma once

#include <string>

#include "net/mailer.h"
#include "services/sns/parts.h"

namespace cumulet::sns {

struct Letter {
  std::string to;
  std::string sender_name;
  std::string subject;
  std::string text;  ///< UTF-8.
};

/// Email by the SMTP server that the options name.
class Mail {
 public:
  explicit Mail(Parts& parts) : parts_(parts) {}
  /// Fails below 500 when it is no use trying again: no server is configured, or it refused the letter for good.
  Task<void> send(Letter letter);

 private:
  Parts& parts_;
  net::Mailer mailer_;
};

}  // namespace cumulet::sns
