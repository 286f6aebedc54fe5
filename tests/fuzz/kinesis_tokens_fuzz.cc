#include <string>
#include <string_view>

#include "services/firehose/object_name.h"
#include "services/kinesis/iterator.h"
#include "services/kinesis/sequence.h"

/// What clients hand back (iterators, sequence numbers, hash keys), and the expressions in the prefixes of archives.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace cumulet;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto iterator = kinesis::parse_iterator(text)) {
    const auto again = kinesis::parse_iterator(iterator->text());
    if (!again || again->from != iterator->from) __builtin_trap();
  }
  if (const auto sequence = kinesis::parse_sequence_number(text)) {
    if (kinesis::sequence_number(sequence->position, sequence->shard) != text) __builtin_trap();
  }
  if (const auto key = kinesis::parse_hash_key(text)) {
    if (kinesis::hash_key_text(*key) != text) __builtin_trap();
  }
  static_cast<void>(kinesis::parse_shard_id(text));
  for (const bool error_output : {false, true}) {
    if (!firehose::check_prefix(text, error_output).ok()) continue;
    static_cast<void>(firehose::expand_prefix(text, Timestamp(), error_output ? "processing-failed" : ""));
  }
  return 0;
}
