#include "wire/xml_reader.h"

#include <expat.h>

namespace cumulet::wire {
namespace {

constexpr std::size_t kMaxElementDepth = 64;
constexpr std::size_t kMaxNodes = 80'000;

std::string local_name(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
}

/// Collects elements while expat calls. A finished child moves into its parent.
class TreeBuilder {
 public:
  explicit TreeBuilder(XML_Parser parser) : parser_(parser) {}

  void open(const char* name, const char** attributes) {
    if (open_.size() >= kMaxElementDepth || ++nodes_ > kMaxNodes) return stop();
    XmlElement& element = open_.emplace_back();
    element.name = local_name(name);
    for (; *attributes != nullptr; attributes += 2) {
      if (++nodes_ > kMaxNodes) return stop();
      element.attributes.emplace_back(local_name(attributes[0]), attributes[1]);
    }
  }

  void close() {
    if (stopped_) return;
    XmlElement finished = std::move(open_.back());
    open_.pop_back();
    if (open_.empty()) {
      root_ = std::move(finished);
    } else {
      open_.back().children.push_back(std::move(finished));
    }
  }

  void text(const char* data, int length) {
    if (!stopped_ && !open_.empty()) open_.back().text.append(data, static_cast<std::size_t>(length));
  }

  void stop() {
    stopped_ = true;
    XML_StopParser(parser_, XML_FALSE);
  }

  bool stopped() const { return stopped_; }
  std::optional<XmlElement> take() { return std::move(root_); }

 private:
  XML_Parser parser_;
  std::vector<XmlElement> open_;
  std::optional<XmlElement> root_;
  std::size_t nodes_ = 0;
  bool stopped_ = false;
};

TreeBuilder& builder(void* user) { return *static_cast<TreeBuilder*>(user); }

}  // namespace

const XmlElement* XmlElement::find(std::string_view child) const {
  for (const XmlElement& element : children) {
    if (element.name == child) return &element;
  }
  return nullptr;
}

std::optional<XmlElement> parse_xml(std::string_view text) {
  if (text.size() > (64U << 20)) return std::nullopt;
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr), XML_ParserFree);
  if (parser == nullptr) return std::nullopt;
  TreeBuilder tree(parser.get());
  XML_SetUserData(parser.get(), &tree);
  XML_SetElementHandler(
      parser.get(), [](void* user, const char* name, const char** attributes) { builder(user).open(name, attributes); },
      [](void* user, const char*) { builder(user).close(); });
  XML_SetCharacterDataHandler(parser.get(),
                              [](void* user, const char* data, int length) { builder(user).text(data, length); });
  XML_SetStartDoctypeDeclHandler(parser.get(),
                                 [](void* user, const char*, const char*, const char*, int) { builder(user).stop(); });
  const XML_Status status = XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
  if (status != XML_STATUS_OK || tree.stopped()) return std::nullopt;
  return tree.take();
}

}  // namespace cumulet::wire
