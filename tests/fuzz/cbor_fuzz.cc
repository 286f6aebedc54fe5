#include "tests/fuzz/wire_fuzz.h"
#include "wire/cbor.h"
#include "wire/generated/cloudwatch.h"

using namespace cumulet;
using namespace cumulet::wire;

/// What was read must be written and read again to the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FuzzInput input(data, size);
  const ServiceModel& service = cloudwatch::model();
  const OperationModel& operation = service.operations[input.choice % service.operations.size()];
  fuzz_decode(service, operation, fuzz_request("POST", "/", input.body));
  const CborTime time = input.choice > 127 ? CborTime::kSeconds : CborTime::kMillis;
  const Instance first = operation.make_input();
  Findings findings;
  decode_cbor(input.body, *operation.input, first.get(), time, findings);
  if (findings.fatal) return 0;
  const std::string once = encode_cbor(*operation.input, first.get(), time);
  const Instance second = operation.make_input();
  Findings again;
  decode_cbor(once, *operation.input, second.get(), time, again);
  if (again.fatal || encode_cbor(*operation.input, second.get(), time) != once) __builtin_trap();
  return 0;
}
