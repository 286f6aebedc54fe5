#include "wire/schema.h"

#include <algorithm>

#include "wire/decoding.h"

namespace cumulet::wire {

const OperationModel* ServiceModel::find(std::string_view operation) const {
  const auto found =
      std::lower_bound(operations.begin(), operations.end(), operation,
                       [](const OperationModel& model, std::string_view name) { return model.name < name; });
  return found != operations.end() && found->name == operation ? &*found : nullptr;
}

const ErrorModel* ServiceModel::find_error(std::string_view code) const {
  const auto found = std::lower_bound(errors.begin(), errors.end(), code,
                                      [](const ErrorModel& model, std::string_view c) { return model.kind.code < c; });
  return found != errors.end() && found->kind.code == code ? &*found : nullptr;
}

std::string to_string(const Path* path) {
  if (path == nullptr) return {};
  std::string text = to_string(path->up);
  if (!text.empty()) text += '.';
  switch (path->step) {
    case Path::Step::kMember: {
      const std::size_t start = text.size();
      text += path->name;
      if (text[start] >= 'A' && text[start] <= 'Z') text[start] = static_cast<char>(text[start] + 32);
      break;
    }
    case Path::Step::kElement:
      text += std::to_string(path->index + 1) + ".member";
      break;
    case Path::Step::kEntry:
      text += std::string(path->name) + ".member";
      break;
  }
  return text;
}

}  // namespace cumulet::wire
