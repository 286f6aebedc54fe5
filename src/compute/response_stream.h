#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/deferred.h"

namespace cumulet::compute {

/// How a function's response ended.
struct ResponseEnd {
  ResponseEnd() = default;
  ResponseEnd(std::string type, std::string text) : error_type(std::move(type)), document(std::move(text)) {}
  std::string error_type;  ///< Empty: well.
  std::string document;    ///< The error as JSON.
  bool failed() const { return !error_type.empty(); }
};

/// A response on its way from the function to the caller, while the function is still at work. Only so much is held:
/// whoever writes waits for the reader. A reader that goes away does not stop the function (as on AWS): what it still
/// writes is dropped. One writer and one reader, on loops of their own.
/// https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
class ResponseStream {
 public:
  static constexpr std::uint64_t kLimit = 200ull << 20;  ///< Of a whole streamed response.
  static constexpr std::size_t kHeld = 256 * 1024;
  static constexpr std::uint64_t kUnpaced = 6ull << 20;  ///< With `pace`: this much goes as fast as it can …
  static constexpr std::uint64_t kPace = 2ull << 20;     ///< … and then so many bytes a second.

  /// Holds to the bandwidth that AWS gives. Before anything is written.
  void pace() { paced_ = true; }

  // The function's side.
  void begin(std::string content_type);
  /// Waits while kHeld bytes are unread. False when the stream has ended.
  Task<bool> write(std::string piece);
  void end(ResponseEnd how);  ///< The first one counts.

  // The caller's side.
  /// Waits for the function: true when it streams, false when its invocation ended without.
  Task<bool> begun();
  /// The next piece; empty at the end.
  Task<std::string> read();
  void abandon();
  std::string content_type() const;
  ResponseEnd how_ended() const;

 private:
  using Signal = std::optional<Deferred<bool>>;

  static void wake(Signal& waiting);
  Task<void> keep_pace(std::size_t size);

  mutable std::mutex mutex_;
  std::deque<std::string> pieces_;
  std::size_t held_ = 0;
  std::string content_type_;
  bool paced_ = false;
  std::uint64_t written_ = 0;  ///< The writer's, if paced.
  SteadyTime slow_since_{};    ///< When the last of the unpaced bytes was written.
  bool begun_ = false;
  bool abandoned_ = false;
  std::optional<ResponseEnd> end_;
  Signal reader_;
  Signal writer_;
};

}  // namespace cumulet::compute
