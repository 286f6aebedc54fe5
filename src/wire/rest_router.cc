#include "wire/rest_router.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <tuple>

#include "base/text.h"

namespace cumulet::wire {
namespace {

const std::string* find_parameter(const QueryParameters& query, std::string_view name) {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

/// Without x-id, which newer clients add to say the operation's name.
std::vector<std::pair<std::string_view, std::string_view>> literal_queries(std::string_view uri) {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  const std::size_t question = uri.find('?');
  if (question == std::string_view::npos) return out;
  for (const std::string_view part : split(uri.substr(question + 1), '&')) {
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    if (name != "x-id") out.emplace_back(name, equals == std::string_view::npos ? "" : part.substr(equals + 1));
  }
  return out;
}

}  // namespace

struct RestRouter::Fit {
  int literals = -1;  ///< Literal path segments; -1 when the operation does not fit at all.
  int queries = 0;    ///< Literal query parameters.
  int missing = 0;    ///< Required headers and query parameters that are not there.
  int present = 0;    ///< … that are there.
  bool current = true;

  bool better_than(const Fit& other) const {
    const auto rank = [](const Fit& fit) {
      return std::make_tuple(fit.literals, fit.queries, -fit.missing, fit.present, fit.current);
    };
    return rank(*this) > rank(other);
  }
};

RestRouter::RestRouter(const ServiceModel& service) {
  for (const OperationModel& operation : service.operations) {
    Route& route = routes_.emplace_back();
    route.operation = &operation;
    route.path = UriTemplate(operation.uri);
    route.literals = literal_queries(operation.uri);
    for (const Member& member : operation.input->members) {
      const bool counts = member.location == Location::kQuery || member.location == Location::kHeader;
      if (counts && member.required) route.required.push_back(&member);
    }
    if (service.protocol != Protocol::kRestXml) continue;
    for (const auto& [name, value] : route.literals) {
      if (value.empty()) subresources_.push_back(name);
    }
  }
  std::sort(subresources_.begin(), subresources_.end());
}

const RestRouter& RestRouter::of(const ServiceModel& service) {
  static std::shared_mutex mutex;
  static std::map<const ServiceModel*, std::unique_ptr<const RestRouter>> routers;
  {
    std::shared_lock lock(mutex);
    const auto found = routers.find(&service);
    if (found != routers.end()) return *found->second;
  }
  auto fresh = std::make_unique<const RestRouter>(service);
  std::unique_lock lock(mutex);
  return *routers.try_emplace(&service, std::move(fresh)).first->second;
}

RestRouter::Fit RestRouter::fit(const Route& route, const net::Request& request, std::string_view path,
                                const QueryParameters& query) const {
  Fit fit;
  for (const auto& [name, value] : route.literals) {
    const std::string* given = find_parameter(query, name);
    if (given == nullptr || (!value.empty() && *given != value)) return fit;
    ++fit.queries;
  }
  fit.literals = route.path.match(path, nullptr);
  if (fit.literals < 0) return fit;
  fit.current = !route.operation->deprecated;
  for (const Member* member : route.required) {
    const bool there = member->location == Location::kQuery ? find_parameter(query, member->wire_name) != nullptr
                                                            : request.headers.has(member->wire_name);
    (there ? fit.present : fit.missing) += 1;
  }
  return fit;
}

bool RestRouter::ignores_subresource(const Route& chosen, const QueryParameters& query) const {
  return std::any_of(query.begin(), query.end(), [&](const auto& parameter) {
    const std::string_view name = parameter.first;
    const bool known = std::binary_search(subresources_.begin(), subresources_.end(), name);
    return known && std::none_of(chosen.literals.begin(), chosen.literals.end(),
                                 [name](const Literal& literal) { return literal.first == name; });
  });
}

const OperationModel* RestRouter::find(const net::Request& request, std::string_view path,
                                       const QueryParameters& query) const {
  const Route* best = nullptr;
  Fit best_fit;
  for (const Route& route : routes_) {
    if (route.operation->method != request.method) continue;
    const Fit fit = this->fit(route, request, path, query);
    if (!fit.better_than(best_fit)) continue;
    best = &route;
    best_fit = fit;
  }
  if (best == nullptr || best_fit.literals < 0 || ignores_subresource(*best, query)) return nullptr;
  return best->operation;
}

}  // namespace cumulet::wire
