#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"

namespace cumulet::pipeline {

/// One line a request, written by a thread of its own so that no request waits for the disk:
/// `time request-id remote account service operation status bytes-in microseconds error`, '-' where there is nothing.
/// At 64 MiB the file becomes FILE.1 (replacing the one before it). When the disk cannot keep up, lines are dropped and
/// their number is logged. Thread-safe.
class AccessLog {
 public:
  struct Line {
    std::string time;
    std::string request_id;
    std::string remote;
    std::string account;
    std::string service;
    std::string operation;
    int status = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t micros = 0;
    std::string error;
  };

  static Result<std::unique_ptr<AccessLog>> open(const std::filesystem::path& file);
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void write(const Line& line);

 private:
  AccessLog(std::filesystem::path path, int fd);
  void run();
  void append(const std::string& lines);

  const std::filesystem::path path_;
  int fd_;
  std::uint64_t size_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  std::uint64_t dropped_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cumulet::pipeline
