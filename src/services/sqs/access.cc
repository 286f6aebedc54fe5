#include "access/policy.h"
#include "base/text.h"
#include "services/sqs/errors.h"
#include "services/sqs/sqs.h"
#include "wire/arn.h"

namespace cumulet::sqs {
namespace {

bool is_account(std::string_view text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// sqs.REGION.… or REGION.queue.…: the region that a host names; empty when it names none.
std::string_view region_in(std::string_view host) {
  const std::size_t first = host.find('.');
  if (first == std::string_view::npos) return {};
  const std::size_t second = host.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  if (host.substr(0, first) == "sqs") return host.substr(first + 1, second - first - 1);
  if (host.substr(first + 1, second - first - 1) == "queue") return host.substr(0, first);
  return {};
}

}  // namespace

std::optional<QueueName> parse_queue_url(const wire::Call& call, std::string_view url) {
  std::string region = call.region;
  std::string_view path = url;
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) {
    const std::string_view rest = url.substr(scheme + 3);
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const std::string_view named = region_in(rest.substr(0, slash));
    if (!named.empty() && named.find('-') != std::string_view::npos) region = std::string(named);
    path = rest.substr(slash);
  }
  std::vector<std::string_view> parts = split(path, '/');
  if (!parts.empty() && parts.front().empty()) parts.erase(parts.begin());
  if (parts.size() == 4 && parts[0] == "queue") {
    region = std::string(parts[1]);
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  if (parts.size() != 2 || !is_account(parts[0]) || parts[1].empty()) return std::nullopt;
  return QueueName(std::string(parts[0]), std::move(region), std::string(parts[1]));
}

std::string queue_url(const wire::Call& call, const QueueName& name) {
  return call.endpoint + "/" + name.account + "/" + name.name;
}

std::optional<QueueName> parse_queue_arn(std::string_view arn) {
  const std::optional<wire::Arn> parsed = wire::parse_arn(arn);
  if (!parsed || parsed->service != "sqs" || parsed->account.empty()) return std::nullopt;
  return QueueName(parsed->account, parsed->region, parsed->resource);
}

Result<void> Sqs::may(const Call& call, const LiveQueue& queue, std::string_view action) const {
  if (!call.caller.anonymous && call.caller.account == queue.name().account) return {};
  const std::shared_ptr<const QueueRow> row = queue.row();
  const Error denied("AccessDenied", 403, "Access to the resource " + queue_url(call, queue.name()) + " is denied.");
  if (row->settings.policy.empty()) return denied;
  const Result<access::Policy> policy = access::parse_policy(row->settings.policy, access::PolicyKind::kResource);
  if (!policy) return denied;
  access::Question question;
  question.caller = call.caller;
  question.action = "sqs:" + std::string(action);
  question.resource = queue.name().arn();
  question.context = access::request_context(call);
  if (access::evaluate(*policy, question) != access::Decision::kAllow) return denied;
  return {};
}

Task<Sqs::Queue> Sqs::permit(const Call& call, std::string url, std::string_view action) {
  std::optional<QueueName> name = parse_queue_url(call, url);
  if (!name) {
    co_return Error(wire::sqs::errors::kInvalidAddress, "The address " + url + " is not valid for this endpoint.");
  }
  Queue queue = co_await queues_.find(std::move(*name));
  if (queue == nullptr) co_return no_such_queue();
  co_await may(call, *queue, action);
  co_return queue;
}

}  // namespace cumulet::sqs
