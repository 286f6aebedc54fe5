#include "services/sqs/sqs.h"

namespace cumulet::sqs {

void Sqs::register_moves() {}
Task<void> Sqs::resume_moves() { co_return; }

}  // namespace cumulet::sqs
