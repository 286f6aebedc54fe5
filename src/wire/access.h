#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wire/boxed.h"
#include "wire/schema.h"

/// How the generated tables reach into C++ types. Only wire/generated/*_schema.cc includes this.
namespace cumulet::wire::access {

template <typename T>
void* make_optional_value(void* holder) {
  return &static_cast<std::optional<T>*>(holder)->emplace();
}
template <typename T>
const void* optional_value(const void* holder) {
  const auto& optional = *static_cast<const std::optional<T>*>(holder);
  return optional ? &*optional : nullptr;
}
template <typename T>
inline constexpr Holder kOptional{make_optional_value<T>, optional_value<T>};

template <typename T>
void* make_boxed_value(void* holder) {
  return &static_cast<Boxed<T>*>(holder)->emplace();
}
template <typename T>
const void* boxed_value(const void* holder) {
  const auto& box = *static_cast<const Boxed<T>*>(holder);
  return box ? &*box : nullptr;
}
template <typename T>
inline constexpr Holder kBoxed{make_boxed_value<T>, boxed_value<T>};

template <typename T>
void clear_list(void* list) {
  static_cast<std::vector<T>*>(list)->clear();
}
template <typename T>
void reserve_list(void* list, std::size_t count) {
  static_cast<std::vector<T>*>(list)->reserve(count);
}
template <typename T>
void* append_element(void* list) {
  return &static_cast<std::vector<T>*>(list)->emplace_back();
}
template <typename T>
std::size_t list_size(const void* list) {
  return static_cast<const std::vector<T>*>(list)->size();
}
template <typename T>
const void* element_at(const void* list, std::size_t index) {
  return &(*static_cast<const std::vector<T>*>(list))[index];
}
template <typename T>
inline constexpr ListAccess kList{clear_list<T>, reserve_list<T>, append_element<T>, list_size<T>, element_at<T>};

template <typename T>
void clear_map(void* map) {
  static_cast<std::map<std::string, T>*>(map)->clear();
}
template <typename T>
void* insert_entry(void* map, std::string key) {
  T& value = (*static_cast<std::map<std::string, T>*>(map))[std::move(key)];
  value = T();
  return &value;
}
template <typename T>
std::size_t map_size(const void* map) {
  return static_cast<const std::map<std::string, T>*>(map)->size();
}
template <typename T>
void each_entry(const void* map, void* context, MapAccess::Visit visit) {
  for (const auto& [key, value] : *static_cast<const std::map<std::string, T>*>(map)) visit(context, key, &value);
}
template <typename T>
inline constexpr MapAccess kMap{clear_map<T>, insert_entry<T>, map_size<T>, each_entry<T>};

template <typename T>
Instance make() {
  return Instance(new T(), [](void* value) { delete static_cast<T*>(value); });
}

}  // namespace cumulet::wire::access
