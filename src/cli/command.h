#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cumulet::cli {

/// A command's arguments, taken apart: `--name value`, `--name=value`, flags without a value, and what stands alone.
class Arguments {
 public:
  /// `valued` and `flags` are the options that the command knows ("region", "dev"). Fails with code "Usage".
  static Result<Arguments> parse(const std::vector<std::string>& words, const std::vector<std::string>& valued,
                                 const std::vector<std::string>& flags);

  bool has(const std::string& name) const { return options_.contains(name); }
  std::optional<std::string> get(const std::string& name) const;
  std::string get(const std::string& name, const std::string& otherwise) const;
  const std::vector<std::string>& positional() const { return positional_; }

 private:
  std::map<std::string, std::string> options_;
  std::vector<std::string> positional_;
};

/// The error of a wrong command line.
Error usage_error(std::string message);

// The commands: each gets the words after its name and gives the exit status.
int env(const std::vector<std::string>& words);
int doctor(const std::vector<std::string>& words);
int deploy(const std::vector<std::string>& words);
int invoke(const std::vector<std::string>& words);
int advise(const std::vector<std::string>& words);
int dev(const std::vector<std::string>& words);
int image(const std::vector<std::string>& words);
int logs(const std::vector<std::string>& words);

/// Prints "cumulet NAME: message" (and where help is) to stderr; gives the exit status: 2 for usage errors, else 1.
int report(const std::string& command, const Error& error);

}  // namespace cumulet::cli
