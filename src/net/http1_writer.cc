#include "net/http1_writer.h"

#include <algorithm>
#include <charconv>

#include <fcntl.h>

#include "base/log.h"
#include "base/text.h"
#include "net/yield.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kFilePiece = 1024 * 1024;
/// So many bytes without a wait, and other connections get their turn.
constexpr std::size_t kBytesInARow = 4 * 1024 * 1024;

std::string chunk_head(std::size_t size) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, size, 16).ptr;
  return std::string(digits, end) + "\r\n";
}

}  // namespace

void WriteParts::consume(std::size_t bytes) {
  while (bytes > 0) {
    iovec& part = parts_[first_];
    const std::size_t taken = std::min(bytes, part.iov_len);
    part.iov_base = static_cast<char*>(part.iov_base) + taken;
    part.iov_len -= taken;
    bytes -= taken;
    if (part.iov_len == 0) ++first_;
  }
}

Transport::Kind ResponseWriter::write_now(WriteParts& parts, bool more_follows) {
  while (!parts.empty()) {
    const Transport::Outcome outcome = connection_.transport().write(parts.data(), parts.count(), more_follows);
    if (outcome.kind != Transport::Kind::kDone) return outcome.kind;
    connection_.context().metrics.bytes_sent.add(outcome.bytes);
    parts.consume(outcome.bytes);
  }
  return Transport::Kind::kDone;
}

Task<bool> ResponseWriter::wait(Transport::Kind need) {
  if (need != Transport::Kind::kNeedRead && need != Transport::Kind::kNeedWrite) co_return false;
  connection_.set_deadline(std::chrono::seconds(connection_.context().limits.write_idle_seconds));
  const bool ready = co_await connection_.wait(need);
  connection_.clear_deadline();
  co_return ready;
}

Task<bool> ResponseWriter::write_all(WriteParts& parts, bool more_follows) {
  for (;;) {
    const Transport::Kind kind = write_now(parts, more_follows);
    if (kind == Transport::Kind::kDone) co_return true;
    if (!co_await wait(kind)) co_return false;
  }
}

Task<bool> ResponseWriter::send(Response& response, Context& context) {
  const int status = response.status;
  ResponseFraming framing;
  if (const std::string* const connection = response.headers.find("connection"))
    context.keep_alive = context.keep_alive && !iequals(*connection, "close");
  framing.say_keep_alive = context.http10;

  auto* const source = std::get_if<std::unique_ptr<BodySource>>(&response.body);
  const std::string* const text = std::get_if<std::string>(&response.body);
  const std::optional<std::uint64_t> size = body_size(response);

  if (context.head_only || status == 204 || status == 304) {
    if (status != 204) framing.content_length = response.content_length;
    if (context.head_only && status != 204 && status != 304 && !framing.content_length) framing.content_length = size;
    framing.keep_alive = context.keep_alive;
    head_.clear();
    append_response_head(head_, response, framing);
    WriteParts parts;
    parts.add(head_);
    co_return co_await write_all(parts, false);
  }

  framing.content_length = size;
  framing.chunked = !size && !context.http10;
  if (!size && context.http10) context.keep_alive = false;
  framing.keep_alive = context.keep_alive;
  if (!size || *size > 0) {
    if (text == nullptr) co_return co_await send_source(**source, response, framing);
  }
  head_.clear();
  append_response_head(head_, response, framing);
  WriteParts parts;
  parts.add(head_);
  if (text != nullptr) parts.add(*text);
  const bool more_follows = context.more_follows && context.keep_alive;
  if (write_now(parts, more_follows) == Transport::Kind::kDone) co_return true;
  co_return co_await write_all(parts, more_follows);
}

Task<bool> ResponseWriter::send_file(FileBody& file) {
  std::uint64_t offset = file.offset();
  std::uint64_t left = file.left();
  std::size_t in_a_row = 0;
  ::posix_fadvise(file.fd(), static_cast<off_t>(offset), static_cast<off_t>(left), POSIX_FADV_SEQUENTIAL);
  while (left > 0) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, kFilePiece));
    const Transport::Outcome outcome = connection_.transport().send_file(file.fd(), offset, size);
    if (outcome.kind == Transport::Kind::kDone) {
      connection_.context().metrics.bytes_sent.add(outcome.bytes);
      offset += outcome.bytes;
      left -= outcome.bytes;
      in_a_row += outcome.bytes;
      if (in_a_row < kBytesInARow) continue;
      in_a_row = 0;
      co_await Yield();
    } else if (outcome.kind == Transport::Kind::kEnd) {
      log::error("a file is shorter than its response said");
      co_return false;
    } else {
      in_a_row = 0;
      if (!co_await wait(outcome.kind)) co_return false;
    }
  }
  co_return true;
}

/// The head goes out with the first piece, so a source that fails at once still becomes a proper answer.
Task<bool> ResponseWriter::send_source(BodySource& source, const Response& response, ResponseFraming framing) {
  head_.clear();
  if (auto* const file = dynamic_cast<FileBody*>(&source.innermost());
      file != nullptr && connection_.transport().sends_files()) {
    append_response_head(head_, response, framing);
    WriteParts parts;
    parts.add(head_);
    if (!co_await write_all(parts, true)) co_return false;
    co_return co_await send_file(*file);
  }

  std::uint64_t sent = 0;
  std::size_t in_a_row = 0;
  for (bool first = true;; first = false) {
    Task<std::string> next = source.read();
    Result<std::string> piece = co_await attempt(std::move(next));
    if (!piece.ok()) {
      log::error("the source of a response failed",
                 {{"code", piece.error().code()}, {"reason", piece.error().message()}});
      if (!first) co_return false;
      Response failure(500, "text/plain; charset=utf-8", "Internal failure.\n");
      Context context;
      context.keep_alive = framing.keep_alive;
      context.http10 = framing.say_keep_alive;
      co_return co_await send(failure, context);
    }
    sent += piece->size();
    if (framing.content_length && sent > *framing.content_length) {
      log::error("the source of a response gave more than it said");
      co_return false;
    }
    if (first) append_response_head(head_, response, framing);

    WriteParts parts;
    std::string chunk;
    if (first) parts.add(head_);
    if (framing.chunked && !piece->empty()) {
      chunk = chunk_head(piece->size());
      parts.add(chunk);
      parts.add(*piece);
      parts.add("\r\n");
    } else if (framing.chunked) {
      parts.add("0\r\n\r\n");
    } else {
      parts.add(*piece);
    }
    if (!co_await write_all(parts, false)) co_return false;
    if (framing.content_length && sent == *framing.content_length) co_return true;
    if (piece->empty()) {
      if (framing.content_length) log::error("the source of a response gave less than it said");
      co_return !framing.content_length;
    }
    in_a_row += piece->size();
    if (in_a_row < kBytesInARow) continue;
    in_a_row = 0;
    co_await Yield();
  }
}

}  // namespace cumulet::net
