#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/unit/s3/select_fixture.h"

// A CSV object (the first byte chooses how it is read), and the same bytes as JSON. However they are cut into pieces,
// the rows must be the same.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet::s3::select;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Settings settings = Selecting::csv((data[0] & 1) != 0 ? CsvInput::Header::kIgnore : CsvInput::Header::kNone);
  settings.csv->quoted_record_delimiters = (data[0] & 2) != 0;
  if ((data[0] & 4) != 0) settings.csv->record_delimiter = "\r\n";
  if ((data[0] & 8) != 0) settings.csv->field_delimiter = "ab";
  if ((data[0] & 16) != 0) settings.csv->escape = '\\';
  for (const Settings& each : {settings, Selecting::json()}) {
    const std::string whole = Selecting::run("SELECT * FROM S3Object", text, each);
    if (Selecting::run("SELECT * FROM S3Object", text, each, 1) != whole) std::abort();
    if (Selecting::run("SELECT * FROM S3Object", text, each, 5) != whole) std::abort();
  }
  return 0;
}
