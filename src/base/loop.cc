#include "base/loop.h"

namespace cumulet {

thread_local Loop* Loop::current_ = nullptr;

}  // namespace cumulet
