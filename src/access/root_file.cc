#include "access/root_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace cumulet::access {
namespace {

Error configuration(std::string message) { return Error("Configuration", 500, std::move(message)); }

Error system_failure(const std::string& doing, const std::filesystem::path& file) {
  return configuration("Cannot " + doing + " " + file.string() + ": " + std::strerror(errno));
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<std::optional<RootCredentials>> read_root_file(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) return std::optional<RootCredentials>();
  RootCredentials root;
  std::string line;
  while (std::getline(stream, line)) {
    std::string_view text = trim(line);
    if (text.empty() || text.front() == '#') continue;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) return configuration(file.string() + ": a line has no '='.");
    const std::string_view name = text.substr(0, equals);
    const std::string value(text.substr(equals + 1));
    if (name == "AWS_ACCOUNT_ID") root.account = value;
    if (name == "AWS_ACCESS_KEY_ID") root.access_key_id = value;
    if (name == "AWS_SECRET_ACCESS_KEY") root.secret_access_key = value;
  }
  const bool account_ok =
      root.account.empty() || (root.account.size() == 12 && std::all_of(root.account.begin(), root.account.end(),
                                                                        [](char c) { return c >= '0' && c <= '9'; }));
  if (!account_ok) return configuration(file.string() + ": AWS_ACCOUNT_ID must be 12 digits.");
  if (root.access_key_id.empty() || root.secret_access_key.empty())
    return configuration(file.string() + ": AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must both be there.");
  return std::optional<RootCredentials>(std::move(root));
}

Result<void> write_root_file(const std::filesystem::path& file, const RootCredentials& root) {
  const std::string text = "AWS_ACCOUNT_ID=" + root.account + "\nAWS_ACCESS_KEY_ID=" + root.access_key_id +
                           "\nAWS_SECRET_ACCESS_KEY=" + root.secret_access_key + "\n";
  std::filesystem::path fresh = file;
  fresh += ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return system_failure("create", fresh);
  const bool written = write_all(fd, text) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!written) return system_failure("write", fresh);
  if (::rename(fresh.c_str(), file.c_str()) != 0) return system_failure("rename to", file);
  return {};
}

}  // namespace cumulet::access
