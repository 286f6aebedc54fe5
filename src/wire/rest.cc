#include "wire/rest.h"

#include <algorithm>

#include "base/text.h"
#include "wire/scalars.h"

namespace cumulet::wire {
namespace {

const std::string* find_parameter(const QueryParameters& query, std::string_view name) {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool is_list(const Member& member) { return member.shape->kind == Kind::kList; }

class RestDecoder {
 public:
  RestDecoder(const OperationModel& operation, const net::Request& request, const QueryParameters& query, void* input,
              Findings& findings)
      : operation_(operation), request_(request), query_(query), input_(input), findings_(findings) {}

  void run(std::string_view path) {
    std::vector<UriTemplate::Label> labels;
    UriTemplate(operation_.uri).match(path, &labels);
    for (const Member& member : operation_.input->members) {
      if (findings_.fatal) return;
      switch (member.location) {
        case Location::kUri:
          label(member, labels);
          break;
        case Location::kQuery:
          query(member);
          break;
        case Location::kHeader:
          header(member);
          break;
        case Location::kPrefixHeaders:
          prefix_headers(member);
          break;
        default:
          break;
      }
    }
  }

 private:
  void label(const Member& member, const std::vector<UriTemplate::Label>& labels) {
    for (const UriTemplate::Label& label : labels) {
      if (label.name != member.wire_name) continue;
      const std::optional<std::string> text = uri_decode(label.value);
      if (!text || !is_utf8(*text)) return wrong(member, label.value);
      return scalar(member, TimeFormat::kIso8601, *text);
    }
    missing(member);
  }

  void query(const Member& member) {
    if (member.shape->kind == Kind::kMap) return query_map(member);
    if (is_list(member)) {
      void* list = nullptr;
      for (const auto& [name, text] : query_) {
        if (name != member.wire_name) continue;
        if (list == nullptr) list = make_member(member, input_);
        element(member, list, text);
      }
      if (list == nullptr) missing(member);
      return;
    }
    const std::string* text = find_parameter(query_, member.wire_name);
    if (text == nullptr) return missing(member);
    if (!is_utf8(*text)) return wrong(member, *text);
    if (text->empty() && member.shape->kind != Kind::kString) return missing(member);
    scalar(member, TimeFormat::kIso8601, *text);
  }

  /// Every parameter that no other member takes.
  void query_map(const Member& member) {
    if (member.shape->element->kind != Kind::kString) return;
    void* map = make_member(member, input_);
    for (const auto& [name, text] : query_) {
      const bool taken = std::any_of(operation_.input->members.begin(), operation_.input->members.end(),
                                     [&name = name](const Member& other) {
                                       return other.location == Location::kQuery && other.wire_name == name;
                                     });
      if (!taken) *static_cast<std::string*>(member.shape->map->insert(map, name)) = text;
    }
  }

  void header(const Member& member) {
    const std::optional<std::string> text = request_.headers.joined(member.wire_name);
    if (!text) return missing(member);
    if (!is_list(member)) {
      if (text->empty() && member.shape->kind != Kind::kString) return missing(member);
      return scalar(member, TimeFormat::kHttpDate, *text);
    }
    void* list = make_member(member, input_);
    for (const std::string_view part : split(*text, ',')) {
      if (!trim(part).empty()) element(member, list, trim(part));
    }
  }

  void prefix_headers(const Member& member) {
    void* map = nullptr;
    for (const auto& [name, text] : request_.headers) {
      if (name.size() <= member.wire_name.size() ||
          !iequals(std::string_view(name).substr(0, member.wire_name.size()), member.wire_name)) {
        continue;
      }
      if (map == nullptr) map = make_member(member, input_);
      const std::string key = to_lower(std::string_view(name).substr(member.wire_name.size()));
      *static_cast<std::string*>(member.shape->map->insert(map, key)) = request_.headers.joined(name).value_or(text);
    }
  }

  void scalar(const Member& member, TimeFormat of_place, std::string_view text) {
    if (!parse_scalar(*member.shape, time_format(&member, *member.shape, of_place), text,
                      make_member(member, input_))) {
      wrong(member, text);
    }
  }

  void element(const Member& member, void* list, std::string_view text) {
    const Shape& shape = *member.shape->element;
    if (!is_utf8(text) || !parse_scalar(shape, time_format(nullptr, shape, TimeFormat::kHttpDate), text,
                                        member.shape->list->append(list))) {
      wrong(member, text);
    }
  }

  void missing(const Member& member) {
    const Path here{nullptr, Path::Step::kMember, member.name, 0};
    if (member.required) findings_.add_missing(here);
  }

  void wrong(const Member& member, std::string_view text) {
    const std::string shown = is_utf8(text) ? std::string(text) : hex_encode(text);
    findings_.fatal =
        Error(errors::kSerialization, "Invalid value for " + std::string(member.wire_name) + ": " + shown);
  }

  const OperationModel& operation_;
  const net::Request& request_;
  const QueryParameters& query_;
  void* input_;
  Findings& findings_;
};

/// A header's value must not end the header.
std::string header_safe(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return text;
}

struct PrefixContext {
  std::string_view prefix;
  net::Headers* headers;
};

void add_prefixed(void* context, const std::string& key, const void* value) {
  const auto& prefix = *static_cast<PrefixContext*>(context);
  prefix.headers->add(header_safe(std::string(prefix.prefix) + key),
                      header_safe(*static_cast<const std::string*>(value)));
}

std::string header_text(const Member& member, const void* value) {
  const Shape& shape = *member.shape;
  if (shape.kind != Kind::kList) return scalar_text(shape, time_format(&member, shape, TimeFormat::kHttpDate), value);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < shape.list->size(value); ++i) {
    parts.push_back(scalar_text(*shape.element, time_format(nullptr, *shape.element, TimeFormat::kHttpDate),
                                shape.list->at(value, i)));
  }
  return join(parts, ", ");
}

}  // namespace

UriTemplate::UriTemplate(std::string_view uri) {
  std::string_view path = uri.substr(0, uri.find('?'));
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return;
  for (std::string_view part : split(path, '/')) {
    Segment& segment = segments_.emplace_back();
    segment.text = part;
    if (!part.starts_with('{') || !part.ends_with('}')) continue;
    const bool rest = part.ends_with("+}");
    segment.kind = rest ? Kind::kRest : Kind::kLabel;
    segment.text = part.substr(1, part.size() - (rest ? 3 : 2));
  }
}

int UriTemplate::match(std::string_view path, std::vector<Label>* labels) const {
  if (path.starts_with('/')) path.remove_prefix(1);
  int literals = 0;
  bool ended = path.empty();
  for (const Segment& segment : segments_) {
    if (ended) return -1;
    if (segment.kind == Kind::kRest) {
      if (path.empty()) return -1;
      if (labels != nullptr) labels->push_back(Label{segment.text, path});
      return literals;
    }
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    ended = slash == std::string_view::npos;
    path = ended ? std::string_view() : path.substr(slash + 1);
    if (segment.kind == Kind::kLabel) {
      if (part.empty()) return -1;
      if (labels != nullptr) labels->push_back(Label{segment.text, part});
    } else if (segment.text == part) {
      ++literals;
    } else {
      return -1;
    }
  }
  return path.empty() ? literals : -1;
}

std::string effective_path(const net::Request& request, std::string_view bucket) {
  return bucket.empty() ? request.path : "/" + uri_encode(bucket) + request.path;
}

void decode_rest(const OperationModel& operation, const net::Request& request, std::string_view path,
                 const QueryParameters& query, void* input, Findings& findings) {
  RestDecoder(operation, request, query, input, findings).run(path);
}

void encode_rest(const OperationModel& operation, const void* output, net::Response& response) {
  for (const Member& member : operation.output->members) {
    const void* value = get_member(member, output);
    if (value == nullptr) continue;
    if (member.location == Location::kHeader && iequals(member.wire_name, "content-length")) {
      response.content_length = static_cast<std::uint64_t>(*static_cast<const std::int64_t*>(value));
    } else if (member.location == Location::kHeader) {
      const std::string text = header_text(member, value);
      if (!text.empty()) response.headers.set(member.wire_name, header_safe(text));
    } else if (member.location == Location::kPrefixHeaders) {
      PrefixContext context{member.wire_name, &response.headers};
      member.shape->map->each(value, &context, add_prefixed);
    } else if (member.location == Location::kStatus) {
      const int status = *static_cast<const std::int32_t*>(value);
      if (status >= 100 && status <= 599) response.status = status;
    }
  }
}

}  // namespace cumulet::wire
