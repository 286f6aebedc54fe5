#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

/// What the codecs know about the generated structs: constant tables, one Shape a type, walked by one codec per
/// protocol. A codec sees a value as `void*` plus its Shape; Holder, ListAccess and MapAccess reach into it.
namespace cumulet::wire {

/// The C++ type behind each kind: std::string (string, enum, blob), std::int32_t, std::int64_t, double, bool,
/// Timestamp, std::vector<T>, std::map<std::string, T>, a generated struct, std::shared_ptr<BodySource>,
/// AttributeValue.
enum class Kind : std::uint8_t {
  kString,
  kBlob,
  kInteger,
  kLong,
  kDouble,
  kBoolean,
  kTimestamp,
  kList,
  kMap,
  kStructure,
  kStream,
  kAttributeValue
};

/// Where a member travels in a REST protocol.
enum class Location : std::uint8_t { kBody, kPayload, kUri, kQuery, kHeader, kPrefixHeaders, kStatus };

/// kDefault is what the protocol and the location say: epoch seconds in JSON, ISO 8601 in XML and query, HTTP date in
/// headers.
enum class TimeFormat : std::uint8_t { kDefault, kIso8601, kEpochSeconds, kHttpDate };

/// Reaches through std::optional<T> and Boxed<T>.
struct Holder {
  void* (*make)(void* holder);             ///< Puts a new T in; gives its address.
  const void* (*get)(const void* holder);  ///< Null when there is none.
};

/// Reaches into std::vector<T>.
struct ListAccess {
  void (*clear)(void* list);
  void (*reserve)(void* list, std::size_t count);
  void* (*append)(void* list);
  std::size_t (*size)(const void* list);
  const void* (*at)(const void* list, std::size_t index);
};

/// Reaches into std::map<std::string, T>.
struct MapAccess {
  using Visit = void (*)(void* context, const std::string& key, const void* value);
  void (*clear)(void* map);
  void* (*insert)(void* map, std::string key);  ///< A fresh T, also when the key was there.
  std::size_t (*size)(const void* map);
  void (*each)(const void* map, void* context, Visit visit);
};

struct Member;

/// One type of a model.
struct Shape {
  std::string_view name;
  Kind kind = Kind::kStructure;
  TimeFormat time_format = TimeFormat::kDefault;
  bool flattened = false;  ///< XML and query: no element around a list's or a map's entries.
  bool has_min = false;    ///< Of the value, of the length in characters or bytes, or of the count.
  bool has_max = false;
  bool constrained = false;  ///< It, or something inside it, has a constraint (required counts).
  bool sensitive = false;
  double min = 0;
  double max = 0;
  const char* pattern = nullptr;
  std::span<const std::string_view> enum_values{};
  std::span<const Member> members{};  ///< Of a structure, in the model's order.
  const Member* payload = nullptr;    ///< Of a structure whose body is one member.
  const Shape* element = nullptr;     ///< Of a list's elements, a map's values.
  const Shape* key = nullptr;         ///< Of a map's keys.
  std::string_view element_name{};    ///< XML: of a list's elements ("member"), of a map's values ("value").
  std::string_view key_name{};        ///< XML: of a map's keys ("key").
  std::string_view xml_name{};        ///< XML: of the element when it is the root.
  const ListAccess* list = nullptr;
  const MapAccess* map = nullptr;
};

/// One member of a structure.
struct Member {
  std::string_view name;       ///< As the model calls it.
  std::string_view wire_name;  ///< Its locationName: in JSON and XML, and of a header, query parameter or label.
  const Shape* shape = nullptr;
  std::size_t offset = 0;
  const Holder* holder = nullptr;  ///< Null: the struct holds the T itself.
  Location location = Location::kBody;
  TimeFormat time_format = TimeFormat::kDefault;
  bool required = false;
  bool flattened = false;
  bool xml_attribute = false;
  std::string_view xml_namespace{};  ///< URI.
  std::string_view xml_prefix{};
};

/// A value of a type that only its maker knows.
class Instance {
 public:
  Instance() : Instance(nullptr, nullptr) {}
  Instance(void* value, void (*destroy)(void*)) : value_(value), destroy_(destroy) {}
  Instance(Instance&& other) noexcept : value_(std::exchange(other.value_, nullptr)), destroy_(other.destroy_) {}
  Instance& operator=(Instance&& other) noexcept {
    std::swap(value_, other.value_);
    std::swap(destroy_, other.destroy_);
    return *this;
  }
  ~Instance() {
    if (value_ != nullptr) destroy_(value_);
  }

  void* get() const { return value_; }
  template <typename T>
  T& as() const {
    return *static_cast<T*>(value_);
  }

 private:
  void* value_;
  void (*destroy_)(void*);
};

/// One operation of a model.
struct OperationModel {
  std::string_view name;
  std::string_view method;  ///< POST for protocols that do not route by it.
  std::string_view uri;     ///< "/{Bucket}/{Key+}?uploads".
  int status = 200;         ///< Of success.
  bool deprecated = false;
  bool unsigned_allowed = false;      ///< The model says authtype none.
  bool checksum_required = false;     ///< S3: Content-MD5 or an x-amz-checksum must come with the body.
  bool unwrapped_output = false;      ///< S3: the root element is the output's only member itself.
  std::string_view result_wrapper{};  ///< Query: the element around the result.
  std::string_view input_root{};      ///< rest-xml: the root element of the request's body.
  const Shape* input = nullptr;       ///< Never null: an operation without input has an empty structure.
  const Shape* output = nullptr;
  Instance (*make_input)() = nullptr;
  Instance (*make_output)() = nullptr;
};

/// One error of a model, and how its document spells things.
struct ErrorModel {
  ErrorKind kind;
  std::string_view message_name;  ///< "message" or "Message".
  bool has_type = false;          ///< Lambda: a member Type says "User" or "Service".
  std::string_view shape{};       ///< Its name in the model; often the code itself.
};

/// kRpcV2Cbor is Smithy's; kCbor11 is JSON 1.1 with CBOR in its place (application/x-amz-cbor-1.1).
enum class Protocol : std::uint8_t { kJson10, kJson11, kRestJson, kRestXml, kQuery, kRpcV2Cbor, kCbor11 };

/// A service's model.
struct ServiceModel {
  std::string_view service;  ///< "dynamodb": the folder, the namespace, and the key that other rooms use.
  Protocol protocol = Protocol::kJson10;
  std::string_view api_version;
  std::string_view signing_name;
  std::string_view endpoint_prefix;
  std::string_view target_prefix{};  ///< json: X-Amz-Target is this, a dot, and the operation.
  std::string_view xml_namespace{};
  std::span<const OperationModel> operations{};  ///< Sorted by name.
  std::span<const ErrorModel> errors{};          ///< All errors of the model, sorted by code.
  std::span<const ServiceModel> spoken{};        ///< Of a service with several protocols: its model in each of them.
  bool query_compatible = false;                 ///< Clients get the query protocol's error code in a header, too.

  std::string_view name() const { return service; }
  const OperationModel* find(std::string_view operation) const;
  const ErrorModel* find_error(std::string_view code) const;
};

}  // namespace cumulet::wire
