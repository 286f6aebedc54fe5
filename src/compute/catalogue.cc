#include "compute/catalogue.h"

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <poll.h>
#include <simdjson.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

extern char** environ;

namespace cumulet::compute {
namespace {

std::optional<LanguageVersion> parse_version(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '.');
  if (parts.empty() || parts.size() > 2 || text.size() > 8) return std::nullopt;
  LanguageVersion version;
  const auto major = parse_int(parts[0]);
  if (!major || *major < 0) return std::nullopt;
  version.major = static_cast<std::uint32_t>(*major);
  if (parts.size() == 2) {
    const auto minor = parse_int(parts[1]);
    if (!minor || *minor < 0) return std::nullopt;
    version.minor = static_cast<std::uint32_t>(*minor);
  }
  return version;
}

std::string replace(std::string text, std::string_view what, std::string_view with) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

bool executable(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

/// The interpreter is there, with the program that must lie beside it.
bool usable(const Language& language, const std::string& path) {
  if (!executable(path)) return false;
  if (language.needs.empty()) return true;
  std::error_code problem;
  const std::filesystem::path real = std::filesystem::canonical(path, problem);
  return !problem && executable((real.parent_path() / language.needs).string());
}

std::vector<std::string> strings(simdjson::dom::element object, const char* key) {
  std::vector<std::string> all;
  simdjson::dom::array array;
  if (object[key].get(array) != simdjson::SUCCESS) return all;
  for (const simdjson::dom::element item : array) {
    std::string_view text;
    if (item.get(text) == simdjson::SUCCESS) all.emplace_back(text);
  }
  return all;
}

std::string string(simdjson::dom::element object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

/// What can be said of a language that runs in an image: its files are not the host's, so nothing of the host's is
/// asked.
Result<void> check_root(const Language& language, const std::string& file) {
  const auto wrong = [&file](const char* why) { return Error("Catalogue.Invalid", 500, file + ": " + why); };
  if (!images::parse_reference(language.image)) return wrong("root.image is no HOST/REPOSITORY:TAG");
  if (language.identifiers.empty() || !language.prefix.empty()) return wrong("with a root, identifiers are listed");
  if (!language.prepare.empty() || !language.needs.empty()) return wrong("prepare and needs do not go with a root");
  if (!language.client.empty() && language.interpreters.empty()) return wrong("a client needs interpreters");
  if (!language.zygote.empty()) return wrong("a zygote does not go with a root");
  if (language.parks && language.client.empty()) return wrong("parks needs a client");
  return {};
}

Result<Language> read_language(const std::filesystem::path& file) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.load(file.string()).get(root)) {
    return Error("Catalogue.Invalid", 500, file.string() + ": " + simdjson::error_message(error));
  }
  Language language;
  language.name = string(root, "name");
  language.title = string(root, "title");
  language.prefix = string(root, "prefix");
  language.suffix = string(root, "suffix");
  language.identifiers = strings(root, "identifiers");
  language.interpreters = strings(root, "interpreters");
  language.unversioned = strings(root, "unversioned");
  language.arguments = strings(root, "arguments");
  language.needs = string(root, "needs");
  language.client = string(root, "client");
  language.zygote = string(root, "zygote");
  language.prepare = string(root, "prepare");
  language.package = string(root, "package");
  language.advice = string(root, "advice");
  if (root["parks"].get(language.parks) != simdjson::SUCCESS) language.parks = false;
  simdjson::dom::element from;
  const bool has_root = root["root"].get(from) == simdjson::SUCCESS;
  if (has_root) language.image = string(from, "image");
  for (const std::string& text : strings(root, "versions")) {
    const auto version = parse_version(text);
    if (!version) return Error("Catalogue.Invalid", 500, file.string() + ": version " + text);
    language.versions.push_back(*version);
  }
  std::sort(language.versions.begin(), language.versions.end());
  if (language.name.empty() || (language.prefix.empty() && language.identifiers.empty())) {
    return Error("Catalogue.Invalid", 500, file.string() + ": name and prefix or identifiers are missing");
  }
  if (has_root) {
    if (Result<void> sound = check_root(language, file.string()); !sound) return std::move(sound).error();
  }
  return language;
}

/// In the order of their names. Nothing, if there is no such folder.
Result<std::vector<Language>> read_languages(const std::filesystem::path& folder) {
  std::vector<Language> all;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
    if (entry.path().extension() != ".json") continue;
    Result<Language> language = read_language(entry.path());
    if (!language) return std::move(language).error();
    all.push_back(std::move(language).value());
  }
  std::sort(all.begin(), all.end(), [](const Language& a, const Language& b) { return a.name < b.name; });
  return all;
}

/// The version that `interpreter --version` prints; empty when it says nothing in two seconds.
std::string ask_version(const std::string& interpreter) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  std::string path = interpreter;
  std::string flag = "--version";
  char* const arguments[] = {path.data(), flag.data(), nullptr};
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, path.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string said;
  if (failed == 0) {
    pollfd ready{ends[0], POLLIN, 0};
    char buffer[128];
    if (::poll(&ready, 1, 2000) == 1) {
      if (const ssize_t n = ::read(ends[0], buffer, sizeof buffer); n > 0) said.assign(buffer, static_cast<size_t>(n));
    } else {
      ::kill(pid, SIGKILL);
    }
    ::waitpid(pid, nullptr, 0);
  }
  ::close(ends[0]);
  const std::size_t at = said.find_first_of("0123456789");
  return at == std::string::npos ? std::string() : said.substr(at, said.find_first_of(" \n", at) - at);
}

}  // namespace

std::string LanguageVersion::text() const {
  return minor == 0 ? std::to_string(major) : std::to_string(major) + "." + std::to_string(minor);
}

RuntimeChoice choice_of_images() {
  static const Language none;
  RuntimeChoice choice;
  choice.language = &none;
  return choice;
}

Result<Catalogue> Catalogue::load(const std::filesystem::path& folder, const std::filesystem::path& own) {
  Result<std::vector<Language>> first = std::vector<Language>();
  if (!own.empty()) first = read_languages(own);
  if (!first) return std::move(first).error();
  Result<std::vector<Language>> ours = read_languages(folder);
  if (!ours) return std::move(ours).error();
  if (ours->empty()) return Error("Catalogue.Invalid", 500, "no runtimes in " + folder.string());
  Catalogue catalogue;
  catalogue.languages_ = std::move(first).value();
  for (Language& language : *ours) catalogue.languages_.push_back(std::move(language));
  return catalogue;
}

std::vector<std::string> Catalogue::images() const {
  std::vector<std::string> names;
  for (const Language& language : languages_) {
    if (!language.image.empty()) names.push_back(language.image);
  }
  return names;
}

std::string Catalogue::image_of(const std::string& identifier) const {
  const std::optional<Match> found = match(identifier);
  return found ? found->language->image : std::string();
}

FoundRuntimeImage Catalogue::find_image(const std::string& name) const {
  if (find_image_) return find_image_(name);
  FoundRuntimeImage nothing;
  nothing.problem = "there are no images here";
  return nothing;
}

std::optional<Catalogue::Match> Catalogue::match(const std::string& identifier) const {
  for (const Language& language : languages_) {
    if (std::find(language.identifiers.begin(), language.identifiers.end(), identifier) != language.identifiers.end()) {
      return Match{&language, std::nullopt};
    }
  }
  for (const Language& language : languages_) {
    if (language.prefix.empty() || !identifier.starts_with(language.prefix)) continue;
    std::string_view rest = std::string_view(identifier).substr(language.prefix.size());
    // Old identifiers have no suffix (nodejs, nodejs6.10): it is taken off when it is there.
    if (!language.suffix.empty() && rest.ends_with(language.suffix)) rest.remove_suffix(language.suffix.size());
    // The system of AWS's image (java8.al2, java17.al2023) says nothing about the language.
    for (const std::string_view system : {".al2", ".al2023"}) {
      if (rest.ends_with(system)) rest.remove_suffix(system.size());
    }
    if (rest.empty() && !language.suffix.empty()) return Match{&language, LanguageVersion{}};
    if (const auto version = parse_version(rest)) return Match{&language, version};
  }
  return std::nullopt;
}

std::string Catalogue::version_of(const std::string& interpreter) const {
  const std::lock_guard lock(mutex_);
  const auto [entry, added] = versions_.try_emplace(interpreter);
  if (added) entry->second = ask_version(interpreter);
  return entry->second;
}

/// Of a language whose identifiers are listed: the first interpreter that is there.
std::optional<RuntimeChoice> Catalogue::choose_listed(const Language& language) const {
  RuntimeChoice choice;
  choice.language = &language;
  choice.arguments = language.arguments;
  if (!language.image.empty()) {
    choice.image = find_image(language.image).image;
    if (!choice.image) return std::nullopt;
  }
  const auto there = [&](const std::string& path) {
    return choice.image ? has_program(*choice.image, path) : usable(language, path);
  };
  const auto found = std::find_if(language.interpreters.begin(), language.interpreters.end(), there);
  if (found == language.interpreters.end() && !language.interpreters.empty()) return std::nullopt;
  if (found != language.interpreters.end()) choice.interpreter = *found;
  if (choice.image) {
    choice.note = language.title + " (" + (choice.interpreter.empty() ? "" : choice.interpreter + " in ") +
                  choice.image->uri + ")";
  } else if (!choice.interpreter.empty()) {
    choice.note = language.title + " (" + choice.interpreter + ")";
  }
  return choice;
}

std::optional<RuntimeChoice> Catalogue::choose(const std::string& identifier) const {
  const std::optional<Match> found = match(identifier);
  if (!found) return std::nullopt;
  const Language& language = *found->language;
  if (!found->version) return choose_listed(language);
  RuntimeChoice choice;
  choice.language = &language;
  choice.arguments = language.arguments;
  std::optional<LanguageVersion> best;
  for (const LanguageVersion& version : language.versions) {
    for (const std::string& pattern : language.interpreters) {
      const std::string path = replace(pattern, "{version}", version.text());
      // Versions rise: the first that is not older than the wanted one is the nearest, until then the newest wins.
      if ((best && *best >= *found->version) || !usable(language, path)) continue;
      best = version;
      choice.interpreter = path;
    }
  }
  std::string have = best ? best->text() : std::string();
  if (!best || *best < *found->version) {
    for (const std::string& path : language.unversioned) {
      if (!usable(language, path)) continue;
      choice.interpreter = path;
      have = version_of(path);
      break;
    }
  }
  if (choice.interpreter.empty()) return std::nullopt;
  choice.note = language.title + " " + have + " (" + choice.interpreter + ")";
  const std::string wanted = found->version->text();
  if (have != wanted && !have.starts_with(wanted + ".")) choice.note += " serves " + identifier;
  return choice;
}

std::vector<std::string> Catalogue::installed(const Language& language) const {
  std::vector<std::string> all;
  if (!language.identifiers.empty()) {
    const std::optional<RuntimeChoice> choice = choose_listed(language);
    if (choice && !choice->note.empty()) all.push_back(choice->note);
    return all;
  }
  std::set<std::filesystem::path> seen;
  const auto other = [&](const std::string& path) {
    std::error_code problem;
    return usable(language, path) && seen.insert(std::filesystem::canonical(path, problem)).second;
  };
  for (const LanguageVersion& version : language.versions) {
    for (const std::string& pattern : language.interpreters) {
      const std::string path = replace(pattern, "{version}", version.text());
      if (other(path)) all.push_back(language.title + " " + version.text() + " (" + path + ")");
    }
  }
  for (const std::string& path : language.unversioned) {
    if (other(path)) all.push_back(language.title + " " + version_of(path) + " (" + path + ")");
  }
  return all;
}

RuntimeStatus Catalogue::status_of_image(const Language& language) const {
  RuntimeStatus status;
  status.supported = true;
  const std::optional<RuntimeChoice> choice = choose_listed(language);
  status.installed = choice.has_value();
  const FoundRuntimeImage found = find_image(language.image);
  status.detail = choice        ? choice->note
                  : found.image ? found.image->uri + " has none of " + join(language.interpreters, ", ")
                                : "the image " + language.image + " is not there: " + found.problem;
  return status;
}

RuntimeStatus Catalogue::status(const std::string& identifier) const {
  RuntimeStatus status;
  const std::optional<Match> found = match(identifier);
  if (!found) {
    status.detail = "unknown runtime " + identifier;
    return status;
  }
  if (!found->language->image.empty()) return status_of_image(*found->language);
  status.supported = true;
  if (found->language->client.empty()) {
    status.installed = true;
    status.detail = "the function's own bootstrap";
    return status;
  }
  const std::optional<RuntimeChoice> choice = choose(identifier);
  status.installed = choice.has_value();
  const Language& language = *found->language;
  const std::string advice =
      language.advice.empty() ? "on Debian: apt-get install " + language.package : language.advice;
  status.detail = choice ? choice->note : "no " + language.title + " interpreter is installed; " + advice;
  return status;
}

}  // namespace cumulet::compute
