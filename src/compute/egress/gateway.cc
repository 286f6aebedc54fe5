#include "compute/egress/gateway.h"

#include <fcntl.h>
#include <pthread.h>

#include "base/log.h"
#include "compute/egress/site.h"

namespace cumulet::compute::egress {
namespace {

constexpr std::chrono::milliseconds kSweepEvery{1000};
constexpr std::chrono::milliseconds kForever{-1};

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::make(Settings settings) {
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(settings)));
  Result<std::unique_ptr<Reactor>> reactor = Reactor::make();
  if (!reactor.ok()) return std::move(reactor).error();
  gateway->reactor_ = std::move(*reactor);
  gateway->thread_ = std::thread(&Gateway::run, gateway.get());
  pthread_setname_np(gateway->thread_.native_handle(), "egress");
  return gateway;
}

Gateway::~Gateway() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  reactor_->wake();
  thread_.join();
}

Result<std::uint64_t> Gateway::attach(int network) {
  Change change;
  change.network = Fd(::fcntl(network, F_DUPFD_CLOEXEC, 0));
  if (!change.network) return system_error("keep the network namespace");
  Result<Doors> doors = open_doors(network, policy_);
  if (!doors.ok()) return std::move(doors).error();
  const std::uint64_t site = ++last_site_;
  change.site = site;
  change.comes = true;
  change.doors = std::move(*doors);
  post(std::move(change));
  return site;
}

void Gateway::detach(std::uint64_t site) {
  Change change;
  change.site = site;
  post(std::move(change));
}

void Gateway::post(Change change) {
  {
    const std::lock_guard lock(mutex_);
    changes_.push_back(std::move(change));
  }
  reactor_->wake();
}

void Gateway::run() {
  Result<RouteTable> routes = RouteTable::open();
  if (!routes.ok()) {
    log::error("egress has no route table", {{"why", routes.error().message()}});
    return;
  }
  Resolvers resolvers(resolver_);
  Shared shared(*reactor_, policy_, resolvers, *routes);
  std::map<std::uint64_t, std::unique_ptr<Site>> sites;
  bool sweeping = false;
  SteadyTime swept = std::chrono::steady_clock::now();
  while (true) {
    std::deque<Change> changes;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      changes.swap(changes_);
    }
    for (Change& change : changes) {
      if (!change.comes) {
        sites.erase(change.site);
      } else {
        sites[change.site] = std::make_unique<Site>(shared, std::move(change.network), std::move(change.doors));
      }
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now - swept >= kSweepEvery) {
      swept = now;
      sweeping = false;
      for (const auto& [id, site] : sites) sweeping = site->sweep(now) || sweeping;
    }
    reactor_->wait(sites.empty() ? kForever : sweeping || now - swept < kSweepEvery ? kSweepEvery : kForever);
  }
}

}  // namespace cumulet::compute::egress
