#include <cstdint>
#include <cstdlib>
#include <string>

#include "services/lambda/durable/checkpoint.h"
#include "services/lambda/durable/session.h"
#include "services/lambda/durable/store.h"

/// Whatever lies in the store, and whatever a client calls a callback's id: it is read or refused, and what was read is
/// written so that it reads the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet::lambda::durable;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto execution = decode_execution(text)) {
    const std::string row = encode_execution(*execution);
    const auto again = decode_execution(row);
    if (!again || encode_execution(*again) != row) std::abort();
  }
  if (const auto operation = decode_operation(text)) (void)encode_operation(*operation);
  if (const auto id = CallbackId::parse(text)) {
    const auto again = CallbackId::parse(id->text());
    if (!again || again->text() != id->text()) std::abort();
  }
  if (const auto alarm = Alarm::parse(text)) (void)alarm->bytes();
  return 0;
}
