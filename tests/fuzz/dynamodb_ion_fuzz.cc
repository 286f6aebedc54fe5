// A record in Ion that an import reads. What is read is written, and read again as the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "services/dynamodb/ion.h"

using namespace cumulet::dynamodb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  cumulet::Result<Item> item = item_of_ion_record(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!item || !normalise(*item)) return 0;
  cumulet::Result<Item> again = item_of_ion_record(ion_record(*item));
  if (!again || !normalise(*again) || *again != *item) std::abort();
  return 0;
}
