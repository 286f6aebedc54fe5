#include "base/task.h"

#include <exception>
#include <new>
#include <string>

#include "base/log.h"
#include "base/metrics.h"

namespace cumulet::detail {
namespace {

std::string describe_current_exception() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "not a std::exception";
  }
}

}  // namespace

Error error_from_current_exception() noexcept {
  const std::string what = describe_current_exception();
  Metrics::instance().counter("cumulet_exceptions_total").add();
  log::error("exception", {{"what", what}});
  return Error(errors::kInternalFailure, "The request processing has failed because of an unknown error.");
}

}  // namespace cumulet::detail
