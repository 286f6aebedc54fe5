#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/task.h"

namespace cumulet::net {

/// One letter on its way to an SMTP server.
struct Mail {
  std::string server;  ///< smtp:// or smtps://, with user and password where it wants them; TLS where it offers it.
  std::string from;
  std::string to;
  std::string text;  ///< Head and body, lines ended by CR LF.
  std::chrono::milliseconds timeout{30'000};
};

/// Sends mail (libcurl), on threads of its own that the first letter starts. Thread-safe. Fails with code "MailRefused"
/// (400) when the server refuses the letter for good, "MailError" (502) when a later try may do.
class Mailer {
 public:
  Mailer();
  ~Mailer();
  Task<void> send(Mail mail);  ///< From a loop.

 private:
  struct Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace cumulet::net
