#include <vector>

#include "tests/fuzz/wire_fuzz.h"
#include "wire/generated/s3.h"

using namespace cumulet;
using namespace cumulet::wire;

/// The operations of S3 whose body is a document.
static const std::vector<const OperationModel*>& with_documents() {
  static const std::vector<const OperationModel*> found = [] {
    std::vector<const OperationModel*> all;
    for (const OperationModel& operation : s3::model().operations) {
      const Member* payload = operation.input->payload;
      if (payload != nullptr && payload->shape->kind == Kind::kStructure) all.push_back(&operation);
    }
    return all;
  }();
  return found;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FuzzInput input(data, size);
  const OperationModel& operation = *with_documents()[input.choice % with_documents().size()];
  fuzz_decode(s3::model(), operation, fuzz_request(std::string(operation.method), "/bucket/key", input.body));
  return 0;
}
