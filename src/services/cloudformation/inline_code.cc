#include "services/cloudformation/inline_code.h"

#include <memory>

#include <zip.h>

namespace cumulet::cloudformation {
namespace {

Error failed(const std::string& step) { return Error(errors::kInternalFailure, "cannot pack inline code: " + step); }

}  // namespace

Result<std::string> zip_of(const std::string& file_name, const std::string& text) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* memory = zip_source_buffer_create(nullptr, 0, 0, &error);
  if (memory == nullptr) return failed("no memory");
  zip_source_keep(memory);  // It is read back after the archive is closed.
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> keeper(memory, zip_source_free);
  zip_t* archive = zip_open_from_source(memory, ZIP_TRUNCATE, &error);
  if (archive == nullptr) {
    zip_source_free(memory);
    return failed("open");
  }
  zip_source_t* content = zip_source_buffer(archive, text.data(), text.size(), 0);
  const zip_int64_t index =
      content == nullptr ? -1 : zip_file_add(archive, file_name.c_str(), content, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(content);
    zip_discard(archive);
    return failed("add");
  }
  constexpr zip_uint32_t kMode = 0100644u << 16;
  zip_file_set_external_attributes(archive, static_cast<zip_uint64_t>(index), 0, ZIP_OPSYS_UNIX, kMode);
  zip_file_set_mtime(archive, static_cast<zip_uint64_t>(index), 315532800, 0);  // The same text, the same package.
  if (zip_close(archive) != 0) {
    zip_discard(archive);
    return failed("close");
  }
  if (zip_source_open(memory) != 0) return failed("read");
  std::string bytes;
  char buffer[8192];
  for (zip_int64_t got = 0; (got = zip_source_read(memory, buffer, sizeof buffer)) > 0;) {
    bytes.append(buffer, static_cast<std::size_t>(got));
  }
  zip_source_close(memory);
  return bytes;
}

}  // namespace cumulet::cloudformation
