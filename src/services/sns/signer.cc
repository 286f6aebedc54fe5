#include "services/sns/signer.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"

namespace cumulet::sns {
namespace {

constexpr int kKeyBits = 2048;
constexpr long kValidDays = 3650;

Error signer_error(const std::string& what) { return Error("SigningError", 500, what); }

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// After a crash there is all of it or nothing.
Result<void> write_file(const std::string& path, const std::string& text, mode_t mode) {
  const std::string fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return signer_error("cannot create " + fresh + ": " + std::strerror(errno));
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(fresh.c_str(), path.c_str()) != 0) return signer_error("cannot write " + path);
  return {};
}

Result<net::PrivateKey> make_key(const std::string& file) {
  Result<net::PrivateKey> key = net::PrivateKey::make_rsa(kKeyBits);
  if (!key.ok()) return key;
  Result<void> written = write_file(file, key->pem(), 0600);
  if (!written.ok()) return std::move(written).error();
  return key;
}

}  // namespace

Signer::Signer(net::PrivateKey key, std::string certificate, ThreadPool& pool)
    : key_(std::move(key)),
      certificate_(std::move(certificate)),
      name_("SimpleNotificationService-" + hex_encode(md5(certificate_)) + ".pem"),
      pool_(pool) {}

Result<std::unique_ptr<Signer>> Signer::open(const std::string& directory, ThreadPool& pool) {
  const std::string key_file = directory + "/sns-key.pem";
  const std::string certificate_file = directory + "/sns-certificate.pem";
  const std::string key_text = read_file(key_file);
  Result<net::PrivateKey> key = key_text.empty() ? make_key(key_file) : net::PrivateKey::from_pem(key_text);
  if (!key.ok()) return signer_error("cannot use " + key_file + ": " + key.error().message());
  std::string certificate = key_text.empty() ? std::string() : read_file(certificate_file);
  if (certificate.empty()) {
    Result<std::string> made = key->self_signed("sns.amazonaws.com", kValidDays);
    if (!made.ok()) return std::move(made).error();
    certificate = std::move(*made);
    Result<void> written = write_file(certificate_file, certificate, 0644);
    if (!written.ok()) return std::move(written).error();
  }
  if (!key->belongs_to(certificate)) {
    return signer_error(certificate_file + " and " + key_file + " do not belong together; remove both to get new ones");
  }
  return std::unique_ptr<Signer>(new Signer(std::move(*key), std::move(certificate), pool));
}

Task<std::string> Signer::sign(std::string text, std::string version) const {
  const DigestKind digest = version == "2" ? DigestKind::kSha256 : DigestKind::kSha1;
  const auto work = [key = key_, digest, text = std::move(text)] { return key.sign(digest, text); };
  const std::string signature = co_await blocking(pool_, work);
  co_return base64_encode(signature);
}

}  // namespace cumulet::sns
