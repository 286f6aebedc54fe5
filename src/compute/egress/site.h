#pragma once

#include <map>
#include <tuple>
#include <unordered_map>

#include "compute/egress/flow.h"
#include "compute/egress/inside.h"
#include "compute/egress/netlink.h"
#include "compute/egress/policy.h"

namespace cumulet::compute::egress {

/// What all sites of a gateway share. One thread's.
struct Shared {
  Shared(Reactor& r, const Policy& p, Resolvers& v, RouteTable& t) : reactor(r), policy(p), resolvers(v), routes(t) {}
  Reactor& reactor;
  const Policy& policy;
  Resolvers& resolvers;
  RouteTable& routes;
  std::size_t connections = 0;  ///< Of all sites.
};

/// One sandbox's way out: its doors, and all that goes through them.
class Site final : public Keeper {
 public:
  static constexpr std::size_t kMostRelays = 1024;
  static constexpr std::size_t kMostFlows = 256;
  static constexpr std::size_t kMostOfAll = 16384;

  Site(Shared& shared, Fd network, Doors doors);
  ~Site() override;
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  void ended(std::uint64_t id) override;
  /// Ends what has been idle for too long. True while there is something that may become so.
  bool sweep(SteadyTime now);

 private:
  enum class Kind { kTcp, kUdp, kNamesTcp, kNamesUdp };
  struct Door final : Watched {
    Door(Site& s, Kind k, int f) : site(s), kind(k), fd(f) {}
    void ready(std::uint32_t) override { site.knocked(*this); }
    Site& site;
    const Kind kind;
    const int fd;
  };
  /// Client's address and port, destination's address and port.
  using Ends = std::tuple<std::uint32_t, std::uint16_t, std::uint32_t, std::uint16_t>;

  void knocked(const Door& door);
  bool take_connection(const Door& door);
  bool take_datagram(const Door& door);
  Flow* find_flow(const Door& door, const sockaddr_in& client, const sockaddr_in& to);
  bool may_reach(const sockaddr_in& to, bool tcp);
  void drop_oldest_flow();

  Shared& shared_;
  const Fd network_;
  const Doors doors_;
  std::vector<std::unique_ptr<Door>> watched_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Relay>> relays_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Flow>> flows_;
  std::map<Ends, std::uint64_t> by_ends_;
  std::unordered_map<std::uint64_t, std::pair<Ends, bool>> ends_of_;  ///< Of a flow; whether it asks for names.
};

}  // namespace cumulet::compute::egress
