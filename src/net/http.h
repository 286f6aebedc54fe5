#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/body.h"
#include "base/task.h"

/// HTTP messages as the rest of the house sees them, whatever the version and the library that carried them.
namespace cumulet::net {

/// Header fields in the order they came; names compare without regard to case, values are trimmed.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  /// The first value of that name; null when there is none.
  const std::string* find(std::string_view name) const;
  std::string_view get(std::string_view name, std::string_view otherwise = {}) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// All values of that name, joined with ", ".
  std::optional<std::string> joined(std::string_view name) const;
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string_view name, std::string value);  ///< Replaces all of that name.
  void erase(std::string_view name);
  void reserve(std::size_t count) { fields_.reserve(count); }

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  bool empty() const { return fields_.empty(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

/// One request. It lives until its response has been sent; the body may be read once.
struct Request {
  std::string method;
  std::string target;  ///< As it came: path and query, still encoded.
  std::string path;    ///< The part before '?', still encoded.
  std::string query;   ///< The part after '?', still encoded; empty without one.
  Headers headers;
  std::string host;     ///< Of the Host header, lower case, without the port.
  bool secure = false;  ///< Came through TLS.
  std::string remote_address;
  std::unique_ptr<BodySource> body;  ///< Never null. Its size() is the Content-Length, if there was one.

  /// The query's parameters, decoded, in order; a parameter without '=' has an empty value.
  std::vector<std::pair<std::string, std::string>> query_parameters() const;
};

/// A part of an open file: sent with sendfile where the connection allows it. Closes the descriptor.
class FileBody final : public BodySource {
 public:
  FileBody(int fd, std::uint64_t offset, std::uint64_t length)
      : fd_(fd), offset_(offset), left_(length), size_(length) {}
  ~FileBody() override;
  Task<std::string> read() override;
  std::optional<std::uint64_t> size() const override { return size_; }
  int fd() const { return fd_; }
  std::uint64_t offset() const { return offset_; }
  std::uint64_t left() const { return left_; }

 private:
  int fd_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::uint64_t size_;
};

/// One response. The server adds Date, Connection and the framing (Content-Length when the length is known, otherwise
/// chunked). For HEAD and 204/304 no body is sent; `content_length` then says what a GET would have had.
struct Response {
  Response() = default;
  explicit Response(int s) : status(s) {}
  Response(int s, std::string content_type, std::string text);

  int status = 200;
  Headers headers;
  std::variant<std::string, std::unique_ptr<BodySource>> body;
  std::optional<std::uint64_t> content_length;
};

/// Answers a request. An Error that leaves it is our bug: handlers render their own errors.
using Handler = std::function<Task<Response>(Request&)>;

}  // namespace cumulet::net
