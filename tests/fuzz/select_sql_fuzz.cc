#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/unit/s3/select_fixture.h"

// A SQL expression. What parses is run over a CSV and a JSON object: it gives rows, or one of the documented errors.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet::s3::select;
  const std::string sql(reinterpret_cast<const char*>(data), size);
  const cumulet::Result<Statement> statement = parse_statement(sql);
  if (!statement.ok()) {
    if (statement.error().http_status() != 400) std::abort();
    return 0;
  }
  Selecting::run(sql, "a,b\n1,2007-04-05T14:30Z\nx,\"y\"\n", Selecting::csv(CsvInput::Header::kUse));
  Selecting::run(sql, R"({"a":[1,{"b":"x\n"}],"c":{"d":null,"e":1.50}} [true])", Selecting::json());
  return 0;
}
