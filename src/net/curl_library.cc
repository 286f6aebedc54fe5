// libcurl's functions, as src/net uses them, found in the library at their first call. Linked in the usual way it
// brings some thirty libraries of its own, and loading those would be most of the time that a start of the server
// takes; most processes never send a request of their own.
#include <cstdarg>
#include <stdexcept>
#include <string>

#include <curl/curl.h>
#include <dlfcn.h>

// curl.h checks the number of arguments with macros of the same names.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

namespace {

void* library() {
  static void* const opened = [] {
    void* const found = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (found == nullptr) throw std::runtime_error(std::string("libcurl4 is not installed: ") + ::dlerror());
    return found;
  }();
  return opened;
}

template <typename Function>
Function* find(const char* name, Function* /*declared*/) {
  void* const symbol = ::dlsym(library(), name);
  if (symbol == nullptr) throw std::runtime_error(std::string("libcurl has no ") + name);
  return reinterpret_cast<Function*>(symbol);
}

}  // namespace

#define CUMULET_FROM_CURL(name) static auto* const real = find(#name, &name)

extern "C" {

CURLcode curl_global_init(long flags) {
  CUMULET_FROM_CURL(curl_global_init);
  return real(flags);
}

curl_slist* curl_slist_append(curl_slist* list, const char* text) {
  CUMULET_FROM_CURL(curl_slist_append);
  return real(list, text);
}

void curl_slist_free_all(curl_slist* list) {
  CUMULET_FROM_CURL(curl_slist_free_all);
  real(list);
}

CURL* curl_easy_init() {
  CUMULET_FROM_CURL(curl_easy_init);
  return real();
}

void curl_easy_cleanup(CURL* easy) {
  CUMULET_FROM_CURL(curl_easy_cleanup);
  real(easy);
}

// libcurl itself reads its arguments after an enumeration, too.
#pragma GCC diagnostic ignored "-Wvarargs"
// Every option's value is a pointer, a long or a curl_off_t: one machine word, whatever it is.
static_assert(sizeof(void*) == sizeof(long) && sizeof(void*) == sizeof(curl_off_t));

CURLcode curl_easy_setopt(CURL* easy, CURLoption option, ...) {
  CUMULET_FROM_CURL(curl_easy_setopt);
  va_list arguments;
  va_start(arguments, option);
  void* const value = va_arg(arguments, void*);
  va_end(arguments);
  return real(easy, option, value);
}

CURLcode curl_easy_getinfo(CURL* easy, CURLINFO info, ...) {
  CUMULET_FROM_CURL(curl_easy_getinfo);
  va_list arguments;
  va_start(arguments, info);
  void* const value = va_arg(arguments, void*);
  va_end(arguments);
  return real(easy, info, value);
}

CURLcode curl_easy_perform(CURL* easy) {
  CUMULET_FROM_CURL(curl_easy_perform);
  return real(easy);
}

const char* curl_easy_strerror(CURLcode code) {
  CUMULET_FROM_CURL(curl_easy_strerror);
  return real(code);
}

CURLM* curl_multi_init() {
  CUMULET_FROM_CURL(curl_multi_init);
  return real();
}

CURLMcode curl_multi_setopt(CURLM* multi, CURLMoption option, ...) {
  CUMULET_FROM_CURL(curl_multi_setopt);
  va_list arguments;
  va_start(arguments, option);
  void* const value = va_arg(arguments, void*);
  va_end(arguments);
  return real(multi, option, value);
}

CURLMcode curl_multi_cleanup(CURLM* multi) {
  CUMULET_FROM_CURL(curl_multi_cleanup);
  return real(multi);
}

CURLMcode curl_multi_wakeup(CURLM* multi) {
  CUMULET_FROM_CURL(curl_multi_wakeup);
  return real(multi);
}

CURLMcode curl_multi_add_handle(CURLM* multi, CURL* easy) {
  CUMULET_FROM_CURL(curl_multi_add_handle);
  return real(multi, easy);
}

CURLMcode curl_multi_remove_handle(CURLM* multi, CURL* easy) {
  CUMULET_FROM_CURL(curl_multi_remove_handle);
  return real(multi, easy);
}

CURLMsg* curl_multi_info_read(CURLM* multi, int* left) {
  CUMULET_FROM_CURL(curl_multi_info_read);
  return real(multi, left);
}

CURLMcode curl_multi_perform(CURLM* multi, int* running) {
  CUMULET_FROM_CURL(curl_multi_perform);
  return real(multi, running);
}

CURLMcode curl_multi_poll(CURLM* multi, curl_waitfd* extra, unsigned count, int timeout_ms, int* ready) {
  CUMULET_FROM_CURL(curl_multi_poll);
  return real(multi, extra, count, timeout_ms, ready);
}

}  // extern "C"

#undef CUMULET_FROM_CURL
