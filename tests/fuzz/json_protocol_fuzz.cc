#include "tests/fuzz/wire_fuzz.h"
#include "wire/generated/dynamodb.h"
#include "wire/generated/lambda.h"
#include "wire/generated/logs.h"
#include "wire/json.h"

using namespace cumulet;
using namespace cumulet::wire;

/// What was read must be written and read again to the same text.
static void round_trip(const Shape& shape, std::string_view text, const OperationModel& operation) {
  const Instance first = operation.make_input();
  Findings findings;
  decode_json(text, shape, first.get(), false, findings);
  if (findings.fatal) return;
  const std::string once = encode_json(shape, first.get());
  const Instance second = operation.make_input();
  Findings again;
  decode_json(once, shape, second.get(), false, again);
  if (again.fatal || encode_json(shape, second.get()) != once) __builtin_trap();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FuzzInput input(data, size);
  const ServiceModel& service = input.choice % 2 == 0 ? dynamodb::model() : logs::model();
  const OperationModel& operation = service.operations[(input.choice / 2) % service.operations.size()];
  fuzz_decode(service, operation, fuzz_request("POST", "/", input.body));
  fuzz_decode(lambda::model(), lambda::CreateFunction::model(),
              fuzz_request("POST", "/2015-03-31/functions", input.body));
  round_trip(*operation.input, input.body, operation);
  return 0;
}
