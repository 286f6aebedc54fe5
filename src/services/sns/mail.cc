#include "services/sns/mail.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/text.h"

namespace cumulet::sns {
namespace {

constexpr std::size_t kBase64Line = 76;

/// RFC 2047: what is not plain ASCII becomes an encoded word.
std::string header_text(const std::string& text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return "=?UTF-8?B?" + base64_encode(text) + "?=";
  }
  return text;
}

std::string quoted_name(const std::string& name) {
  const std::string shown = header_text(name);
  if (shown.starts_with("=?")) return shown;
  std::string quoted = "\"";
  for (const char c : shown) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string folded_base64(const std::string& text) {
  const std::string encoded = base64_encode(text);
  std::string lines;
  for (std::size_t at = 0; at < encoded.size(); at += kBase64Line) lines += encoded.substr(at, kBase64Line) + "\r\n";
  return lines;
}

}  // namespace

Task<void> Mail::send(Letter letter) {
  if (parts_.options.smtp_url.empty()) co_await fail(Error("NoMailServer", 400, "no SMTP server is configured"));
  const std::string& from = parts_.options.smtp_from;
  net::Mail mail;
  mail.server = parts_.options.smtp_url;
  mail.from = from;
  mail.to = letter.to;
  mail.text = "Date: " + http_date(parts_.clock.now()) + "\r\nFrom: " + quoted_name(letter.sender_name) + " <" + from +
              ">\r\nTo: <" + letter.to + ">\r\nSubject: " + header_text(letter.subject) + "\r\nMessage-ID: <" + uuid() +
              from.substr(from.find('@')) +
              ">\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\n" +
              folded_base64(letter.text);
  co_await mailer_.send(std::move(mail));
}

}  // namespace cumulet::sns
