#pragma once

#include <map>
#include <string>

#include "services/sns/parts.h"

namespace cumulet::sns {

/// One short message.
struct SmsMessage {
  SmsMessage(std::string a, std::string r, std::string p, std::string t, std::string i)
      : account(std::move(a)), region(std::move(r)), phone(std::move(p)), text(std::move(t)), id(std::move(i)) {}
  /// AWS.SNS.SMS.SenderID, SMSType, MaxPrice …
  void take_attributes(const std::map<std::string, MessageAttribute>& attributes);

  std::string account;
  std::string region;
  std::string phone;  ///< E.164: + and digits.
  std::string text;
  std::string id;
  std::string sender;
  std::string type;  ///< Promotional or Transactional; empty: the account's default.
};

/// What a region keeps about SMS, below ("sns-sms", account, region): ("a", name) the SMS attributes, ("o", number) the
/// numbers that opted out, ("v", number) those verified or to be verified.
class SmsStore {
 public:
  SmsStore(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}
  std::string key(std::string_view kind, std::string_view name = {}) const;
  Task<std::map<std::string, std::string>> list(storage::Transaction& txn, std::string kind, std::string after,
                                                std::size_t limit) const;

 private:
  std::string account_;
  std::string region_;
};

/// SMS through the gateway that the options name: an HTTP endpoint that takes {"phoneNumber", "message", "messageId",
/// "senderId", "smsType", "account", "region"} and answers 2xx when it took the message, 403 or 410 when the number has
/// opted out, another 4xx when it refuses it for good.
class Sms {
 public:
  explicit Sms(Parts& parts) : parts_(parts) {}
  bool configured() const { return !parts_.options.sms_gateway.empty(); }
  /// Fails below 500 when it is no use trying again.
  Task<void> send(SmsMessage message);

 private:
  Task<void> opt_out(const SmsMessage& message);
  Parts& parts_;
};

/// + and 5 to 15 digits, with spaces, dashes and dots left out; empty when it is none.
std::string phone_number(const std::string& text);

}  // namespace cumulet::sns
