#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "access/authenticate.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "net/http.h"
#include "pipeline/access_log.h"
#include "pipeline/service_router.h"
#include "wire/service.h"
#include "wire/surface.h"
#include "wire/witness.h"

namespace cumulet::pipeline {

struct Options {
  std::string region = "us-east-1";         ///< Of requests that name none.
  std::string public_host;                  ///< In URLs that we hand out, instead of the request's Host.
  std::uint32_t requests_in_flight = 8192;  ///< Past it, 503.
};

/// A request's whole story: which operation is it, who asks, may they, do it, answer. Its `handle` is the server's
/// handler; add everything before the first request. Thread-safe from then on.
class Pipeline {
 public:
  /// May this caller do this? Fails with AccessDenied in the service's words. The resource is decided by the policies'
  /// evaluation, later, inside.
  using Authorize = std::function<Task<void>(const wire::Call&)>;

  Pipeline(access::Authenticator& authenticator, Authorize authorize, const Clock& clock, AccessLog& access_log,
           Options options);

  void add(const wire::Service& service);
  void add(wire::Surface& surface) { surfaces_.push_back(&surface); }
  /// Who sees how the requests to a service or a surface were answered.
  void set_witness(const wire::Service& service, wire::Witness& witness) { service_witnesses_[&service] = &witness; }
  void set_witness(const wire::Surface& surface, wire::Witness& witness) { surface_witnesses_[&surface] = &witness; }
  /// An endpoint of our own at exactly this path (/metrics, /_localstack/health): before everything else.
  void add(std::string path, net::Handler handler) { endpoints_[std::move(path)] = std::move(handler); }

  Task<net::Response> handle(net::Request& request);

 private:
  struct Story;

  Task<net::Response> respond(net::Request& request, Story& story);
  Task<net::Response> call_service(net::Request& request, Story& story, const Destination& destination);
  Task<net::Response> operate(net::Request& request, Story& story, const Destination& destination);
  std::string endpoint_of(const net::Request& request) const;
  void finish(const net::Request& request, const Story& story, int status);
  static void tell_witness(const Story& story, net::Response& response);

  access::Authenticator& authenticator_;
  Authorize authorize_;
  const Clock& clock_;
  AccessLog& access_log_;
  const Options options_;
  ServiceRouter router_;
  std::map<const wire::Service*, access::Audience> audiences_;
  std::vector<wire::Surface*> surfaces_;
  std::map<const wire::Service*, wire::Witness*> service_witnesses_;
  std::map<const wire::Surface*, wire::Witness*> surface_witnesses_;
  std::map<std::string, net::Handler, std::less<>> endpoints_;
  std::atomic<std::uint32_t> in_flight_{0};
  Gauge& in_flight_gauge_;
  Histogram& seconds_;
};

}  // namespace cumulet::pipeline
