#include "tests/fuzz/wire_fuzz.h"
#include "wire/generated/cloudformation.h"
#include "wire/generated/iam.h"
#include "wire/generated/s3.h"
#include "wire/generated/sts.h"

using namespace cumulet;
using namespace cumulet::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FuzzInput input(data, size);
  const ServiceModel* const services[] = {&iam::model(), &sts::model(), &cloudformation::model()};
  const ServiceModel& service = *services[input.choice % 3];
  const OperationModel& operation = service.operations[(input.choice / 3) % service.operations.size()];
  fuzz_decode(service, operation, fuzz_request("POST", "/", input.body));
  net::Request form = fuzz_request("POST", "/", input.body);
  static_cast<void>(run(route(service, form, "")));

  // The same bytes as the path and query of a request to S3.
  net::Request object = fuzz_request("GET", "/", "");
  const std::size_t question = input.body.find('?');
  object.path = "/" + std::string(input.body.substr(0, question));
  if (question != std::string_view::npos) object.query = std::string(input.body.substr(question + 1));
  const Result<const OperationModel*> found = run(route(s3::model(), object, ""));
  if (found.ok()) fuzz_decode(s3::model(), **found, std::move(object));
  return 0;
}
