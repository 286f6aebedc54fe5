#include "pipeline/pipeline.h"

#include <map>
#include <string_view>
#include <tuple>

#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/protocol.h"

namespace cumulet::pipeline {

/// What is known of a request so far, for the access log and the metrics.
struct Pipeline::Story {
  Timestamp began;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  std::string request_id = uuid();
  std::uint64_t bytes_in = 0;  ///< The announced length: the operation may take the body away.
  std::string account;
  std::string_view service;
  std::string_view operation;
  std::string error;
  wire::Witness* witness = nullptr;
  std::optional<wire::Call> call;  ///< What is known of it; there when somebody is to be told.
  std::string bucket;
  net::Headers reply_headers;  ///< What the operation had to say besides its error: CORS, entity tags.
};

namespace {

/// Counts a request as in flight while it lives.
class InFlight {
 public:
  InFlight(std::atomic<std::uint32_t>& count, Gauge& gauge) : count_(count), gauge_(gauge), number_(++count) {
    gauge_.add(1);
  }
  ~InFlight() {
    --count_;
    gauge_.add(-1);
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  std::uint32_t number() const { return number_; }

 private:
  std::atomic<std::uint32_t>& count_;
  Gauge& gauge_;
  const std::uint32_t number_;
};

/// The counter of that operation's requests with that status. Both texts are the models' own and live for ever, so
/// their addresses name them; a thread looks each up once.
Counter& requests_counter(std::string_view service, std::string_view operation, int status) {
  using Name = std::tuple<const char*, const char*, int>;
  thread_local std::map<Name, Counter*> known;
  Counter*& counter = known[Name(service.data(), operation.data(), status)];
  if (counter == nullptr) {
    counter = &Metrics::instance().counter(
        "cumulet_requests_total",
        {{"service", std::string(service)}, {"operation", std::string(operation)}, {"status", std::to_string(status)}});
  }
  return *counter;
}

/// A body, and what lives until it has gone out.
class AccompaniedBody final : public BodySource {
 public:
  AccompaniedBody(std::unique_ptr<BodySource> body, std::shared_ptr<void> companion)
      : companion_(std::move(companion)), body_(std::move(body)) {}
  Task<std::string> read() override { return body_->read(); }
  std::optional<std::uint64_t> size() const override { return body_->size(); }
  BodySource& innermost() override { return body_->innermost(); }

 private:
  std::shared_ptr<void> companion_;
  std::unique_ptr<BodySource> body_;
};

net::Response too_busy() {
  net::Response response(503, "application/json", R"({"message":"The service is handling too many requests."})");
  response.headers.set("retry-after", "1");
  return response;
}

}  // namespace

Pipeline::Pipeline(access::Authenticator& authenticator, Authorize authorize, const Clock& clock, AccessLog& access_log,
                   Options options)
    : authenticator_(authenticator),
      authorize_(std::move(authorize)),
      clock_(clock),
      access_log_(access_log),
      options_(std::move(options)),
      in_flight_gauge_(Metrics::instance().gauge("cumulet_requests_in_flight")),
      seconds_(Metrics::instance().histogram("cumulet_request_seconds")) {}

void Pipeline::add(const wire::Service& service) {
  router_.add(service);
  access::Audience audience(service.model());
  audience.allows_anonymous = service.model().signing_name == "s3";
  audiences_.emplace(&service, std::move(audience));
}

Task<net::Response> Pipeline::handle(net::Request& request) {
  Story story;
  story.began = clock_.now();
  story.bytes_in = request.body->size().value_or(0);
  const InFlight in_flight(in_flight_, in_flight_gauge_);
  if (in_flight.number() > options_.requests_in_flight) {
    story.error = "TooBusy";
    net::Response response = too_busy();
    finish(request, story, response.status);
    co_return response;
  }
  Result<net::Response> response = co_await attempt(respond(request, story));
  if (!response.ok()) {
    story.error = response.error().code();
    log::error("a request ended without a response", {{"id", story.request_id}, {"why", response.error().message()}});
    response = net::Response(500, "application/json", R"({"message":"Internal server error"})");
  }
  finish(request, story, response->status);
  tell_witness(story, *response);
  co_return std::move(*response);
}

Task<net::Response> Pipeline::respond(net::Request& request, Story& story) {
  const auto endpoint = endpoints_.find(request.path);
  if (endpoint != endpoints_.end()) {
    story.service = "cumulet";
    co_return co_await endpoint->second(request);
  }
  for (wire::Surface* surface : surfaces_) {
    if (!surface->owns(request)) continue;
    story.service = "surface";
    const auto witness = surface_witnesses_.find(surface);
    if (witness != surface_witnesses_.end()) {
      story.witness = witness->second;
      wire::Call& call = story.call.emplace(request);
      call.request_id = story.request_id;
      call.time = story.began;
      call.caller.anonymous = true;
    }
    co_return co_await surface->answer(request, story.request_id);
  }
  const Destination destination = router_.route(request);
  if (destination.service == nullptr) {
    story.error = "NoSuchService";
    net::Response response(
        501, "application/json",
        R"({"__type":"NotImplemented","message":"No service of this server answers this request."})");
    response.headers.set("x-amzn-errortype", "NotImplemented");
    response.headers.set("x-amzn-requestid", story.request_id);
    co_return response;
  }
  co_return co_await call_service(request, story, destination);
}

Task<net::Response> Pipeline::call_service(net::Request& request, Story& story, const Destination& destination) {
  const wire::ServiceModel& model = wire::spoken_model(destination.service->model(), request);
  story.service = model.name();
  Result<net::Response> response = co_await attempt(operate(request, story, destination));
  if (response.ok()) co_return std::move(*response);
  story.error = response.error().code();
  if (response.error().http_status() >= 500) {
    log::warning("an operation failed", {{"id", story.request_id},
                                         {"operation", std::string(story.operation)},
                                         {"code", response.error().code()},
                                         {"why", response.error().message()}});
  }
  wire::ErrorContext context(story.request_id);
  context.resource = request.path;
  net::Response refusal = wire::render(model, response.error(), context);
  for (const auto& [name, value] : story.reply_headers) refusal.headers.add(name, value);
  co_return refusal;
}

Task<net::Response> Pipeline::operate(net::Request& request, Story& story, const Destination& destination) {
  const wire::Service& service = *destination.service;
  const wire::ServiceModel& model = wire::spoken_model(service.model(), request);
  wire::Call& call = story.call.emplace(request);
  call.request_id = story.request_id;
  call.service = model.signing_name;
  call.region = destination.region.empty() ? options_.region : destination.region;
  call.time = story.began;
  call.endpoint = endpoint_of(request);
  const auto witness = service_witnesses_.find(&service);
  if (witness != service_witnesses_.end()) story.witness = witness->second;
  story.bucket = destination.bucket;

  const wire::OperationModel* operation = co_await wire::route(model, request, destination.bucket);
  story.operation = operation->name;
  call.operation = operation->name;
  call.caller = co_await authenticator_.authenticate(request, audiences_.at(&service));
  story.account = call.caller.account;
  co_await authorize_(call);

  const wire::Service::Operate* operate = service.find(operation->name);
  if (operate == nullptr) {
    co_return Error(errors::kNotImplemented,
                    "The operation " + std::string(operation->name) + " is not implemented by this server.");
  }
  const wire::Instance input = co_await wire::decode(model, *operation, request, destination.bucket);
  const wire::Instance output = operation->make_output();
  const Result<void> done = co_await attempt((*operate)(call, input.get(), output.get()));
  if (!done.ok()) {
    story.reply_headers = std::move(call.reply_headers);
    co_return done.error();
  }
  co_return wire::encode(model, *operation, output.get(), call);
}

std::string Pipeline::endpoint_of(const net::Request& request) const {
  const std::string scheme = request.secure ? "https://" : "http://";
  if (!options_.public_host.empty()) return scheme + options_.public_host;
  return scheme + std::string(request.headers.get("host", "localhost"));
}

void Pipeline::tell_witness(const Story& story, net::Response& response) {
  if (story.witness == nullptr || !story.call) return;
  const wire::Answered answered(*story.call, story.bucket, response, story.error, story.started);
  std::shared_ptr<void> companion = story.witness->answered(answered);
  auto* body = std::get_if<std::unique_ptr<BodySource>>(&response.body);
  if (companion == nullptr || body == nullptr || *body == nullptr) return;
  *body = std::make_unique<AccompaniedBody>(std::move(*body), std::move(companion));
}

void Pipeline::finish(const net::Request& request, const Story& story, int status) {
  const auto took = std::chrono::steady_clock::now() - story.started;
  seconds_.observe(std::chrono::duration<double>(took).count());
  requests_counter(story.service, story.operation, status).add();
  AccessLog::Line line;
  line.time = iso8601(story.began, true);
  line.request_id = story.request_id;
  line.remote = request.remote_address;
  line.account = story.account;
  line.service = story.service;
  line.operation = story.operation.empty() ? request.method : std::string(story.operation);
  line.status = status;
  line.bytes_in = story.bytes_in;
  line.micros = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  line.error = story.error;
  access_log_.write(line);
}

}  // namespace cumulet::pipeline
