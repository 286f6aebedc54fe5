#include "images/manifest.h"

#include <simdjson.h>

#include "images/reference.h"

namespace cumulet::images {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

constexpr std::size_t kMostLayers = 127;
constexpr std::size_t kMostImages = 256;
constexpr std::size_t kMostWords = 1024;
constexpr std::size_t kMostVariables = 1024;

Error invalid(const std::string& why) { return Error(kInvalidImage, "The image is not valid: " + why + "."); }

std::string text_at(element object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

/// Absent and null are an empty list; anything but strings is an error.
Result<std::vector<std::string>> words_at(element object, const char* key, std::size_t most) {
  std::vector<std::string> words;
  element found;
  if (object[key].get(found) != simdjson::SUCCESS || found.is_null()) return words;
  array items;
  if (found.get(items) != simdjson::SUCCESS) return invalid(std::string(key) + " is not a list");
  for (const element item : items) {
    std::string_view word;
    if (item.get(word) != simdjson::SUCCESS || words.size() == most) return invalid(std::string(key) + " is not right");
    if (word.find('\0') != std::string_view::npos) return invalid(std::string(key) + " contains a NUL");
    words.emplace_back(word);
  }
  return words;
}

Result<Descriptor> descriptor(element object) {
  Descriptor part;
  part.media_type = text_at(object, "mediaType");
  part.digest = text_at(object, "digest");
  if (object["size"].get(part.size) != simdjson::SUCCESS) return invalid("a part has no size");
  if (!is_digest(part.digest)) return invalid("a part has no SHA-256 digest");
  if (element platform; object["platform"].get(platform) == simdjson::SUCCESS) {
    part.os = text_at(platform, "os");
    part.architecture = text_at(platform, "architecture");
  }
  return part;
}

Result<std::vector<Descriptor>> descriptors(element root, const char* key, std::size_t most) {
  std::vector<Descriptor> parts;
  array items;
  if (root[key].get(items) != simdjson::SUCCESS) return invalid(std::string(key) + " is not a list");
  for (const element item : items) {
    if (parts.size() == most) return invalid(std::string("too many ") + key);
    Result<Descriptor> part = descriptor(item);
    if (!part) return std::move(part).error();
    parts.push_back(std::move(*part));
  }
  return parts;
}

Result<element> parse(simdjson::dom::parser& parser, std::string_view json, std::size_t limit) {
  if (json.size() > limit) return invalid("a document of it is too large");
  element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root))
    return invalid(std::string("a document of it is not JSON, ") + simdjson::error_message(error));
  if (!root.is_object()) return invalid("a document of it is not a JSON object");
  return root;
}

bool is_layer_type(std::string_view type) {
  for (const std::string_view known :
       {"application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.zstd", "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd"})
    if (type == known) return true;
  return false;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view json) {
  simdjson::dom::parser parser;
  Result<element> root = parse(parser, json, kManifestLimit);
  if (!root) return std::move(root).error();
  Manifest manifest;
  std::int64_t version = 0;
  if ((*root)["schemaVersion"].get(version) != simdjson::SUCCESS || version != 2)
    return invalid("its manifest is not of schema version 2");
  manifest.media_type = text_at(*root, "mediaType");
  element found;
  manifest.is_index = (*root)["manifests"].get(found) == simdjson::SUCCESS;
  if (manifest.is_index) {
    Result<std::vector<Descriptor>> images = descriptors(*root, "manifests", kMostImages);
    if (!images) return std::move(images).error();
    manifest.images = std::move(*images);
    return manifest;
  }
  if ((*root)["config"].get(found) != simdjson::SUCCESS) return invalid("its manifest names no configuration");
  Result<Descriptor> config = descriptor(found);
  if (!config) return std::move(config).error();
  manifest.config = std::move(*config);
  Result<std::vector<Descriptor>> layers = descriptors(*root, "layers", kMostLayers);
  if (!layers) return std::move(layers).error();
  manifest.layers = std::move(*layers);
  std::uint64_t bytes = 0;
  for (const Descriptor& layer : manifest.layers) {
    if (!is_layer_type(layer.media_type)) return invalid("the media type " + layer.media_type + " is not supported");
    if (layer.size > kImageLimit || (bytes += layer.size) > kImageLimit) return invalid("it is larger than 10 GB");
  }
  return manifest;
}

Result<ImageConfig> parse_config(std::string_view json) {
  simdjson::dom::parser parser;
  Result<element> root = parse(parser, json, kConfigLimit);
  if (!root) return std::move(root).error();
  ImageConfig config;
  config.os = text_at(*root, "os");
  config.architecture = text_at(*root, "architecture");
  element files;
  if ((*root)["rootfs"].get(files) != simdjson::SUCCESS) return invalid("its configuration has no rootfs");
  Result<std::vector<std::string>> diff_ids = words_at(files, "diff_ids", kMostLayers);
  if (!diff_ids) return std::move(diff_ids).error();
  config.diff_ids = std::move(*diff_ids);
  for (const std::string& id : config.diff_ids)
    if (!is_digest(id)) return invalid("a layer has no SHA-256 digest");
  element run;
  if ((*root)["config"].get(run) != simdjson::SUCCESS || run.is_null()) return config;
  Result<std::vector<std::string>> entrypoint = words_at(run, "Entrypoint", kMostWords);
  if (!entrypoint) return std::move(entrypoint).error();
  config.entrypoint = std::move(*entrypoint);
  Result<std::vector<std::string>> command = words_at(run, "Cmd", kMostWords);
  if (!command) return std::move(command).error();
  config.command = std::move(*command);
  Result<std::vector<std::string>> variables = words_at(run, "Env", kMostVariables);
  if (!variables) return std::move(variables).error();
  for (const std::string& variable : *variables) {
    const std::size_t equals = variable.find('=');
    if (equals == 0 || equals == std::string::npos) return invalid("a variable of its environment has no name");
    config.environment.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  config.working_directory = text_at(run, "WorkingDir");
  if (config.working_directory.find('\0') != std::string::npos) return invalid("WorkingDir contains a NUL");
  return config;
}

}  // namespace cumulet::images
