#include "compute/runtime_root.h"

#include <fstream>
#include <system_error>

#include <unistd.h>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"

namespace cumulet::compute {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/sbin/nologin\n"
    "sbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n";
constexpr const char* kGroup = "root:x:0:\nsbx_user1051:x:990:\nnogroup:x:65534:\n";
constexpr const char* kHosts =
    "127.0.0.1\tlocalhost sandbox sandbox.localdomain localhost.localstack.cloud s3.localhost.localstack.cloud\n"
    "::1\tlocalhost\n";
constexpr const char* kNsswitch = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n";

Result<void> write_file(const fs::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code ignored;
  fs::permissions(path, fs::perms(0644), ignored);  // Whatever the server's umask is.
  if (out) return {};
  return Error("Sandbox.Failure", 500, "writing " + path.string());
}

Error failed(const char* what, const fs::path& path, const std::error_code& why) {
  return Error("Sandbox.Failure", 500, std::string(what) + " " + path.string() + ": " + why.message());
}

/// Shows `from` in `into`: folders are made, files are hard links (copies where that is not possible).
std::error_code overlay(const fs::path& from, const fs::path& into) {
  std::error_code problem;
  for (fs::recursive_directory_iterator at(from, problem), end; !problem && at != end; at.increment(problem)) {
    const fs::path target = into / fs::relative(at->path(), from, problem);
    if (problem) break;
    const fs::file_status status = at->symlink_status(problem);
    if (status.type() == fs::file_type::directory) {
      if (fs::symlink_status(target, problem).type() != fs::file_type::directory) {
        fs::remove(target, problem);
        fs::create_directory(target, problem);
      }
      continue;
    }
    fs::remove_all(target, problem);
    if (status.type() == fs::file_type::symlink) {
      fs::copy_symlink(at->path(), target, problem);
    } else if (status.type() == fs::file_type::regular) {
      fs::create_hard_link(at->path(), target, problem);
      if (problem) {
        problem.clear();
        fs::copy_file(at->path(), target, problem);
      }
    }
  }
  return problem;
}

}  // namespace

Result<RuntimeRoot> RuntimeRoot::make(const fs::path& state) {
  RuntimeRoot root;
  root.state_ = state;
  std::error_code problem;
  const fs::path etc = state / "etc";
  for (const char* folder : {"ssl/certs", "alternatives", "fonts", "pki"}) {
    fs::create_directories(etc / folder, problem);
    if (problem) return failed("making", etc / folder, problem);
    fs::permissions(etc / folder, fs::perms(0755), problem);
  }
  fs::permissions(etc, fs::perms(0755), problem);
  fs::permissions(etc / "ssl", fs::perms(0755), problem);
  fs::create_directories(state / "layers", problem);
  fs::create_directories(state / "empty", problem);
  if (problem) return failed("making", state / "layers", problem);
  for (const auto& [name, text] : {std::pair{"passwd", kPasswd},
                                   {"group", kGroup},
                                   {"hosts", kHosts},
                                   {"nsswitch.conf", kNsswitch},
                                   {"resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"},
                                   {"hostname", "sandbox\n"}}) {
    if (Result<void> written = write_file(etc / name, text); !written) return std::move(written).error();
  }
  for (const char* name : {"ld.so.cache", "services", "protocols", "mime.types", "ssl/openssl.cnf"}) {
    if (fs::is_regular_file(fs::path("/etc") / name, problem)) {
      fs::copy_file(fs::path("/etc") / name, etc / name, fs::copy_options::overwrite_existing, problem);
    }
  }
  for (const char* folder : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    if (fs::is_directory(folder, problem)) root.mounts_.emplace_back(folder, folder);
  }
  root.mounts_.emplace_back(etc, "/etc");
  for (const char* folder : {"/etc/ssl/certs", "/etc/alternatives", "/etc/fonts"}) {
    if (fs::is_directory(folder, problem)) root.mounts_.emplace_back(folder, folder);
  }
  for (const auto& entry : fs::directory_iterator("/etc", problem)) {
    // Debian's interpreters keep their site configuration here (python3.11/sitecustomize.py).
    if (!entry.path().filename().string().starts_with("python") || !entry.is_directory(problem)) continue;
    fs::create_directories(etc / entry.path().filename(), problem);
    root.mounts_.emplace_back(entry.path(), entry.path().string());
  }
  return root;
}

Result<fs::path> RuntimeRoot::merge_layers(const std::vector<fs::path>& layers, const std::string& key) const {
  if (layers.empty()) return state_ / "empty";
  if (layers.size() == 1) return layers.front();
  std::string names = key;
  for (const fs::path& layer : layers) names += "\n" + layer.string();
  const fs::path merged = state_ / "layers" / hex_encode(sha256(names)).substr(0, 40);
  std::error_code problem;
  if (fs::is_directory(merged, problem)) return merged;
  const fs::path draft = state_ / "layers" / ("draft-" + random_id(12));
  fs::create_directories(draft, problem);
  for (const fs::path& layer : layers) {
    if (!problem) problem = overlay(layer, draft);
  }
  if (!problem) fs::rename(draft, merged, problem);
  if (!problem) return merged;
  std::error_code ignored;
  fs::remove_all(draft, ignored);
  if (fs::is_directory(merged, ignored)) return merged;  // Another thread was faster.
  return failed("merging layers into", merged, problem);
}

}  // namespace cumulet::compute
