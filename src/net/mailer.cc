#include "net/mailer.h"

#include <algorithm>
#include <mutex>

#include <curl/curl.h>

#include "base/thread_pool.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kThreads = 2;

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

struct Reading {
  const std::string& text;
  std::size_t at = 0;
};

std::size_t on_read(char* into, std::size_t size, std::size_t count, void* from) {
  Reading& reading = *static_cast<Reading*>(from);
  const std::size_t part = std::min(size * count, reading.text.size() - reading.at);
  std::copy_n(reading.text.data() + reading.at, part, into);
  reading.at += part;
  return part;
}

bool is_address(const std::string& text) {
  return text.find('@') != std::string::npos && text.find_first_of("<>\r\n \t") == std::string::npos;
}

Result<void> send_now(const Mail& mail) {
  if (!is_address(mail.from) || !is_address(mail.to)) return Error("MailRefused", 400, "not an email address");
  const std::unique_ptr<CURL, EasyFree> easy(curl_easy_init());
  const std::string to = "<" + mail.to + ">";
  const std::string from = "<" + mail.from + ">";
  const std::unique_ptr<curl_slist, ListFree> recipients(curl_slist_append(nullptr, to.c_str()));
  if (!easy || !recipients) return Error("MailError", 502, "out of memory");
  Reading reading{mail.text};
  char reason[CURL_ERROR_SIZE] = "";
  const long timeout = static_cast<long>(mail.timeout.count());
  curl_easy_setopt(easy.get(), CURLOPT_URL, mail.server.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy.get(), CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_TRY));
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(easy.get(), CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_READFUNCTION, &on_read);
  curl_easy_setopt(easy.get(), CURLOPT_READDATA, &reading);
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, timeout);
  curl_easy_setopt(easy.get(), CURLOPT_CONNECTTIMEOUT_MS, std::min(timeout, 10'000L));
  const CURLcode code = curl_easy_perform(easy.get());
  if (code == CURLE_OK) return {};
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  std::string why = reason[0] != '\0' ? reason : curl_easy_strerror(code);
  // A reply of 5xx to what was said is for good; 4xx, and whatever happened to the connection, is not.
  if (status >= 500 && status < 600) return Error("MailRefused", 400, std::move(why));
  return Error("MailError", 502, std::move(why));
}

}  // namespace

struct Mailer::Threads {
  std::mutex mutex;
  std::unique_ptr<ThreadPool> pool;
};

Mailer::Mailer() : threads_(std::make_unique<Threads>()) {}
Mailer::~Mailer() = default;

Task<void> Mailer::send(Mail mail) {
  {
    const std::lock_guard lock(threads_->mutex);
    if (!threads_->pool) {
      static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
      (void)once;
      threads_->pool = std::make_unique<ThreadPool>(kThreads);
    }
  }
  const auto work = [mail = std::move(mail)] { return send_now(mail); };
  co_await blocking(*threads_->pool, work);
}

}  // namespace cumulet::net
