#include <random>

#include "base/text.h"
#include "services/lambda/configuration.h"
#include "services/lambda/lambda.h"
#include "services/lambda/provisioned_store.h"
#include "services/lambda/route.h"
#include "services/lambda/substrate_tag.h"
#include "services/lambda/tenancy.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr int kTries = 5;
constexpr std::size_t kMostMetrics = 10'000;

double random_share() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

/// A version with the places of its layers' packages.
struct Parts {
  VersionRow row;
  std::vector<std::pair<std::string, std::string>> layers;  ///< Blob and digest.
  std::map<std::string, std::string> tags;                  ///< Of the function.
};

}  // namespace

Task<Runnable> Lambda::runnable(FunctionName name) {
  const std::string key = name.qualified_arn();
  std::shared_ptr<const Route> route;
  {
    const std::lock_guard lock(mutex_);
    if (cached_at_ != *changes_) {
      routes_.clear();
      cached_at_ = *changes_;
    }
    if (const auto found = routes_.find(key); found != routes_.end()) route = found->second;
  }
  for (int tries = 0; !route; ++tries) {
    const std::uint64_t before = *changes_;
    Result<std::shared_ptr<const Route>> loaded = co_await attempt(load_route(name));
    // An update in the meantime may have taken the package away: then the new one is meant.
    if (!loaded && before != *changes_ && tries < kTries) continue;
    route = co_await std::move(loaded);
    const std::lock_guard lock(mutex_);
    if (before == *changes_ && cached_at_ == before) routes_[key] = route;
  }
  Runnable runnable;
  const bool other = route->other && random_share() < route->other_weight;
  runnable.version = other ? route->other : route->version;
  runnable.durable = other ? route->other_durable : route->durable;
  runnable.allowance.reserved = route->reserved;
  if (route->reserved < 0) runnable.allowance.taken = co_await reserved_in(name.account, name.region);
  runnable.stops_recursion = route->stops_recursion;
  runnable.arn = key;
  runnable.policy = route->policy;
  runnable.metrics = route->metrics;
  co_return runnable;
}

Task<std::shared_ptr<const Lambda::Route>> Lambda::load_route(FunctionName name) {
  const Store store(name.account, name.region);
  FunctionName first = name;
  FunctionName second = name;
  double weight = 0;
  std::int64_t reserved = -1;
  bool stops_recursion = true;
  bool provisioned = false;
  std::map<std::string, std::string> statements;
  const auto read = [&](Transaction& txn) -> Task<void> {
    const std::optional<FunctionRow> function = co_await store.find_function(txn, name.name);
    if (!function) co_await fail(function_not_found(name.qualified_arn()));
    reserved = function->reserved;
    if (name.qualifier) provisioned = (co_await find_provisioned(txn, name)).has_value();
    stops_recursion = function->recursive_loop != "Allow";
    const bool latest = !name.qualifier || *name.qualifier == "$LATEST";
    statements = co_await store.find_policy(txn, name.name, latest ? std::string() : *name.qualifier);
    if (!name.qualifier || version_number(*name.qualifier)) co_return;
    const std::optional<api::AliasConfiguration> alias = co_await store.find_alias(txn, name.name, *name.qualifier);
    if (!alias) co_await fail(function_not_found(name.qualified_arn()));
    first.qualifier = alias->function_version;
    if (!alias->routing_config || !alias->routing_config->additional_version_weights) co_return;
    const auto& weights = *alias->routing_config->additional_version_weights;
    if (weights.empty()) co_return;
    second.qualifier = weights.begin()->first;
    weight = weights.begin()->second;
  };
  co_await storage::transact(database_, read);
  auto route = std::make_shared<Route>();
  route->version = co_await load_version(first);
  if (provisioned) {
    // Its environments are its own: what is held ready for an alias is not spent on others' calls of the version.
    auto held = std::make_shared<compute::FunctionVersion>(*route->version);
    held->key += " for " + *name.qualifier;
    held->initialization_type = "on-demand";
    route->version = std::move(held);
  }
  if (weight > 0) {
    Result<std::shared_ptr<const compute::FunctionVersion>> other = co_await attempt(load_version(second));
    // What is still to be made takes its share when it can: the commit that says so makes this route stale.
    if (!other && other.error().is(api::errors::kSnapStartNotReadyException)) {
      weight = 0;
    } else {
      route->other = co_await std::move(other);
    }
  }
  route->durable = co_await durable_terms(first);
  if (weight > 0) route->other_durable = co_await durable_terms(second);
  route->other_weight = weight;
  route->reserved = reserved;
  route->stops_recursion = stops_recursion;
  Result<access::Policy> policy = access::parse_policy(policy_document(statements), access::PolicyKind::kResource);
  auto parsed = std::make_shared<access::Policy>();
  if (policy.ok()) *parsed = std::move(*policy);
  route->policy = std::move(parsed);
  route->metrics = metrics_of(name);
  co_return std::shared_ptr<const Route>(std::move(route));
}

/// Read once, and again after a reservation has changed: not for each invocation.
Task<std::int64_t> Lambda::reserved_in(std::string account, std::string region) {
  const std::uint64_t as_of = reservations_;
  const std::string key = account + " " + region;
  {
    const std::lock_guard lock(mutex_);
    const auto found = reserved_sums_.find(key);
    if (found != reserved_sums_.end() && found->second.as_of == as_of) co_return found->second.sum;
  }
  const Store store(std::move(account), std::move(region));
  const auto read = [&store](Transaction& txn) { return sum_reserved(txn, store); };
  const std::int64_t sum = co_await storage::transact(database_, read);
  const std::lock_guard lock(mutex_);
  ReservedSum& kept = reserved_sums_[key];
  kept.as_of = as_of;
  kept.sum = sum;
  co_return sum;
}

std::shared_ptr<InvocationMetrics> Lambda::metrics_of(const FunctionName& name) {
  if (options_.metrics == nullptr) return nullptr;
  const std::lock_guard lock(mutex_);
  if (metrics_.size() > kMostMetrics) std::erase_if(metrics_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<InvocationMetrics>& kept = metrics_[name.qualified_arn()];
  std::shared_ptr<InvocationMetrics> metrics = kept.lock();
  if (!metrics) {
    metrics = std::make_shared<InvocationMetrics>(*options_.metrics, name);
    kept = metrics;
  }
  return metrics;
}

Task<std::shared_ptr<const compute::FunctionVersion>> Lambda::load_version(FunctionName name, bool for_snapshot) {
  const auto read = [&](Transaction& txn) -> Task<Parts> {
    Parts parts;
    parts.row = co_await require_version(txn, name);
    const Store own(name.account, name.region);
    if (const std::optional<FunctionRow> function = co_await own.find_function(txn, name.name)) {
      parts.tags = function->tags;
    }
    if (!parts.row.configuration.layers) co_return parts;
    for (const api::Layer& layer : *parts.row.configuration.layers) {
      const std::vector<std::string_view> words = split(*layer.arn, ':');
      if (words.size() != 8) continue;
      const Store store{std::string(words[4]), std::string(words[3])};
      const auto number = static_cast<std::int64_t>(version_number(std::string(words[7])).value_or(0));
      const std::optional<LayerRow> row = co_await store.find_used_layer(txn, std::string(words[6]), number);
      if (row) parts.layers.emplace_back(row->blob, row->sha);
    }
    co_return parts;
  };
  const Parts parts = co_await storage::transact(database_, read);
  const Configuration& c = parts.row.configuration;
  if (!for_snapshot) co_await check_snapshot(c);
  auto version = std::make_shared<compute::FunctionVersion>();
  version->egress = has_egress(options_.egress, parts.tags);
  version->substrate = substrate_of(parts.tags);
  version->key = engine_key(name, c) + (version->egress ? " egress" : "");
  if (!version->substrate.empty()) version->key += " on " + version->substrate;
  version->account = name.account;
  version->region = name.region;
  version->name = name.name;
  version->version = c.version.value_or("$LATEST");
  version->arn = name.arn();
  version->role = c.role.value_or("");
  version->runtime = c.runtime.value_or("");
  version->handler = c.handler.value_or("");
  if (starts_from_snapshot(c)) version->initialization_type = "snap-start";
  if (is_image_blob(parts.row.blob)) {
    co_await use_image(*version, parts.row);
  } else {
    version->holds.push_back(co_await code_.folder(parts.row.blob, parts.row.sha));
    version->code = *version->holds.front();
  }
  for (const auto& [blob, sha] : parts.layers) {
    version->holds.push_back(co_await code_.folder(blob, sha));
    version->layers.push_back(*version->holds.back());
  }
  if (c.environment && c.environment->variables) version->environment = *c.environment->variables;
  version->memory_mib = static_cast<std::uint32_t>(c.memory_size.value_or(128));
  version->tenant_isolated = isolates_tenants(c);
  version->timeout_seconds = static_cast<std::uint32_t>(c.timeout.value_or(3));
  version->ephemeral_mib = static_cast<std::uint32_t>(c.ephemeral_storage ? c.ephemeral_storage->size : 512);
  version->log_group = "/aws/lambda/" + name.name;
  if (c.logging_config) {
    version->log_group = c.logging_config->log_group.value_or(version->log_group);
    version->logging = logging_settings(*c.logging_config);
  }
  co_return std::shared_ptr<const compute::FunctionVersion>(std::move(version));
}

}  // namespace cumulet::lambda
