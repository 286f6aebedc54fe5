#include "compute/egress/site.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include <sys/epoll.h>

namespace cumulet::compute::egress {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTurns = 32;
constexpr seconds kIdle{60};
constexpr seconds kIdleNames{5};
constexpr milliseconds kPauseWhenFull{10};

Endpoint endpoint_of(const sockaddr_in& address) {
  Endpoint endpoint;
  std::memcpy(&endpoint.address, &address, sizeof address);
  endpoint.length = sizeof address;
  return endpoint;
}

/// Where a datagram was sent to; port 0 when that is not known.
sockaddr_in destination_of(msghdr& header) {
  sockaddr_in to{};
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_ORIGDSTADDR) std::memcpy(&to, CMSG_DATA(c), sizeof to);
  }
  return to;
}

}  // namespace

Site::Site(Shared& shared, Fd network, Doors doors)
    : shared_(shared), network_(std::move(network)), doors_(std::move(doors)) {
  for (const auto& [kind, fd] : {std::pair{Kind::kTcp, doors_.tcp.get()},
                                 {Kind::kUdp, doors_.udp.get()},
                                 {Kind::kNamesTcp, doors_.names_tcp.get()},
                                 {Kind::kNamesUdp, doors_.names_udp.get()}}) {
    watched_.push_back(std::make_unique<Door>(*this, kind, fd));
    shared_.reactor.watch(fd, EPOLLIN, *watched_.back());
  }
}

Site::~Site() {
  for (const auto& door : watched_) shared_.reactor.watch(door->fd, 0, *door);
  shared_.connections -= relays_.size() + flows_.size();
}

void Site::knocked(const Door& door) {
  const bool connections = door.kind == Kind::kTcp || door.kind == Kind::kNamesTcp;
  for (int turn = 0; turn < kTurns; ++turn) {
    if (!(connections ? take_connection(door) : take_datagram(door))) return;
  }
}

/// The ranges, and not one of the host's own addresses unless the operator named that very one.
bool Site::may_reach(const sockaddr_in& to, bool tcp) {
  const std::uint32_t address = ntohl(to.sin_addr.s_addr);
  if (!shared_.policy.permits(address, ntohs(to.sin_port), tcp)) return false;
  return shared_.policy.names(address) || shared_.routes.leads_out(address);
}

bool Site::take_connection(const Door& door) {
  Fd inner(::accept4(door.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!inner) {
    // Without descriptors the connection waits, and so do we: it is still there at the next look.
    if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(kPauseWhenFull);
    return errno == ECONNABORTED || errno == EINTR;
  }
  sockaddr_in to{};
  socklen_t length = sizeof to;
  const bool known = ::getsockname(inner.get(), reinterpret_cast<sockaddr*>(&to), &length) == 0;
  const Endpoint* const resolver = door.kind == Kind::kNamesTcp ? shared_.resolvers.current() : nullptr;
  const bool may = door.kind == Kind::kNamesTcp ? resolver != nullptr : known && may_reach(to, true);
  const bool room = relays_.size() < kMostRelays && shared_.connections < kMostOfAll;
  if (may && room) {
    const std::uint64_t id = ++last_id_;
    const int socket = inner.get();
    auto relay = std::make_unique<Relay>(shared_.reactor, *this, id, std::move(inner));
    if (relay->connect(resolver != nullptr ? *resolver : endpoint_of(to))) {
      relays_[id] = std::move(relay);
      ++shared_.connections;
      return true;
    }
    const linger at_once{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return true;
  }
  const linger at_once{1, 0};
  ::setsockopt(inner.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  return true;
}

bool Site::take_datagram(const Door& door) {
  std::array<char, 64 * 1024>& buffer = shared_.reactor.room();
  sockaddr_in client{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(sockaddr_in))> control;
  iovec part{buffer.data(), buffer.size()};
  msghdr header{};
  header.msg_name = &client;
  header.msg_namelen = sizeof client;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(door.fd, &header, 0);
  if (got < 0) return errno == EINTR;
  const sockaddr_in to = door.kind == Kind::kUdp ? destination_of(header) : sockaddr_in{};
  if (Flow* const flow = find_flow(door, client, to)) flow->send(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

/// The flow between these two, which may be a new one; null when there must not be one.
Flow* Site::find_flow(const Door& door, const sockaddr_in& client, const sockaddr_in& to) {
  const Ends ends{client.sin_addr.s_addr, client.sin_port, to.sin_addr.s_addr, to.sin_port};
  if (const auto known = by_ends_.find(ends); known != by_ends_.end()) return flows_[known->second].get();
  const bool names = door.kind == Kind::kNamesUdp;
  const Endpoint* const resolver = names ? shared_.resolvers.current() : nullptr;
  if (names ? resolver == nullptr : !may_reach(to, false)) return nullptr;
  if (flows_.size() >= kMostFlows) drop_oldest_flow();
  if (shared_.connections >= kMostOfAll) return nullptr;
  Fd answering;
  if (!names) {
    Result<Fd> opened = open_answering(network_.get(), to, client);
    if (!opened.ok()) return nullptr;
    answering = std::move(*opened);
  }
  const std::uint64_t id = ++last_id_;
  auto flow = std::make_unique<Flow>(shared_.reactor, *this, id, std::move(answering), door.fd, client);
  if (!flow->connect(names ? *resolver : endpoint_of(to))) return nullptr;
  Flow* const made = flow.get();
  flows_[id] = std::move(flow);
  by_ends_[ends] = id;
  ends_of_[id] = {ends, names};
  ++shared_.connections;
  return made;
}

void Site::drop_oldest_flow() {
  const auto oldest = std::min_element(flows_.begin(), flows_.end(), [](const auto& a, const auto& b) {
    return a.second->last_use() < b.second->last_use();
  });
  if (oldest != flows_.end()) ended(oldest->first);
}

void Site::ended(std::uint64_t id) {
  if (const auto relay = relays_.find(id); relay != relays_.end()) {
    shared_.reactor.bury(std::move(relay->second));
    relays_.erase(relay);
    --shared_.connections;
    return;
  }
  const auto flow = flows_.find(id);
  if (flow == flows_.end()) return;
  const auto& [ends, names] = ends_of_[id];
  if (names && !flow->second->answered()) shared_.resolvers.give_up();
  by_ends_.erase(ends);
  ends_of_.erase(id);
  shared_.reactor.bury(std::move(flow->second));
  flows_.erase(flow);
  --shared_.connections;
}

bool Site::sweep(SteadyTime now) {
  std::vector<std::uint64_t> idle;
  for (const auto& [id, flow] : flows_) {
    if (now - flow->last_use() > (ends_of_[id].second ? kIdleNames : kIdle)) idle.push_back(id);
  }
  for (const std::uint64_t id : idle) ended(id);
  return !flows_.empty();
}

}  // namespace cumulet::compute::egress
