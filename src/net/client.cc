#include "net/client.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include <curl/curl.h>

#include "base/deferred.h"
#include "base/run.h"
#include "base/text.h"
#include "net/message_rules.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kHeadLimit = 256 * 1024;
constexpr long kConnectionsKept = 64;
constexpr long kRedirects = 10;
constexpr int kPollMillis = 60'000;

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

Error connection_error(std::string reason) { return Error("ConnectionError", 502, std::move(reason)); }

bool is_value(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool decided_by_curl(std::string_view name) {
  for (const std::string_view own :
       {"content-length", "transfer-encoding", "connection", "expect", "keep-alive", "upgrade"})
    if (iequals(name, own)) return true;
  return false;
}

/// What the environment says, and localhost: requests to ourselves never go through a proxy.
std::string no_proxy() {
  std::string hosts = "localhost,127.0.0.1,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    if (std::string_view(value) == "*") return value;
    hosts.append(",").append(value);
  }
  return hosts;
}

/// One request on its way. Made by the caller, then used by the client's thread only.
class Transfer {
 public:
  Transfer(Outbound request, Deferred<Inbound> answer) : request_(std::move(request)), answer_(std::move(answer)) {}

  CURL* easy() { return easy_.get(); }

  /// Sets everything up; fails on what must not be sent.
  Result<void> prepare();
  void finish(CURLcode code);
  void give_up(Error error) { answer_.resolve(std::move(error)); }

 private:
  Result<void> prepare_headers();
  static std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* self);
  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* self);

  Outbound request_;
  Deferred<Inbound> answer_;
  std::unique_ptr<CURL, EasyFree> easy_;
  std::unique_ptr<curl_slist, ListFree> fields_;
  Inbound inbound_;
  std::size_t head_bytes_ = 0;
  bool sink_refused_ = false;
  const char* refused_ = nullptr;  ///< Why we ended it ourselves.
  char reason_[CURL_ERROR_SIZE] = "";
};

Result<void> Transfer::prepare_headers() {
  bool has_type = false;
  bool has_accept = false;
  const auto add = [this](const std::string& line) {
    curl_slist* const grown = curl_slist_append(fields_.get(), line.c_str());
    if (grown == nullptr) return;
    (void)fields_.release();
    fields_.reset(grown);
  };
  for (const auto& [name, value] : request_.headers) {
    if (!is_token(name) || !is_value(value)) return connection_error("a header field of the request is malformed");
    if (decided_by_curl(name)) continue;
    has_type = has_type || iequals(name, "content-type");
    has_accept = has_accept || iequals(name, "accept");
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  // What curl would add by itself and nobody asked for.
  add("Expect:");
  if (!has_type) add("Content-Type:");
  if (!has_accept) add("Accept:");
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, fields_.get());
  return {};
}

Result<void> Transfer::prepare() {
  if (!is_token(request_.method)) return connection_error("the method of the request is malformed");
  easy_.reset(curl_easy_init());
  CURL* const easy = easy_.get();
  if (easy == nullptr) return connection_error("out of memory");
  if (Result<void> headers = prepare_headers(); !headers.ok()) return headers;

  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason_);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, no_proxy().c_str());
  const long version = request_.http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_2TLS;
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
  if (request_.http2) {
    // libcurl 7.88 leaves a second POST on such a connection unsent until it times out.
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  }
  if (!request_.client_certificate.empty()) {
    curl_blob certificate{request_.client_certificate.data(), request_.client_certificate.size(), CURL_BLOB_NOCOPY};
    curl_blob key{request_.client_key.data(), request_.client_key.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
  }
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, request_.follow_redirects ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kRedirects);
  const long timeout = static_cast<long>(std::max<std::int64_t>(request_.timeout.count(), 1));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, std::min(timeout, 10'000L));
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  if (!request_.trusted_pem.empty()) {
    curl_blob authorities{request_.trusted_pem.data(), request_.trusted_pem.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &authorities);
  }

  const std::string& method = request_.method;
  if (method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
    if (method != "POST") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  } else if (method != "GET") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  return {};
}

std::size_t Transfer::on_header(char* bytes, std::size_t, std::size_t size, void* self) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  transfer.head_bytes_ += size;
  if (transfer.head_bytes_ > kHeadLimit) {
    transfer.refused_ = "the head of the answer is too large";
    return 0;
  }
  std::string_view line(bytes, size);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // an interim answer or a redirect came before
    transfer.inbound_.headers = Headers();
    transfer.inbound_.body.clear();
    return size;
  }
  if (const std::size_t colon = line.find(':'); colon != std::string_view::npos && colon > 0)
    transfer.inbound_.headers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  return size;
}

std::size_t Transfer::on_body(char* bytes, std::size_t, std::size_t size, void* self) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  if (transfer.request_.sink) {
    long status = 0;
    curl_easy_getinfo(transfer.easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
      if (transfer.request_.sink(std::string_view(bytes, size))) return size;
      transfer.sink_refused_ = true;
      return 0;
    }
  }
  if (size > transfer.request_.response_limit - transfer.inbound_.body.size()) {
    transfer.refused_ = "the answer is larger than allowed";
    return 0;
  }
  transfer.inbound_.body.append(bytes, size);
  return size;
}

void Transfer::finish(CURLcode code) {
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    inbound_.status = static_cast<int>(status);
    answer_.resolve(std::move(inbound_));
    return;
  }
  std::string reason = refused_ != nullptr ? refused_ : reason_[0] != '\0' ? reason_ : curl_easy_strerror(code);
  if (sink_refused_) {
    answer_.resolve(Error("ResponseRefused", 502, "the answer was refused"));
  } else if (code == CURLE_OPERATION_TIMEDOUT) {
    answer_.resolve(Error("RequestTimeout", 504, std::move(reason)));
  } else {
    answer_.resolve(connection_error(std::move(reason)));
  }
}

}  // namespace

/// The library is first touched by the thread that the first request starts: loading it takes milliseconds and MiBs.
struct Client::Impl {
  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      wake();
    }
    if (thread.joinable()) thread.join();
  }

  void submit(std::unique_ptr<Transfer> transfer) {
    const std::lock_guard lock(mutex);
    if (!unusable.empty()) return transfer->give_up(connection_error(unusable));
    incoming.push_back(std::move(transfer));
    if (!thread.joinable()) thread = std::thread([this] { run(); });
    wake();
  }

  /// The lock is held. A thread that has not got so far looks at everything when it does.
  void wake() {
    if (multi != nullptr) curl_multi_wakeup(multi);
  }

  void run();
  void open_library();
  void begin(std::unique_ptr<Transfer> transfer);
  void end_finished();

  std::mutex mutex;
  CURLM* multi = nullptr;
  std::vector<std::unique_ptr<Transfer>> incoming;
  bool stopping = false;
  std::string unusable;  ///< Why there is no library.
  std::thread thread;
  std::map<CURL*, std::unique_ptr<Transfer>> running;  ///< Of the thread.
};

void Client::Impl::begin(std::unique_ptr<Transfer> transfer) {
  Result<void> prepared = transfer->prepare();
  if (!prepared.ok()) {
    transfer->give_up(std::move(prepared).error());
    return;
  }
  CURL* const easy = transfer->easy();
  if (curl_multi_add_handle(multi, easy) != CURLM_OK) {
    transfer->give_up(connection_error("out of memory"));
    return;
  }
  running.emplace(easy, std::move(transfer));
}

void Client::Impl::end_finished() {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    curl_multi_remove_handle(multi, easy);
    const auto found = running.find(easy);
    const std::unique_ptr<Transfer> transfer = std::move(found->second);
    running.erase(found);
    transfer->finish(code);
  }
}

void Client::Impl::open_library() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
  CURLM* const opened = curl_multi_init();
  curl_multi_setopt(opened, CURLMOPT_MAXCONNECTS, kConnectionsKept);
  const std::lock_guard lock(mutex);
  multi = opened;
}

void Client::Impl::run() {
  try {
    open_library();
  } catch (const std::runtime_error& error) {  // It is not installed.
    const std::lock_guard lock(mutex);
    unusable = error.what();
    for (auto& transfer : incoming) transfer->give_up(connection_error(unusable));
    incoming.clear();
    return;
  }
  for (;;) {
    std::vector<std::unique_ptr<Transfer>> fresh;
    bool ending = false;
    {
      const std::lock_guard lock(mutex);
      fresh.swap(incoming);
      ending = stopping;
    }
    for (auto& transfer : fresh) begin(std::move(transfer));
    if (ending) break;
    int active = 0;
    curl_multi_perform(multi, &active);
    end_finished();
    curl_multi_poll(multi, nullptr, 0, kPollMillis, nullptr);
  }
  for (auto& [easy, transfer] : running) {
    curl_multi_remove_handle(multi, easy);
    transfer->give_up(connection_error("the server is stopping"));
  }
  running.clear();
  const std::lock_guard lock(mutex);
  curl_multi_cleanup(std::exchange(multi, nullptr));
}

Client::Client() : impl_(std::make_unique<Impl>()) {}
Client::~Client() = default;

Task<Inbound> Client::send(Outbound request) {
  Deferred<Inbound> answer;
  impl_->submit(std::make_unique<Transfer>(std::move(request), answer));
  co_return co_await answer.wait();
}

Result<Inbound> Client::send_blocking(const Outbound& request) { return run(send(request)); }

}  // namespace cumulet::net
