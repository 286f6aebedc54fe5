#include "services/sns/sms.h"

#include "storage/key.h"
#include "wire/json_writer.h"

namespace cumulet::sns {
namespace {

constexpr milliseconds kGatewayTimeout{15'000};
constexpr std::uint64_t kAnswerLimit = 64 * 1024;

Error refused(std::string why) { return Error("SmsRefused", 400, std::move(why)); }

}  // namespace

std::string phone_number(const std::string& text) {
  std::string number;
  for (const char c : text) {
    if ((c >= '0' && c <= '9') || (c == '+' && number.empty()))
      number += c;
    else if (c != ' ' && c != '-' && c != '.' && c != '(' && c != ')')
      return {};
  }
  const bool plausible = number.size() >= 6 && number.size() <= 16 && number[0] == '+' && number[1] != '0';
  return plausible ? number : std::string();
}

void SmsMessage::take_attributes(const std::map<std::string, MessageAttribute>& attributes) {
  if (const auto found = attributes.find("AWS.SNS.SMS.SenderID"); found != attributes.end())
    sender = found->second.value;
  if (const auto found = attributes.find("AWS.SNS.SMS.SMSType"); found != attributes.end()) type = found->second.value;
}

std::string SmsStore::key(std::string_view kind, std::string_view name) const {
  storage::Key key("sns-sms");
  key.text(account_).text(region_).text(kind);
  if (!name.empty()) key.text(name);
  return std::move(key).bytes();
}

Task<std::map<std::string, std::string>> SmsStore::list(storage::Transaction& txn, std::string kind, std::string after,
                                                        std::size_t limit) const {
  const std::string base = key(kind);
  const std::string begin = after.empty() ? base : storage::after_prefix(key(kind, after));
  const storage::KeyRange range(begin, storage::after_prefix(base));
  storage::ScanOptions options;
  options.limit = limit;
  const std::vector<storage::KeyValue> rows = co_await txn.scan(range, options);
  std::map<std::string, std::string> found;
  for (const storage::KeyValue& row : rows) {
    storage::KeyReader reader(std::string_view(row.key).substr(base.size()));
    found.emplace(reader.text().value_or(""), row.value);
  }
  co_return found;
}

Task<void> Sms::opt_out(const SmsMessage& message) {
  const SmsStore store(message.account, message.region);
  const auto note = [&store, &message](storage::Transaction& txn) -> Task<void> {
    txn.put(store.key("o", message.phone), "");
    co_return;
  };
  co_await storage::transact(parts_.database, note);
}

Task<void> Sms::send(SmsMessage message) {
  if (!configured()) co_await fail(refused("no SMS gateway is configured"));
  const SmsStore store(message.account, message.region);
  std::map<std::string, std::string> settings;
  bool out = false;
  const auto read = [&](storage::Transaction& txn) -> Task<void> {
    settings = co_await store.list(txn, "a", "", 100);
    const std::optional<std::string> row = co_await txn.get(store.key("o", message.phone));
    out = row.has_value();
  };
  co_await storage::transact(parts_.database, read);
  if (out) co_await fail(refused("the phone number has opted out"));
  if (message.sender.empty()) message.sender = settings["DefaultSenderID"];
  if (message.type.empty()) message.type = settings["DefaultSMSType"];
  if (message.type.empty()) message.type = "Promotional";
  wire::JsonWriter json;
  json.begin_object().key("phoneNumber").string(message.phone).key("message").string(message.text);
  json.key("messageId").string(message.id).key("senderId").string(message.sender).key("smsType").string(message.type);
  json.key("account").string(message.account).key("region").string(message.region).end_object();
  net::Outbound request;
  request.method = "POST";
  request.url = parts_.options.sms_gateway;
  request.headers.add("Content-Type", "application/json");
  request.body = json.take();
  request.timeout = kGatewayTimeout;
  request.response_limit = kAnswerLimit;
  const net::Inbound answer = co_await parts_.client.send(std::move(request));
  if (answer.status >= 200 && answer.status < 300) co_return;
  const std::string reason = "the SMS gateway answered " + std::to_string(answer.status);
  if (answer.status == 403 || answer.status == 410) co_await opt_out(message);
  if (answer.status >= 400 && answer.status < 500 && answer.status != 429) co_await fail(refused(reason));
  co_await fail(Error("SmsError", 502, reason));
}

}  // namespace cumulet::sns
