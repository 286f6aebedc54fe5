#include "services/sns/operations_sms.h"

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/sns/operations_topics.h"

namespace cumulet::sns {
namespace {

namespace api = wire::sns;
using storage::Transaction;

constexpr std::size_t kNumbersPage = 100;
constexpr std::string_view kVerified = "Verified";

Result<std::string> number_of(const std::string& text) {
  std::string number = phone_number(text);
  if (number.empty()) return invalid("PhoneNumber Reason: " + text + " is not a valid phone number");
  return number;
}

Result<void> check(const std::string& name, const std::string& value) {
  if (name == "MonthlySpendLimit") {
    if (!parse_int(value) || *parse_int(value) < 0) return invalid("MonthlySpendLimit Reason: Invalid value");
    return {};
  }
  if (name == "DefaultSMSType") {
    if (value != "Promotional" && value != "Transactional") return invalid("DefaultSMSType Reason: Invalid value");
    return {};
  }
  if (name == "DefaultSenderID") {
    const bool letters =
        std::any_of(value.begin(), value.end(), [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; });
    if (value.empty() || value.size() > 11 || !letters) return invalid("DefaultSenderID Reason: Invalid value");
    return {};
  }
  constexpr std::array<std::string_view, 3> kOthers{"DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate",
                                                    "UsageReportS3Bucket"};
  if (std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end()) return {};
  return invalid("Invalid attribute name: " + name);
}

}  // namespace

void SmsOperations::register_on(wire::Service& service) {
  service.on<api::SetSMSAttributes>([this](Call& c, const auto& in) { return set_attributes(c, in); });
  service.on<api::GetSMSAttributes>([this](Call& c, const auto& in) { return get_attributes(c, in); });
  service.on<api::CheckIfPhoneNumberIsOptedOut>([this](Call& c, const auto& in) { return is_opted_out(c, in); });
  service.on<api::ListPhoneNumbersOptedOut>([this](Call& c, const auto& in) { return list_opted_out(c, in); });
  service.on<api::OptInPhoneNumber>([this](Call& c, const auto& in) { return opt_in(c, in); });
  service.on<api::CreateSMSSandboxPhoneNumber>([this](Call& c, const auto& in) { return add_number(c, in); });
  service.on<api::VerifySMSSandboxPhoneNumber>([this](Call& c, const auto& in) { return verify_number(c, in); });
  service.on<api::DeleteSMSSandboxPhoneNumber>([this](Call& c, const auto& in) { return delete_number(c, in); });
  service.on<api::ListSMSSandboxPhoneNumbers>([this](Call& c, const auto& in) { return list_numbers(c, in); });
  // Whoever runs the server brings the gateway: there is no sandbox to leave, and no number of ours.
  service.on<api::GetSMSSandboxAccountStatus>([](Call&, const auto&) -> Out<api::GetSMSSandboxAccountStatus> {
    co_return api::GetSMSSandboxAccountStatusResult();
  });
  service.on<api::ListOriginationNumbers>([](Call&, const auto&) -> Out<api::ListOriginationNumbers> {
    api::ListOriginationNumbersResult output;
    output.phone_numbers.emplace();
    co_return output;
  });
}

Task<api::SetSMSAttributesResponse> SmsOperations::set_attributes(Call& call, const api::SetSMSAttributesInput& input) {
  for (const auto& [name, value] : input.attributes) co_await check(name, value);
  const SmsStore store(call.account(), call.region);
  const auto write = [&](Transaction& txn) -> Task<void> {
    for (const auto& [name, value] : input.attributes) txn.put(store.key("a", name), value);
    co_return;
  };
  co_await storage::transact(parts_.database, write);
  co_return api::SetSMSAttributesResponse();
}

Task<api::GetSMSAttributesResponse> SmsOperations::get_attributes(Call& call, const api::GetSMSAttributesInput& input) {
  const SmsStore store(call.account(), call.region);
  const auto read = [&](Transaction& txn) -> Task<std::map<std::string, std::string>> {
    co_return co_await store.list(txn, "a", "", kNumbersPage);
  };
  std::map<std::string, std::string> all = co_await storage::transact(parts_.database, read);
  all.try_emplace("MonthlySpendLimit", "1");
  if (input.attributes && !input.attributes->empty()) {
    const std::vector<std::string>& wanted = *input.attributes;
    std::erase_if(all, [&wanted](const auto& entry) {
      return std::find(wanted.begin(), wanted.end(), entry.first) == wanted.end();
    });
  }
  api::GetSMSAttributesResponse output;
  output.attributes = std::move(all);
  co_return output;
}

Task<api::CheckIfPhoneNumberIsOptedOutResponse> SmsOperations::is_opted_out(
    Call& call, const api::CheckIfPhoneNumberIsOptedOutInput& input) {
  const std::string number = co_await number_of(input.phone_number);
  const SmsStore store(call.account(), call.region);
  const auto read = [&](Transaction& txn) -> Task<bool> {
    const std::optional<std::string> row = co_await txn.get(store.key("o", number));
    co_return row.has_value();
  };
  api::CheckIfPhoneNumberIsOptedOutResponse output;
  output.is_opted_out = co_await storage::transact(parts_.database, read);
  co_return output;
}

Task<api::ListPhoneNumbersOptedOutResponse> SmsOperations::list_opted_out(
    Call& call, const api::ListPhoneNumbersOptedOutInput& input) {
  const std::vector<std::string> after = co_await read_token(input.next_token, 1);
  const SmsStore store(call.account(), call.region);
  const auto read = [&](Transaction& txn) -> Task<std::map<std::string, std::string>> {
    co_return co_await store.list(txn, "o", after[0], kNumbersPage);
  };
  const std::map<std::string, std::string> rows = co_await storage::transact(parts_.database, read);
  api::ListPhoneNumbersOptedOutResponse output;
  output.phone_numbers.emplace();
  for (const auto& [number, value] : rows) output.phone_numbers->push_back(number);
  if (rows.size() == kNumbersPage) output.next_token = make_token({rows.rbegin()->first});
  co_return output;
}

Task<api::OptInPhoneNumberResponse> SmsOperations::opt_in(Call& call, const api::OptInPhoneNumberInput& input) {
  const std::string number = co_await number_of(input.phone_number);
  const SmsStore store(call.account(), call.region);
  const auto write = [&](Transaction& txn) -> Task<void> {
    txn.erase(store.key("o", number));
    co_return;
  };
  co_await storage::transact(parts_.database, write);
  co_return api::OptInPhoneNumberResponse();
}

/// Sends a code; the number is verified by it.
Task<api::CreateSMSSandboxPhoneNumberResult> SmsOperations::add_number(
    Call& call, const api::CreateSMSSandboxPhoneNumberInput& input) {
  const std::string number = co_await number_of(input.phone_number);
  if (!sms_.configured()) {
    co_return Error(api::errors::kUserError, "This server has no SMS gateway (option --sms-gateway)");
  }
  const SmsStore store(call.account(), call.region);
  const std::string code = random_text(6, "0123456789");
  const auto write = [&](Transaction& txn) -> Task<void> {
    if (co_await txn.get(store.key("o", number)))
      co_await fail(api::errors::kOptedOut, "The phone number has opted out of receiving SMS messages");
    txn.put(store.key("v", number), code);
  };
  co_await storage::transact(parts_.database, write);
  SmsMessage message(call.account(), call.region, number, "Your verification code is " + code, uuid());
  message.type = "Transactional";
  const Result<void> sent = co_await attempt(sms_.send(std::move(message)));
  if (!sent.ok()) co_return Error(api::errors::kUserError, sent.error().message());
  co_return api::CreateSMSSandboxPhoneNumberResult();
}

Task<api::VerifySMSSandboxPhoneNumberResult> SmsOperations::verify_number(
    Call& call, const api::VerifySMSSandboxPhoneNumberInput& input) {
  const std::string number = co_await number_of(input.phone_number);
  const SmsStore store(call.account(), call.region);
  const auto write = [&](Transaction& txn) -> Task<void> {
    const std::optional<std::string> code = co_await txn.get(store.key("v", number));
    if (!code) co_await fail(api::errors::kResourceNotFound, "The phone number is not in the sandbox");
    if (*code == kVerified) co_return;
    if (!equal_constant_time(*code, input.one_time_password))
      co_await fail(api::errors::kVerificationException, "The one-time password is wrong");
    txn.put(store.key("v", number), std::string(kVerified));
  };
  co_await storage::transact(parts_.database, write);
  co_return api::VerifySMSSandboxPhoneNumberResult();
}

Task<api::DeleteSMSSandboxPhoneNumberResult> SmsOperations::delete_number(
    Call& call, const api::DeleteSMSSandboxPhoneNumberInput& input) {
  const std::string number = co_await number_of(input.phone_number);
  const SmsStore store(call.account(), call.region);
  const auto write = [&](Transaction& txn) -> Task<void> {
    if (!co_await txn.get(store.key("v", number)))
      co_await fail(api::errors::kResourceNotFound, "The phone number is not in the sandbox");
    txn.erase(store.key("v", number));
  };
  co_await storage::transact(parts_.database, write);
  co_return api::DeleteSMSSandboxPhoneNumberResult();
}

Task<api::ListSMSSandboxPhoneNumbersResult> SmsOperations::list_numbers(
    Call& call, const api::ListSMSSandboxPhoneNumbersInput& input) {
  const std::vector<std::string> after = co_await read_token(input.next_token, 1);
  const auto limit = static_cast<std::size_t>(std::clamp(input.max_results.value_or(100), 1, 100));
  const SmsStore store(call.account(), call.region);
  const auto read = [&](Transaction& txn) -> Task<std::map<std::string, std::string>> {
    co_return co_await store.list(txn, "v", after[0], limit);
  };
  const std::map<std::string, std::string> rows = co_await storage::transact(parts_.database, read);
  api::ListSMSSandboxPhoneNumbersResult output;
  for (const auto& [number, code] : rows) {
    api::SMSSandboxPhoneNumber& one = output.phone_numbers.emplace_back();
    one.phone_number = number;
    one.status = code == kVerified ? "Verified" : "Pending";
  }
  if (rows.size() == limit) output.next_token = make_token({rows.rbegin()->first});
  co_return output;
}

}  // namespace cumulet::sns
