#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "compute/engine.h"

namespace cumulet::compute {

class OutputPump;

/// What one sandbox prints, as lines with their times. Two sides read the pipe: the pump's thread whenever there is
/// something, and the environment's loop at the end of an invocation, so that everything printed by then is there. When
/// nobody takes the lines, the pipe stays full and the function waits in its write. Thread-safe.
class Output {
 public:
  static constexpr std::size_t kLineLimit =
      256 * 1024 - 26;                                   ///< Of an event in CloudWatch Logs; longer lines are cut up.
  static constexpr std::size_t kBufferLimit = 4u << 20;  ///< Bytes that wait to be taken.
  static constexpr std::size_t kPromptly = 64 * 1024;    ///< From here on `many` is called.

  /// Takes the descriptor. `many` is called (on any thread) when lines should be taken soon.
  Output(int fd, const Clock& clock, std::function<void()> many);
  ~Output();

  /// Reads what there is now; with `finish`, a line without its end counts as one. Gives the lines so far.
  std::vector<LogLine> take(bool finish);
  int fd() const { return fd_; }

 private:
  friend class OutputPump;
  enum class State { kOpen, kFull, kEnded };
  State read();  ///< Until the pipe is empty or the buffer full.
  void cut(std::string_view bytes, Timestamp now);
  void push(std::string_view line, Timestamp now);

  const int fd_;
  const Clock& clock_;
  std::function<void()> many_;
  std::weak_ptr<OutputPump> pump_;
  std::uint64_t id_ = 0;
  std::mutex mutex_;
  std::vector<LogLine> lines_;
  std::string partial_;
  std::size_t buffered_ = 0;
  bool paused_ = false;
  bool ended_ = false;
};

/// One thread that reads all outputs as they come.
class OutputPump : public std::enable_shared_from_this<OutputPump> {
 public:
  OutputPump();
  ~OutputPump();
  void add(const std::shared_ptr<Output>& output);
  void remove(Output& output);

 private:
  friend class Output;
  void run();
  void resume(const Output& output);

  int epoll_ = -1;
  int stop_ = -1;
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Output>> outputs_;
  std::uint64_t next_ = 1;
  std::thread thread_;
};

}  // namespace cumulet::compute
