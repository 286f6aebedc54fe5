#include "services/s3/sealing.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/s3/errors.h"

namespace cumulet::s3 {
namespace {

constexpr std::size_t kKey = SealingKey::kBytes;
constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kBlock = 16;

using Context = std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)>;

Context new_context() { return Context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free); }

const unsigned char* bytes_of(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

Error cannot(const std::string& what, const std::filesystem::path& file) {
  return Error("CannotOpen", 500, "cannot " + what + " the key " + file.string() + ": " + std::strerror(errno));
}

Result<void> write_key(const std::filesystem::path& file, const std::string& key) {
  // Complete or not at all: a torn key would make everything sealed with it unreadable.
  const std::string fresh = file.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return cannot("write", file);
  const bool written = ::write(fd, key.data(), key.size()) == static_cast<ssize_t>(key.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(fresh.c_str(), file.c_str()) != 0) return cannot("write", file);
  const int folder = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return {};
}

}  // namespace

Result<SealingKey> SealingKey::open(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno != ENOENT) return cannot("read", file);
  if (fd < 0) {
    std::string key = random_bytes(kKey);
    Result<void> written = write_key(file, key);
    if (!written.ok()) return std::move(written).error();
    return SealingKey(std::move(key));
  }
  std::string key(kKey + 1, '\0');
  const ssize_t got = ::read(fd, key.data(), key.size());
  ::close(fd);
  if (got != static_cast<ssize_t>(kKey)) return Error("CannotOpen", 500, "the key " + file.string() + " is damaged");
  key.resize(kKey);
  return SealingKey(std::move(key));
}

SealingKey SealingKey::temporary() { return SealingKey(random_bytes(kKey)); }

SealingKey SealingKey::of_customer(std::string key) { return SealingKey(std::move(key), true); }

std::string SealingKey::md5() const { return base64_encode(cumulet::md5(key_)); }

std::string SealingKey::new_seal() const {
  const std::string content_key = random_bytes(kKey);
  const std::string nonce = random_bytes(kNonce);
  std::string wrapped(kKey, '\0');
  std::string tag(kTag, '\0');
  const Context context = new_context();
  int length = 0;
  EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), bytes_of(nonce));
  EVP_EncryptUpdate(context.get(), bytes_of(wrapped), &length, bytes_of(content_key), static_cast<int>(kKey));
  EVP_EncryptFinal_ex(context.get(), bytes_of(tag), &length);
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTag), tag.data());
  return nonce + wrapped + tag;
}

Result<std::string> SealingKey::unwrap(const std::string& seal) const {
  const Error damaged =
      customers_ ? access_denied()
                 : Error(errors::kInternalFailure, "a sealed object cannot be opened with this installation's key");
  if (seal.size() != kNonce + kKey + kTag) return damaged;
  const std::string nonce = seal.substr(0, kNonce);
  const std::string wrapped = seal.substr(kNonce, kKey);
  std::string tag = seal.substr(kNonce + kKey);
  std::string content_key(kKey, '\0');
  const Context context = new_context();
  int length = 0;
  EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), bytes_of(nonce));
  EVP_DecryptUpdate(context.get(), bytes_of(content_key), &length, bytes_of(wrapped), static_cast<int>(kKey));
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTag), tag.data());
  std::string rest(kBlock, '\0');
  if (EVP_DecryptFinal_ex(context.get(), bytes_of(rest), &length) != 1) return damaged;
  return content_key;
}

void apply_keystream(const std::string& content_key, std::uint64_t offset, std::string& bytes) {
  // The key is used for one content only, so the counter may start at nought; it counts blocks.
  std::string counter(kBlock, '\0');
  std::uint64_t block = offset / kBlock;
  for (std::size_t i = 0; i < 8; ++i) {
    counter[kBlock - 1 - i] = static_cast<char>(block & 0xff);
    block >>= 8;
  }
  const Context context = new_context();
  EVP_EncryptInit_ex(context.get(), EVP_aes_256_ctr(), nullptr, bytes_of(content_key), bytes_of(counter));
  int length = 0;
  std::string skipped(offset % kBlock, '\0');
  if (!skipped.empty()) {
    std::string unused(kBlock, '\0');
    EVP_EncryptUpdate(context.get(), bytes_of(unused), &length, bytes_of(skipped), static_cast<int>(skipped.size()));
  }
  EVP_EncryptUpdate(context.get(), bytes_of(bytes), &length, bytes_of(bytes), static_cast<int>(bytes.size()));
}

Task<std::string> UnsealedBody::read() {
  std::string bytes = co_await sealed_->read();
  apply_keystream(content_key_, offset_, bytes);
  offset_ += bytes.size();
  co_return bytes;
}

}  // namespace cumulet::s3
