#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/body.h"

namespace cumulet::s3 {

/// What stands before the content of one part of a form.
struct FormPart {
  FormPart() = default;
  std::string name;
  std::string filename;  ///< As the browser gave it; may be a path.
};

/// The boundary that a Content-Type names; nullopt when it is no multipart/form-data with one.
std::optional<std::string> form_boundary(std::string_view content_type);

/// A multipart/form-data body, taken apart while it comes (RFC 7578): never more than one piece of it is in memory.
/// Fails with MalformedPOSTRequest. The body must outlive it.
class FormReader {
 public:
  FormReader(BodySource& body, std::string boundary) : body_(body), delimiter_("\r\n--" + std::move(boundary)) {}

  /// Goes to the next part, past what is left of this one; nullopt at the form's end.
  Task<std::optional<FormPart>> next();
  /// The next piece of this part's content; empty at its end.
  Task<std::string> read();

 private:
  Task<bool> fill();  ///< False at the body's end.
  Task<void> need(std::size_t bytes);

  BodySource& body_;
  std::string delimiter_;
  std::string buffer_ = "\r\n";  ///< So that the first boundary looks like all others.
  bool in_part_ = true;          ///< The preamble counts as one.
  bool ended_ = false;
};

}  // namespace cumulet::s3
