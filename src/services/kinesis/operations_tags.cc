#include "access/policy.h"
#include "services/kinesis/errors.h"
#include "services/kinesis/kinesis.h"
#include "wire/arn.h"

/// Tags and policies of streams and of their consumers.
namespace cumulet::kinesis {

namespace api = wire::kinesis;

namespace {

constexpr std::size_t kTagLimit = 50;

Error too_many_tags() { return Error(api::errors::kLimitExceededException, "A resource can have at most 50 tags."); }

std::vector<api::Tag> shown_tags(const std::map<std::string, std::string>& tags) {
  std::vector<api::Tag> list;
  for (const auto& [key, value] : tags) {
    api::Tag& tag = list.emplace_back();
    tag.key = key;
    tag.value = value;
  }
  return list;
}

}  // namespace

void Kinesis::register_tags() {
  service_.on<api::AddTagsToStream>([this](Call& c, const auto& in) { return add_tags_to_stream(c, in); });
  service_.on<api::RemoveTagsFromStream>([this](Call& c, const auto& in) { return remove_tags_from_stream(c, in); });
  service_.on<api::ListTagsForStream>([this](Call& c, const auto& in) { return list_tags_for_stream(c, in); });
  service_.on<api::TagResource>([this](Call& c, const auto& in) { return tag_resource(c, in); });
  service_.on<api::ListTagsForResource>([this](Call& c, const auto& in) { return list_tags_for_resource(c, in); });
  service_.on<api::PutResourcePolicy>([this](Call& c, const auto& in) { return put_resource_policy(c, in); });
  service_.on<api::GetResourcePolicy>([this](Call& c, const auto& in) { return get_resource_policy(c, in); });
  service_.on<api::DeleteResourcePolicy>([this](Call& c, const auto& in) { return delete_resource_policy(c, in); });
}

/// arn:…:stream/NAME, or arn:…:stream/NAME/consumer/NAME:TIME.
Result<Kinesis::Resource> Kinesis::resource_of(const Call& call, const std::string& arn) {
  const std::optional<Address> stream = address_of(arn);
  if (!stream) return invalid_argument("ResourceARN " + arn + " is not the ARN of a stream or consumer.");
  const Result<Address> at =
      address(call, std::nullopt, wire::make_arn("kinesis", stream->region, stream->account, "stream/" + stream->name));
  if (!at.ok()) return at.error();
  const std::size_t mark = arn.find("/consumer/");
  if (mark == std::string::npos) return Resource(*at, "");
  const std::string_view name = std::string_view(arn).substr(mark + 10);
  return Resource(*at, std::string(name.substr(0, name.find(':'))));
}

Task<Kinesis::Tags> Kinesis::retag(Resource of, std::function<Result<void>(Tags&)> edit) {
  const auto body = [&](Transaction& txn) -> Task<Tags> {
    const StreamPtr stream = co_await require(txn, of.stream);
    if (of.consumer.empty()) {
      StreamExtras extras = co_await store_.extras(txn, stream->id);
      co_await edit(extras.tags);
      store_.put_extras(txn, stream->id, extras);
      co_return extras.tags;
    }
    Consumer consumer = co_await require_consumer(txn, stream, of.consumer);
    co_await edit(consumer.tags);
    store_.put_consumer(txn, stream->id, consumer);
    co_return consumer.tags;
  };
  co_return co_await storage::transact(database_, body);
}

Task<Kinesis::Tags> Kinesis::tags_of(Resource of) {
  const auto body = [&](Transaction& txn) -> Task<Tags> {
    const StreamPtr stream = co_await require(txn, of.stream);
    if (!of.consumer.empty()) co_return (co_await require_consumer(txn, stream, of.consumer)).tags;
    co_return (co_await store_.extras(txn, stream->id)).tags;
  };
  co_return co_await storage::transact(database_, body);
}

namespace {

auto adding(const std::map<std::string, std::string>& more) {
  return [&more](std::map<std::string, std::string>& tags) -> Result<void> {
    for (const auto& [key, value] : more) tags[key] = value;
    if (tags.size() > kTagLimit) return too_many_tags();
    return {};
  };
}

auto removing(const std::vector<std::string>& keys) {
  return [&keys](std::map<std::string, std::string>& tags) -> Result<void> {
    for (const std::string& key : keys) tags.erase(key);
    return {};
  };
}

}  // namespace

Task<api::AddTagsToStreamOutput> Kinesis::add_tags_to_stream(Call& call, const api::AddTagsToStreamInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const Resource resource(at, "");
  co_await retag(resource, adding(input.tags));
  co_return api::AddTagsToStreamOutput();
}

Task<api::RemoveTagsFromStreamOutput> Kinesis::remove_tags_from_stream(Call& call,
                                                                       const api::RemoveTagsFromStreamInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const Resource resource(at, "");
  co_await retag(resource, removing(input.tag_keys));
  co_return api::RemoveTagsFromStreamOutput();
}

Task<api::ListTagsForStreamOutput> Kinesis::list_tags_for_stream(Call& call, const api::ListTagsForStreamInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const Resource resource(at, "");
  Tags tags = co_await tags_of(resource);
  if (input.exclusive_start_tag_key) tags.erase(tags.begin(), tags.upper_bound(*input.exclusive_start_tag_key));
  const auto limit = static_cast<std::size_t>(input.limit.value_or(50));
  api::ListTagsForStreamOutput output;
  output.has_more_tags = tags.size() > limit;
  while (tags.size() > limit) tags.erase(std::prev(tags.end()));
  output.tags = shown_tags(tags);
  co_return output;
}

Task<api::TagResourceOutput> Kinesis::tag_resource(Call& call, const api::TagResourceInput& input) {
  const Resource resource = co_await resource_of(call, input.resource_arn);
  co_await retag(resource, adding(input.tags));
  co_return api::TagResourceOutput();
}

Task<api::UntagResourceOutput> Kinesis::untag_resource(Call& call, const api::UntagResourceInput& input) {
  const Resource resource = co_await resource_of(call, input.resource_arn);
  co_await retag(resource, removing(input.tag_keys));
  co_return api::UntagResourceOutput();
}

Task<api::ListTagsForResourceOutput> Kinesis::list_tags_for_resource(Call& call,
                                                                     const api::ListTagsForResourceInput& input) {
  const Resource resource = co_await resource_of(call, input.resource_arn);
  const Tags tags = co_await tags_of(resource);
  api::ListTagsForResourceOutput output;
  output.tags = shown_tags(tags);
  co_return output;
}

Task<std::string> Kinesis::policy(Resource of, std::optional<std::string> set) {
  const auto body = [&](Transaction& txn) -> Task<std::string> {
    const StreamPtr stream = co_await require(txn, of.stream);
    if (of.consumer.empty()) {
      StreamExtras extras = co_await store_.extras(txn, stream->id);
      const std::string before = extras.policy;
      if (set) extras.policy = *set;
      if (set) store_.put_extras(txn, stream->id, extras);
      co_return before;
    }
    Consumer consumer = co_await require_consumer(txn, stream, of.consumer);
    const std::string before = consumer.policy;
    if (set) consumer.policy = *set;
    if (set) store_.put_consumer(txn, stream->id, consumer);
    co_return before;
  };
  co_return co_await storage::transact(database_, body);
}

Task<api::PutResourcePolicyOutput> Kinesis::put_resource_policy(Call& call, const api::PutResourcePolicyInput& input) {
  const Resource of = co_await resource_of(call, input.resource_arn);
  const Result<access::Policy> parsed = access::parse_policy(input.policy, access::PolicyKind::kResource);
  if (!parsed.ok()) co_await fail(invalid_argument("Invalid resource policy: " + parsed.error().message()));
  co_await policy(of, input.policy);
  co_return api::PutResourcePolicyOutput();
}

Task<api::GetResourcePolicyOutput> Kinesis::get_resource_policy(Call& call, const api::GetResourcePolicyInput& input) {
  const Resource of = co_await resource_of(call, input.resource_arn);
  api::GetResourcePolicyOutput output;
  output.policy = co_await policy(of, std::nullopt);
  co_return output;
}

Task<api::DeleteResourcePolicyOutput> Kinesis::delete_resource_policy(Call& call,
                                                                      const api::DeleteResourcePolicyInput& input) {
  const Resource of = co_await resource_of(call, input.resource_arn);
  const std::string before = co_await policy(of, std::string());
  if (before.empty()) {
    co_await fail(api::errors::kResourceNotFoundException,
                  "No resource policy found for resource ARN " + input.resource_arn + ".");
  }
  co_return api::DeleteResourcePolicyOutput();
}

}  // namespace cumulet::kinesis
