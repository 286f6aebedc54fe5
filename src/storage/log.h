#pragma once

#include <cstddef>
#include <string>

#include "storage/database.h"

/// Logs: rows in exactly the order of the commits that wrote them.
namespace cumulet::storage {

/// The length of a place in a log: the commit's number (8 bytes, big-endian), then the call's within it (4 bytes).
constexpr std::size_t kPlaceBytes = 12;

/// Adds a row to a log: its key is `log`, then kPlaceBytes that are greater than those of every commit before and of
/// every earlier call in this transaction. They are known at commit only, so that writers of one log need no counter on
/// which they would all meet; the transaction itself does not see the row.
void append(Transaction& transaction, std::string log, std::string value);

/// What an engine's transactions are besides, so that logs can be written in them.
class LogWriter {
 public:
  virtual ~LogWriter() = default;
  virtual void append(std::string log, std::string value) = 0;
};

}  // namespace cumulet::storage
