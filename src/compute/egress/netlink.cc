#include "compute/egress/netlink.h"

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

namespace cumulet::compute::egress {
namespace {

constexpr std::uint32_t kLoopbackAddress = 0x7f000001;
constexpr const char* kTable = "cumulet";
constexpr const char* kChain = "divert";
constexpr int kMangle = -150;  ///< The priority at which packets are diverted by custom.

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Netlink messages, one after the other.
class Messages {
 public:
  template <typename Head>
  void begin(std::uint16_t type, std::uint16_t flags, const Head& head) {
    at_ = text_.size();
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header.nlmsg_seq = ++sequence_;
    text_.append(bytes_of(header));
    append(bytes_of(head));
  }
  void end() {
    const auto length = static_cast<std::uint32_t>(text_.size() - at_);
    std::memcpy(text_.data() + at_, &length, sizeof length);
  }

  void add(std::uint16_t type, std::string_view value) {
    const std::size_t start = open(type, 0);
    append(value);
    close(start);
  }
  void number(std::uint16_t type, std::uint32_t value) { add(type, bytes_of(value)); }
  void network_number(std::uint16_t type, std::uint32_t value) { number(type, htonl(value)); }
  void name(std::uint16_t type, const char* value) { add(type, std::string_view(value, std::strlen(value) + 1)); }
  std::size_t nest(std::uint16_t type) { return open(type, NLA_F_NESTED); }
  void close(std::size_t start) {
    const auto length = static_cast<std::uint16_t>(text_.size() - start);
    std::memcpy(text_.data() + start, &length, sizeof length);
    text_.resize(NLMSG_ALIGN(text_.size()));
  }

  const std::string& text() const { return text_; }
  std::uint32_t last() const { return sequence_; }

 private:
  std::size_t open(std::uint16_t type, std::uint16_t flags) {
    const std::size_t start = text_.size();
    nlattr attribute{};
    attribute.nla_type = static_cast<std::uint16_t>(type | flags);
    text_.append(bytes_of(attribute));
    return start;
  }
  void append(std::string_view value) {
    text_.append(value);
    text_.resize(NLMSG_ALIGN(text_.size()));
  }

  std::string text_;
  std::size_t at_ = 0;
  std::uint32_t sequence_ = 0;
};

Result<Fd> open_netlink(int protocol) {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!socket) return system_error("make a netlink socket");
  const timeval patience{2, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

/// Sends them and waits for the acknowledgement of the last one that asks for it. The first error counts.
Result<void> carry_out(const Fd& socket, const Messages& messages, std::uint32_t last, std::string_view what) {
  if (::send(socket.get(), messages.text().data(), messages.text().size(), 0) < 0) return system_error(what);
  alignas(nlmsghdr) std::array<char, 8192> buffer;
  while (true) {
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return system_error(what);
    auto left = static_cast<unsigned>(got);
    for (auto* at = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
      if (at->nlmsg_type != NLMSG_ERROR) continue;
      const auto* const error = static_cast<const nlmsgerr*>(NLMSG_DATA(at));
      if (error->error != 0) return system_error(what, -error->error);
      if (at->nlmsg_seq == last) return {};
    }
  }
}

void add_route(Messages& messages, unsigned char kind, const Range& range, std::uint16_t flags) {
  rtmsg route{};
  route.rtm_family = AF_INET;
  route.rtm_dst_len = static_cast<unsigned char>(range.length);
  route.rtm_table = RT_TABLE_LOCAL;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = kind == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  route.rtm_type = kind;
  messages.begin(RTM_NEWROUTE, static_cast<std::uint16_t>(NLM_F_CREATE | NLM_F_REPLACE | flags), route);
  messages.network_number(RTA_DST, range.address);
  if (kind == RTN_LOCAL) {
    messages.number(RTA_OIF, ::if_nametoindex("lo"));
    messages.network_number(RTA_PREFSRC, kLoopbackAddress);
  }
  messages.end();
}

nfgenmsg family(std::uint16_t resource = 0) {
  nfgenmsg head{};
  head.nfgen_family = resource == 0 ? static_cast<unsigned char>(NFPROTO_IPV4) : static_cast<unsigned char>(AF_UNSPEC);
  head.version = NFNETLINK_V0;
  head.res_id = htons(resource);
  return head;
}

constexpr std::uint16_t of_tables(std::uint16_t message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

/// One rule of the chain: a list of expressions.
class Rule {
 public:
  explicit Rule(Messages& messages, std::uint16_t flags = 0) : messages_(messages) {
    constexpr std::uint16_t kNext = NLM_F_CREATE | NLM_F_APPEND;
    messages_.begin(of_tables(NFT_MSG_NEWRULE), static_cast<std::uint16_t>(kNext | flags), family());
    messages_.name(NFTA_RULE_TABLE, kTable);
    messages_.name(NFTA_RULE_CHAIN, kChain);
    list_ = messages_.nest(NFTA_RULE_EXPRESSIONS);
  }
  ~Rule() {
    messages_.close(list_);
    messages_.end();
  }
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;

  /// The packet is for this network.
  void destination(std::uint32_t network, std::uint32_t mask) {
    constexpr std::uint32_t kDestinationAt = 16;
    begin("payload");
    messages_.network_number(NFTA_PAYLOAD_DREG, NFT_REG_1);
    messages_.network_number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
    messages_.network_number(NFTA_PAYLOAD_OFFSET, kDestinationAt);
    messages_.network_number(NFTA_PAYLOAD_LEN, sizeof network);
    end();
    begin("bitwise");
    messages_.network_number(NFTA_BITWISE_SREG, NFT_REG_1);
    messages_.network_number(NFTA_BITWISE_DREG, NFT_REG_1);
    messages_.network_number(NFTA_BITWISE_LEN, sizeof network);
    const std::uint32_t none = 0;
    const std::uint32_t wanted = htonl(mask);
    data(NFTA_BITWISE_MASK, bytes_of(wanted));
    data(NFTA_BITWISE_XOR, bytes_of(none));
    end();
    const std::uint32_t value = htonl(network);
    equals(bytes_of(value));
  }
  void protocol(std::uint8_t wanted) {
    begin("meta");
    messages_.network_number(NFTA_META_KEY, NFT_META_L4PROTO);
    messages_.network_number(NFTA_META_DREG, NFT_REG_1);
    end();
    equals(bytes_of(wanted));
  }
  void hand_to(std::uint32_t address, std::uint16_t port) {
    const std::uint32_t to = htonl(address);
    const std::uint16_t at = htons(port);
    load(NFT_REG_1, bytes_of(to));
    load(NFT_REG_2, bytes_of(at));
    begin("tproxy");
    messages_.network_number(NFTA_TPROXY_FAMILY, NFPROTO_IPV4);
    messages_.network_number(NFTA_TPROXY_REG_ADDR, NFT_REG_1);
    messages_.network_number(NFTA_TPROXY_REG_PORT, NFT_REG_2);
    end();
  }
  void verdict(std::uint32_t code) {
    begin("immediate");
    messages_.network_number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    const std::size_t outer = messages_.nest(NFTA_IMMEDIATE_DATA);
    const std::size_t inner = messages_.nest(NFTA_DATA_VERDICT);
    messages_.network_number(NFTA_VERDICT_CODE, code);
    messages_.close(inner);
    messages_.close(outer);
    end();
  }

 private:
  void begin(const char* kind) {
    element_ = messages_.nest(NFTA_LIST_ELEM);
    messages_.name(NFTA_EXPR_NAME, kind);
    expression_ = messages_.nest(NFTA_EXPR_DATA);
  }
  void end() {
    messages_.close(expression_);
    messages_.close(element_);
  }
  void data(std::uint16_t type, std::string_view value) {
    const std::size_t outer = messages_.nest(type);
    messages_.add(NFTA_DATA_VALUE, value);
    messages_.close(outer);
  }
  void load(std::uint32_t where, std::string_view value) {
    begin("immediate");
    messages_.network_number(NFTA_IMMEDIATE_DREG, where);
    data(NFTA_IMMEDIATE_DATA, value);
    end();
  }
  void equals(std::string_view value) {
    begin("cmp");
    messages_.network_number(NFTA_CMP_SREG, NFT_REG_1);
    messages_.network_number(NFTA_CMP_OP, NFT_CMP_EQ);
    data(NFTA_CMP_DATA, value);
    end();
  }

  Messages& messages_;
  std::size_t list_ = 0;
  std::size_t element_ = 0;
  std::size_t expression_ = 0;
};

void add_chain(Messages& messages) {
  messages.begin(of_tables(NFT_MSG_NEWTABLE), NLM_F_CREATE, family());
  messages.name(NFTA_TABLE_NAME, kTable);
  messages.end();
  messages.begin(of_tables(NFT_MSG_NEWCHAIN), NLM_F_CREATE, family());
  messages.name(NFTA_CHAIN_TABLE, kTable);
  messages.name(NFTA_CHAIN_NAME, kChain);
  messages.name(NFTA_CHAIN_TYPE, "filter");
  const std::size_t hook = messages.nest(NFTA_CHAIN_HOOK);
  messages.network_number(NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
  messages.network_number(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(kMangle));
  messages.close(hook);
  messages.end();
}

void add_rules(Messages& messages, std::uint16_t tcp_port, std::uint16_t udp_port) {
  {
    Rule own(messages);
    own.destination(0x7f000000, 0xff000000);
    own.verdict(NF_ACCEPT);
  }
  for (const auto& [protocol, port] : {std::pair{IPPROTO_TCP, tcp_port}, std::pair{IPPROTO_UDP, udp_port}}) {
    Rule diverted(messages);
    diverted.protocol(static_cast<std::uint8_t>(protocol));
    diverted.hand_to(kLoopbackAddress, port);
    diverted.verdict(NF_ACCEPT);
  }
  Rule rest(messages, NLM_F_ACK);
  rest.verdict(NF_DROP);
}

}  // namespace

Result<void> route_to_loopback(const Policy& policy) {
  Result<Fd> socket = open_netlink(NETLINK_ROUTE);
  if (!socket.ok()) return std::move(socket).error();
  Messages messages;
  for (const Range& fence : policy.fences()) add_route(messages, RTN_UNREACHABLE, fence, 0);
  for (const Range& opened : policy.opened()) add_route(messages, RTN_LOCAL, opened, 0);
  add_route(messages, RTN_LOCAL, Range{}, NLM_F_ACK);
  return carry_out(*socket, messages, messages.last(), "set the routes of a sandbox with egress");
}

Result<void> divert(std::uint16_t tcp_port, std::uint16_t udp_port) {
  Result<Fd> socket = open_netlink(NETLINK_NETFILTER);
  if (!socket.ok()) return std::move(socket).error();
  Messages messages;
  messages.begin(NFNL_MSG_BATCH_BEGIN, 0, family(NFNL_SUBSYS_NFTABLES));
  messages.end();
  add_chain(messages);
  add_rules(messages, tcp_port, udp_port);
  const std::uint32_t last = messages.last();
  messages.begin(NFNL_MSG_BATCH_END, 0, family(NFNL_SUBSYS_NFTABLES));
  messages.end();
  return carry_out(*socket, messages, last, "set the packet rules of a sandbox with egress (nf_tables)");
}

Result<RouteTable> RouteTable::open() {
  Result<Fd> socket = open_netlink(NETLINK_ROUTE);
  if (!socket.ok()) return std::move(socket).error();
  return RouteTable(std::move(*socket));
}

bool RouteTable::leads_out(std::uint32_t address) {
  Messages messages;
  rtmsg question{};
  question.rtm_family = AF_INET;
  question.rtm_dst_len = 32;
  messages.begin(RTM_GETROUTE, 0, question);
  messages.network_number(RTA_DST, address);
  messages.end();
  std::string text = messages.text();
  reinterpret_cast<nlmsghdr*>(text.data())->nlmsg_seq = ++sequence_;
  if (::send(socket_.get(), text.data(), text.size(), 0) < 0) return false;
  alignas(nlmsghdr) std::array<char, 4096> buffer;
  while (true) {
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return false;
    auto left = static_cast<unsigned>(got);
    for (auto* at = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
      if (at->nlmsg_seq != sequence_) continue;
      if (at->nlmsg_type != RTM_NEWROUTE) return false;
      return static_cast<const rtmsg*>(NLMSG_DATA(at))->rtm_type == RTN_UNICAST;
    }
  }
}

}  // namespace cumulet::compute::egress
