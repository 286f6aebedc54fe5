#pragma once

#include <string>
#include <string_view>

#include "services/cloudformation/stack.h"

/// The rows of CloudFormation as bytes.
namespace cumulet::cloudformation {

std::string encode(const Stack& stack);
Stack decode_stack(std::string_view bytes);
std::string encode(const StackResource& resource);
StackResource decode_resource(std::string_view bytes);
std::string encode(const Leftover& leftover);
Leftover decode_leftover(std::string_view bytes);
std::string encode(const StackEvent& event);
StackEvent decode_event(std::string_view bytes);
std::string encode(const ChangeSet& change_set);
ChangeSet decode_change_set(std::string_view bytes);

}  // namespace cumulet::cloudformation
