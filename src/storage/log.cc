#include "storage/log.h"

#include <utility>

namespace cumulet::storage {

void append(Transaction& transaction, std::string log, std::string value) {
  dynamic_cast<LogWriter&>(transaction).append(std::move(log), std::move(value));
}

}  // namespace cumulet::storage
