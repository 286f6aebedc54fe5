#include "cli/command.h"

#include <algorithm>
#include <cstdio>

namespace cumulet::cli {
namespace {

constexpr ErrorKind kUsage{"Usage", 400};

}  // namespace

Error usage_error(std::string message) { return Error(kUsage, std::move(message)); }

Result<Arguments> Arguments::parse(const std::vector<std::string>& words, const std::vector<std::string>& valued,
                                   const std::vector<std::string>& flags) {
  Arguments arguments;
  const auto knows = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "-h") {
      arguments.options_["help"] = "";
      continue;
    }
    if (words[i] == "-f" && knows(flags, "follow")) {
      arguments.options_["follow"] = "";
      continue;
    }
    if (!words[i].starts_with("--")) {
      arguments.positional_.push_back(words[i]);
      continue;
    }
    std::string name = words[i].substr(2);
    const std::size_t equals = name.find('=');
    std::string value;
    if (equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    if (knows(valued, name)) {
      if (equals == std::string::npos && ++i == words.size()) return usage_error("'--" + name + "' needs a value");
      arguments.options_[name] = equals == std::string::npos ? words[i] : value;
    } else if (name == "help" || knows(flags, name)) {
      if (equals != std::string::npos) return usage_error("'--" + name + "' takes no value");
      arguments.options_[name] = "";
    } else {
      return usage_error("unknown option '--" + name + "'");
    }
  }
  return arguments;
}

std::optional<std::string> Arguments::get(const std::string& name) const {
  const auto found = options_.find(name);
  return found == options_.end() ? std::nullopt : std::optional<std::string>(found->second);
}

std::string Arguments::get(const std::string& name, const std::string& otherwise) const {
  return get(name).value_or(otherwise);
}

int report(const std::string& command, const Error& error) {
  std::fprintf(stderr, "cumulet %s: %s\n", command.c_str(), error.message().c_str());
  if (!error.is(kUsage)) return 1;
  std::fprintf(stderr, "Try 'cumulet %s --help'.\n", command.c_str());
  return 2;
}

}  // namespace cumulet::cli
