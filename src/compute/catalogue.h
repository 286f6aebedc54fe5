#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "compute/engine.h"
#include "compute/runtime_images.h"

namespace cumulet::compute {

/// A language's version as its identifiers give it: 3.12, 22.
struct LanguageVersion {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  auto operator<=>(const LanguageVersion&) const = default;
  std::string text() const;  ///< "3.12", and without a minor "22".
};

/// One language that functions are written in: runtimes/<name>.json. What is listed in `identifiers` counts before the
/// identifiers that a prefix describes.
struct Language {
  std::string name;
  std::string title;
  std::string prefix;  ///< Identifiers are prefix + version + suffix …
  std::string suffix;
  std::vector<std::string> identifiers;   ///< … or exactly these.
  std::vector<std::string> interpreters;  ///< Paths, with {version} unless the identifiers are listed.
  std::vector<LanguageVersion> versions;  ///< What {version} may be.
  std::vector<std::string> unversioned;   ///< Interpreters whose path does not say their version.
  std::vector<std::string> arguments;
  std::string needs;    ///< A program that must lie beside the interpreter, or it does not count.
  std::string client;   ///< Folder of the runtime client; empty: the function brings its own.
  std::string zygote;   ///< Program of the client's that loads what functions begin with, and forks (see ZygoteSpec).
  std::string prepare;  ///< Program of the client's that makes what is shown at /var/runtime (see ClientFolders).
  bool parks = false;   ///< Its client can wait for a function (see Parking).
  std::string image;    ///< A container image whose files are the root, instead of the host's.
  std::string package;  ///< What to install to get an interpreter.
  std::string advice;   ///< What to do instead, where no package brings one.
};

/// How a function of some runtime is started on this host.
struct RuntimeChoice {
  const Language* language = nullptr;
  std::string interpreter;             ///< Empty for OS-only runtimes.
  std::vector<std::string> arguments;  ///< {heap_mib} stands for the heap that the memory size allows, {handler} …
  std::shared_ptr<const RuntimeImage> image;  ///< The root that it runs in. Null: the host's files.
  std::string note;                           ///< Which interpreter it is, and how it differs from the one asked for.
};

/// For functions that are container images: nothing of the host's.
RuntimeChoice choice_of_images();

/// The runtimes that are known, and which of them this host can run. Thread-safe.
class Catalogue {
 public:
  /// Reads every *.json of the folder, and those of `own`, if there is one: they come first. Fails on a file that is
  /// not as it should be.
  static Result<Catalogue> load(const std::filesystem::path& folder, const std::filesystem::path& own = {});

  Catalogue() = default;
  Catalogue(Catalogue&& other) noexcept
      : languages_(std::move(other.languages_)), find_image_(std::move(other.find_image_)) {}

  /// Where the images are found that languages name. Without: nowhere.
  void use_images(FindRuntimeImage find) { find_image_ = std::move(find); }
  std::vector<std::string> images() const;
  /// The image that this runtime needs; empty: none.
  std::string image_of(const std::string& identifier) const;

  RuntimeStatus status(const std::string& identifier) const;
  /// Nullopt when the identifier is unknown or no interpreter is installed. An identifier whose version is not
  /// installed (retired, or newer than the host's) gets the nearest one: the next newer, else the newest.
  std::optional<RuntimeChoice> choose(const std::string& identifier) const;
  const std::vector<Language>& languages() const { return languages_; }
  /// The interpreters of a language that this host has, with their versions.
  std::vector<std::string> installed(const Language& language) const;

 private:
  struct Match {
    const Language* language = nullptr;
    std::optional<LanguageVersion> version;
  };
  std::optional<Match> match(const std::string& identifier) const;
  std::optional<RuntimeChoice> choose_listed(const Language& language) const;
  FoundRuntimeImage find_image(const std::string& name) const;
  RuntimeStatus status_of_image(const Language& language) const;
  std::string version_of(const std::string& interpreter) const;

  std::vector<Language> languages_;
  FindRuntimeImage find_image_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::string> versions_;  ///< What an unversioned interpreter says of itself.
};

}  // namespace cumulet::compute
