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

struct Signer::Identity {
  Identity(net::PrivateKey k, std::string c)
      : key(std::move(k)),
        certificate(std::move(c)),
        name("SimpleNotificationService-" + hex_encode(md5(certificate)) + ".pem") {}
  net::PrivateKey key;
  std::string certificate;  ///< Signed by itself: receivers take the key out of it, they build no chain.
  std::string name;
};

Result<std::unique_ptr<Signer>> Signer::open(std::string directory, ThreadPool& pool) {
  std::unique_ptr<Signer> signer(new Signer(std::move(directory), pool));
  if (read_file(signer->directory_ + "/sns-key.pem").empty()) return signer;
  if (Result<std::shared_ptr<const Identity>> found = signer->open_or_make(); !found.ok()) {
    return std::move(found).error();
  }
  return signer;
}

std::shared_ptr<const Signer::Identity> Signer::opened() const {
  const std::lock_guard lock(mutex_);
  return identity_;
}

Result<std::shared_ptr<const Signer::Identity>> Signer::open_or_make() {
  const std::lock_guard one_at_a_time(making_);
  if (std::shared_ptr<const Identity> before = opened()) return before;
  const std::string key_file = directory_ + "/sns-key.pem";
  const std::string certificate_file = directory_ + "/sns-certificate.pem";
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
  auto made = std::make_shared<const Identity>(std::move(*key), std::move(certificate));
  const std::lock_guard lock(mutex_);
  identity_ = made;
  return std::shared_ptr<const Identity>(std::move(made));
}

std::string Signer::certificate() const {
  const std::shared_ptr<const Identity> identity = opened();
  return identity ? identity->certificate : std::string();
}

std::string Signer::certificate_name() const {
  const std::shared_ptr<const Identity> identity = opened();
  return identity ? identity->name : std::string();
}

Task<std::string> Signer::sign(std::string text, std::string version) {
  const DigestKind digest = version == "2" ? DigestKind::kSha256 : DigestKind::kSha1;
  const auto work = [this, digest, text = std::move(text)]() -> Result<std::string> {
    Result<std::shared_ptr<const Identity>> identity = open_or_make();
    if (!identity.ok()) return std::move(identity).error();
    return (*identity)->key.sign(digest, text);
  };
  const std::string signature = co_await blocking(pool_, work);
  co_return base64_encode(signature);
}

}  // namespace cumulet::sns
