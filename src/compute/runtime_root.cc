#include "compute/runtime_root.h"

#include <array>
#include <fstream>
#include <system_error>

#include <unistd.h>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "compute/java_trust_store.h"

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
constexpr std::array<const char*, 22> kServices{
    "apigateway", "cloudformation", "cognito-idp", "dynamodb", "email", "events",     "firehose",
    "iam",        "kinesis",        "kms",         "lambda",   "logs",  "monitoring", "s3",
    "scheduler",  "secretsmanager", "sns",         "sqs",      "ssm",   "states",     "sts",
    "xray"};
constexpr std::array<const char*, 18> kRegions{
    "us-east-1",      "us-east-2",      "us-west-1",      "us-west-2",      "ca-central-1",   "eu-west-1",
    "eu-west-2",      "eu-west-3",      "eu-central-1",   "eu-north-1",     "eu-south-1",     "ap-south-1",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2", "sa-east-1"};

/// AWS's names of services, a line a region: a hosts file knows no wildcards.
std::string aws_hosts() {
  std::string hosts = "127.0.0.1\tsts.amazonaws.com iam.amazonaws.com s3.amazonaws.com\n";
  for (const char* region : kRegions) {
    hosts += "127.0.0.1\t";
    for (const char* service : kServices) hosts += std::string(service) + "." + region + ".amazonaws.com ";
    hosts.back() = '\n';
  }
  return hosts;
}

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

Result<RuntimeRoot> RuntimeRoot::make(const fs::path& state, const std::string& certificate_authority) {
  RuntimeRoot root;
  root.state_ = state;
  std::error_code problem;
  const fs::path etc = state / "etc";
  for (const char* folder : {"ssl/certs/java", "alternatives", "fonts", "pki"}) {
    fs::create_directories(etc / folder, problem);
    if (problem) return failed("making", etc / folder, problem);
    fs::permissions(etc / folder, fs::perms(0755), problem);
  }
  fs::permissions(etc, fs::perms(0755), problem);
  fs::permissions(etc / "ssl", fs::perms(0755), problem);
  fs::remove_all(state / "layers", problem);  // of an earlier run
  fs::permissions(etc / "ssl/certs", fs::perms(0755), problem);
  fs::create_directories(state / "layers", problem);
  fs::create_directories(state / "empty", problem);
  fs::create_directories(root.zygote_task() / "lib", problem);
  if (problem) return failed("making", state / "layers", problem);
  for (const auto& [name, text] : {std::pair{"passwd", kPasswd},
                                   {"group", kGroup},
                                   {"nsswitch.conf", kNsswitch},
                                   {"resolv.conf", "nameserver 127.0.0.1\noptions timeout:3 attempts:2\n"},
                                   {"hostname", "sandbox\n"}}) {
    if (Result<void> written = write_file(etc / name, text); !written) return std::move(written).error();
  }
  const bool own_names = !certificate_authority.empty();
  root.own_names_ = own_names;
  if (Result<void> written = write_file(etc / "hosts", kHosts + (own_names ? aws_hosts() : std::string())); !written) {
    return std::move(written).error();
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
  for (const char* folder : {"/etc/alternatives", "/etc/fonts"}) {
    if (fs::is_directory(folder, problem)) root.mounts_.emplace_back(folder, folder);
  }
  if (!own_names) {
    if (fs::is_directory("/etc/ssl/certs", problem)) root.mounts_.emplace_back("/etc/ssl/certs", "/etc/ssl/certs");
  } else {
    // The host's bundle and ours in one; programs that look certificates up one by one are sent to the bundle by
    // SSL_CERT_FILE.
    std::ifstream host("/etc/ssl/certs/ca-certificates.crt", std::ios::binary);
    const std::string bundle{std::istreambuf_iterator<char>(host), std::istreambuf_iterator<char>()};
    for (const auto& [name, text] :
         {std::pair<const char*, std::string>{"ca-certificates.crt", bundle + certificate_authority},
          {"cumulet.pem", certificate_authority},
          {"java/cacerts", java_trust_store(bundle + certificate_authority)}}) {
      if (Result<void> written = write_file(etc / "ssl/certs" / name, text); !written)
        return std::move(written).error();
    }
  }
  for (const auto& entry : fs::directory_iterator("/etc", problem)) {
    // Debian's interpreters keep their configuration here (python3.11/sitecustomize.py, java-17-openjdk/security).
    const std::string name = entry.path().filename().string();
    if ((!name.starts_with("python") && !name.starts_with("java-")) || !entry.is_directory(problem)) continue;
    fs::create_directories(etc / entry.path().filename(), problem);
    root.mounts_.emplace_back(entry.path(), entry.path().string());
  }
  return root;
}

std::vector<Mount> RuntimeRoot::image_mounts() const {
  std::vector<Mount> mounts;
  for (const char* name : {"hosts", "resolv.conf", "hostname"}) {
    mounts.emplace_back(state_ / "etc" / name, std::string("/etc/") + name);
  }
  if (own_names_) mounts.emplace_back(state_ / "etc/ssl/certs", kImageTls);
  return mounts;
}

Result<fs::path> RuntimeRoot::merge_layers(const std::vector<fs::path>& layers) const {
  if (layers.empty()) return state_ / "empty";
  if (layers.size() == 1) return layers.front();
  std::string names;
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
