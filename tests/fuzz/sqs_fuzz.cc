#include <cstdint>
#include <string>

#include "services/sqs/message_rules.h"
#include "services/sqs/permissions.h"
#include "services/sqs/queue_attributes.h"
#include "services/sqs/receipt.h"
#include "services/sqs/store.h"

using namespace cumulet::sqs;

/// Receipt handles, the JSON in queue attributes, stored policies, and rows as a damaged disk may give them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto receipt = parse_receipt(text);
      receipt && parse_receipt(receipt->handle())->position != receipt->position) {
    __builtin_trap();
  }
  QueueSettings settings;
  (void)apply_attributes({{"RedrivePolicy", text}}, true, settings);
  (void)apply_attributes({{"RedriveAllowPolicy", text}}, true, settings);
  (void)apply_attributes({{"Policy", text}}, true, settings);
  (void)without_permission(text, "label");
  (void)has_allowed_characters(text);
  store::decode_content(text);
  store::decode_state(text);
  store::decode_queue(QueueName(), text);
  return 0;
}
