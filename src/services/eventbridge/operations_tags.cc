#include "services/eventbridge/eventbridge.h"
#include "wire/arn.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;

/// Only rules and buses have tags.
Task<void> require_tagged(Store store, storage::Transaction& txn, std::string arn) {
  const std::optional<wire::Arn> parsed = wire::parse_arn(arn);
  if (!parsed || parsed->service != "events") co_await fail(invalid("Parameter ResourceARN is not valid."));
  const std::string id(parsed->resource_id());
  if (parsed->resource_type() == "event-bus") {
    co_await require_bus(store, txn, id);
    co_return;
  }
  if (parsed->resource_type() != "rule") co_await fail(invalid("Parameter ResourceARN is not valid."));
  const std::size_t slash = id.rfind('/');
  const std::string bus = slash == std::string::npos ? std::string(kDefaultBus) : id.substr(0, slash);
  co_await require_rule(store, txn, bus, slash == std::string::npos ? id : id.substr(slash + 1));
}

}  // namespace

void EventBridge::register_tags() {
  service_.on<api::TagResource>([this](Call& call, const api::TagResourceRequest& input) -> Out<api::TagResource> {
    const Store store = store_of(call);
    const auto tag = [&](storage::Transaction& txn) -> Task<void> {
      co_await require_tagged(store, txn, input.resource_arn);
      co_await add_tags(store, txn, input.resource_arn, input.tags);
    };
    co_await storage::transact(database_, tag);
    co_return api::TagResource::Output();
  });
  service_.on<api::UntagResource>(
      [this](Call& call, const api::UntagResourceRequest& input) -> Out<api::UntagResource> {
        const Store store = store_of(call);
        const auto untag = [&](storage::Transaction& txn) -> Task<void> {
          co_await require_tagged(store, txn, input.resource_arn);
          std::map<std::string, std::string> tags = co_await store.tags(txn, input.resource_arn);
          for (const std::string& key : input.tag_keys) tags.erase(key);
          store.put_tags(txn, input.resource_arn, tags);
        };
        co_await storage::transact(database_, untag);
        co_return api::UntagResource::Output();
      });
  service_.on<api::ListTagsForResource>(
      [this](Call& call, const api::ListTagsForResourceRequest& input) -> Out<api::ListTagsForResource> {
        const Store store = store_of(call);
        const auto read = [&](storage::Transaction& txn) -> Task<std::map<std::string, std::string>> {
          co_await require_tagged(store, txn, input.resource_arn);
          co_return co_await store.tags(txn, input.resource_arn);
        };
        const std::map<std::string, std::string> tags = co_await storage::transact(database_, read);
        api::ListTagsForResourceResponse output;
        output.tags.emplace();
        for (const auto& [key, value] : tags) {
          api::Tag& tag = output.tags->emplace_back();
          tag.key = key;
          tag.value = value;
        }
        co_return output;
      });
}

}  // namespace cumulet::eventbridge
