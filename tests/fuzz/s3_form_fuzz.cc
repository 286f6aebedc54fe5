#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/run.h"
#include "services/s3/form_data.h"
#include "services/s3/post_policy.h"

// A form comes out the same however its bytes are cut; a policy of the same bytes is read or refused.

namespace {

using namespace cumulet;

/// Gives its bytes in pieces of that size.
class Pieces final : public BodySource {
 public:
  Pieces(std::string_view bytes, std::size_t size) : bytes_(bytes), size_(size) {}
  Task<std::string> read() override {
    std::string piece(bytes_.substr(0, size_));
    bytes_.remove_prefix(piece.size());
    co_return piece;
  }

 private:
  std::string_view bytes_;
  std::size_t size_;
};

Task<std::string> read_form(BodySource& body) {
  s3::FormReader reader(body, "b");
  std::string all;
  while (true) {
    const Result<std::optional<s3::FormPart>> part = co_await attempt(reader.next());
    if (!part.ok()) co_return all + "!";
    if (!*part) co_return all;
    all += (*part)->name + "=" + (*part)->filename + ":";
    while (true) {
      const Result<std::string> piece = co_await attempt(reader.read());
      if (!piece.ok()) co_return all + "!";
      if (piece->empty()) break;
      all += *piece;
    }
    all += ";";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Pieces whole(text, 4096);
  Pieces cut(text, 3);
  const Result<std::string> first = run(read_form(whole));
  const Result<std::string> second = run(read_form(cut));
  // How much of a broken part came before its end was missing depends on the cut.
  const bool broken = first->ends_with("!") || second->ends_with("!");
  if (!broken && *first != *second) std::abort();

  (void)s3::form_boundary(text);
  const Result<s3::PostPolicy> policy = s3::PostPolicy::parse(text);
  if (!policy.ok()) return 0;
  s3::FormFields fields;
  fields["key"] = "a";
  (void)policy->check(fields, "bucket", Timestamp());
  (void)policy->check_size(size, true);
  return 0;
}
