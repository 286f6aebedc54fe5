#include "services/cloudformation/intrinsics.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "services/cloudformation/cidr.h"

namespace cumulet::cloudformation {
namespace {

constexpr int kDepthLimit = 100;

Error wrong(const std::string& function, const std::string& why) {
  return validation_error("Template error: every " + function + " object " + why);
}

/// Evaluates values; one for each evaluation, so that it can count depth.
class Evaluator {
 public:
  explicit Evaluator(const Scope& scope) : scope_(scope) {}

  Result<Value> value(const Value& input) {
    const Nesting nesting(depth_);
    if (depth_ > kDepthLimit) return validation_error("Template error: functions are nested too deeply");
    if (input.is_list()) return list(input);
    if (!input.is_object()) return input;
    if (input.members().size() == 1) {
      const auto& [name, argument] = input.members().front();
      if (name == "Ref") return ref(argument);
      if (name == "Condition" && argument.is_string() &&
          scope_.definition->conditions.find(argument.text()) != nullptr) {
        return condition_value(argument.text());
      }
      if (name.starts_with("Fn::")) return function(name, argument);
    }
    return object(input);
  }

  Result<bool> condition(const std::string& name) {
    const Nesting nesting(depth_);
    if (depth_ > kDepthLimit) return validation_error("Template error: conditions depend on one another in a circle");
    const Value* definition = scope_.definition->conditions.find(name);
    if (definition == nullptr) {
      return validation_error("Template error: unresolved condition dependency " + name + " in the Conditions block");
    }
    Result<Value> result = value(*definition);
    if (!result.ok()) return std::move(result).error();
    return truth(*result);
  }

 private:
  struct Nesting {
    explicit Nesting(int& d) : depth(d) { ++depth; }
    ~Nesting() { --depth; }
    int& depth;
  };

  static bool is_no_value(const Value& input) {
    return input.is_object() && input.members().size() == 1 && input.members().front().first == "Ref" &&
           input.members().front().second.text() == "AWS::NoValue";
  }

  /// `removed` is set when the input comes to AWS::NoValue, perhaps through Fn::If.
  Result<Value> member(const Value& input, bool& removed) {
    Value chosen = input;
    while (chosen.is_object() && chosen.members().size() == 1 && chosen.members().front().first == "Fn::If") {
      Result<Value> branch = branch_of(chosen.members().front().second);
      if (!branch.ok()) return branch;
      chosen = std::move(*branch);
    }
    removed = is_no_value(chosen);
    return removed ? Result<Value>(Value()) : value(chosen);
  }

  Result<Value> list(const Value& input) {
    std::vector<Value> items;
    for (const Value& item : input.items()) {
      bool removed = false;
      Result<Value> result = member(item, removed);
      if (!result.ok()) return result;
      if (!removed) items.push_back(std::move(*result));
    }
    return Value::list(std::move(items));
  }

  Result<Value> object(const Value& input) {
    Value result = Value::object();
    for (const auto& [name, each] : input.members()) {
      bool removed = false;
      Result<Value> evaluated = member(each, removed);
      if (!evaluated.ok()) return evaluated;
      if (!removed) result.set(name, std::move(*evaluated));
    }
    return result;
  }

  Result<Value> condition_value(const std::string& name) {
    const Result<bool> holds = condition(name);
    if (!holds.ok()) return holds.error();
    return Value::boolean(*holds);
  }

  static bool truth(const Value& value) { return value.text() == "true"; }

  Result<Value> ref(const Value& argument) {
    if (!argument.is_string())
      return validation_error("Template error: every Ref object must have a single String value.");
    const std::string& name = argument.text();
    const auto pseudo = scope_.pseudo.find(name);
    if (pseudo != scope_.pseudo.end()) {
      if (name == "AWS::NotificationARNs") return Value::list();
      return Value::string(pseudo->second);
    }
    const auto parameter = scope_.parameters.find(name);
    if (parameter != scope_.parameters.end()) return parameter_value(name, parameter->second);
    std::optional<std::string> id = scope_.ref ? scope_.ref(name) : std::nullopt;
    if (id) return Value::string(std::move(*id));
    return validation_error("Unresolved resource dependencies [" + name + "] in the Resources block of the template");
  }

  Value parameter_value(const std::string& name, const std::string& text) const {
    const auto parameter = scope_.definition->parameters.find(name);
    const std::string type = parameter == scope_.definition->parameters.end() ? "String" : parameter->second.type;
    if (type != "CommaDelimitedList" && !type.starts_with("List<")) return Value::string(text);
    std::vector<Value> items;
    if (!text.empty()) {
      for (const std::string_view part : split(text, ',')) items.push_back(Value::string(std::string(trim(part))));
    }
    return Value::list(std::move(items));
  }

  Result<Value> function(const std::string& name, const Value& argument) {
    if (name == "Fn::GetAtt") return get_att(argument);
    if (name == "Fn::Sub") return sub(argument);
    if (name == "Fn::If") {
      Result<Value> branch = branch_of(argument);
      if (!branch.ok()) return branch;
      return value(*branch);
    }
    if (name == "Fn::Transform") return validation_error("Fn::Transform is not supported by this server");
    Result<Value> evaluated = value(argument);
    if (!evaluated.ok()) return evaluated;
    const Value& input = *evaluated;
    if (name == "Fn::Join") return join_function(input);
    if (name == "Fn::Select") return select(input);
    if (name == "Fn::Split") return split_function(input);
    if (name == "Fn::FindInMap") return find_in_map(input);
    if (name == "Fn::Base64") return Value::string(base64_encode(input.text()));
    if (name == "Fn::GetAZs") return availability_zones(input);
    if (name == "Fn::ImportValue") return import_value(input);
    if (name == "Fn::Cidr") return cidr_function(input);
    if (name == "Fn::Length") return Value::number(std::to_string(input.items().size()));
    if (name == "Fn::ToJsonString") return Value::string(input.to_json());
    if (name == "Fn::Equals") {
      if (!input.is_list() || input.items().size() != 2) return wrong(name, "requires a list of two parameters.");
      return Value::boolean(input.items()[0] == input.items()[1]);
    }
    if (name == "Fn::Not") {
      if (!input.is_list() || input.items().size() != 1) return wrong(name, "requires a list of one parameter.");
      return Value::boolean(!truth(input.items()[0]));
    }
    if (name == "Fn::And" || name == "Fn::Or") {
      if (!input.is_list() || input.items().size() < 2 || input.items().size() > 10) {
        return wrong(name, "requires a list of at least 2 and at most 10 boolean parameters.");
      }
      const bool all = std::all_of(input.items().begin(), input.items().end(), truth);
      const bool any = std::any_of(input.items().begin(), input.items().end(), truth);
      return Value::boolean(name == "Fn::And" ? all : any);
    }
    return validation_error("Template error: unknown function " + name);
  }

  /// The branch of Fn::If that its condition chooses, not evaluated.
  Result<Value> branch_of(const Value& argument) {
    if (!argument.is_list() || argument.items().size() != 3 || !argument.items()[0].is_string()) {
      return wrong("Fn::If", "requires a list argument with the first element being a condition");
    }
    const Result<bool> holds = condition(argument.items()[0].text());
    if (!holds.ok()) return holds.error();
    return argument.items()[*holds ? 1 : 2];
  }

  Result<Value> get_att(const Value& argument) {
    std::string resource;
    std::string attribute;
    if (argument.is_string()) {
      const std::size_t dot = argument.text().find('.');
      resource = argument.text().substr(0, dot);
      attribute = dot == std::string::npos ? std::string() : argument.text().substr(dot + 1);
    } else if (argument.is_list() && argument.items().size() == 2) {
      Result<Value> second = value(argument.items()[1]);
      if (!second.ok()) return second;
      resource = argument.items()[0].text();
      attribute = second->text();
    }
    if (resource.empty() || attribute.empty()) {
      return wrong("Fn::GetAtt", "requires two non-empty parameters, the resource name and the resource attribute");
    }
    return attribute_of(resource, attribute);
  }

  Result<Value> attribute_of(const std::string& resource, const std::string& attribute) {
    std::optional<Value> found = scope_.get_att ? scope_.get_att(resource, attribute) : std::nullopt;
    if (found) return std::move(*found);
    if (!scope_.definition->resources.contains(resource)) {
      return validation_error("Template error: instance of Fn::GetAtt references undefined resource " + resource);
    }
    return validation_error("Template error: resource " + resource + " does not support attribute type " + attribute +
                            " in Fn::GetAtt");
  }

  Result<Value> sub(const Value& argument) {
    std::string text;
    Value variables = Value::object();
    if (argument.is_string()) {
      text = argument.text();
    } else if (argument.is_list() && argument.items().size() == 2 && argument.items()[0].is_string() &&
               argument.items()[1].is_object()) {
      text = argument.items()[0].text();
      Result<Value> evaluated = object(argument.items()[1]);
      if (!evaluated.ok()) return evaluated;
      variables = std::move(*evaluated);
    } else {
      return wrong("Fn::Sub", "must be either a string, or a list of a string and an object of variables");
    }
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t open = text.find("${", at);
      if (open == std::string::npos) {
        out += text.substr(at);
        break;
      }
      const std::size_t close = text.find('}', open);
      if (close == std::string::npos) return wrong("Fn::Sub", "must close every ${");
      out += text.substr(at, open - at);
      at = close + 1;
      const std::string name(trim(std::string_view(text).substr(open + 2, close - open - 2)));
      if (name.starts_with("!")) {
        out += "${" + name.substr(1) + "}";
        continue;
      }
      Result<Value> replaced = variable(name, variables);
      if (!replaced.ok()) return replaced;
      out += replaced->is_list() ? join_texts(replaced->items(), ",") : replaced->text();
    }
    return Value::string(std::move(out));
  }

  Result<Value> variable(const std::string& name, const Value& variables) {
    if (const Value* own = variables.find(name)) return *own;
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) return ref(Value::string(name));
    return attribute_of(name.substr(0, dot), name.substr(dot + 1));
  }

  static std::string join_texts(const std::vector<Value>& items, const std::string& separator) {
    std::string out;
    for (std::size_t i = 0; i < items.size(); ++i) out += (i > 0 ? separator : "") + items[i].text();
    return out;
  }

  static Result<Value> join_function(const Value& input) {
    if (!input.is_list() || input.items().size() != 2 || !input.items()[1].is_list()) {
      return wrong("Fn::Join",
                   "requires two parameters, (1) a string delimiter and (2) a list of strings to be joined");
    }
    for (const Value& item : input.items()[1].items()) {
      if (!item.is_scalar()) return wrong("Fn::Join", "joins strings only");
    }
    return Value::string(join_texts(input.items()[1].items(), input.items()[0].text()));
  }

  static Result<Value> select(const Value& input) {
    if (!input.is_list() || input.items().size() != 2 || !input.items()[1].is_list()) {
      return wrong("Fn::Select", "requires two parameters, an index and a list of values");
    }
    const std::optional<std::int64_t> index = parse_int(input.items()[0].text());
    const std::vector<Value>& choices = input.items()[1].items();
    if (!index || *index < 0 || static_cast<std::size_t>(*index) >= choices.size()) {
      return validation_error("Template error: Fn::Select cannot select nonexistent value at index " +
                              input.items()[0].text());
    }
    return choices[static_cast<std::size_t>(*index)];
  }

  static Result<Value> split_function(const Value& input) {
    if (!input.is_list() || input.items().size() != 2 || input.items()[0].text().empty()) {
      return wrong("Fn::Split", "requires two parameters, a delimiter and a string");
    }
    const std::string& delimiter = input.items()[0].text();
    const std::string& text = input.items()[1].text();
    std::vector<Value> parts;
    std::size_t at = 0;
    while (true) {
      const std::size_t next = text.find(delimiter, at);
      parts.push_back(Value::string(text.substr(at, next - at)));
      if (next == std::string::npos) return Value::list(std::move(parts));
      at = next + delimiter.size();
    }
  }

  Result<Value> find_in_map(const Value& input) {
    if (!input.is_list() || input.items().size() < 3 || input.items().size() > 4) {
      return wrong("Fn::FindInMap",
                   "requires three parameters, the map name, map key and the attribute for return value");
    }
    const Value* at = &scope_.definition->mappings;
    for (std::size_t i = 0; i < 3 && at != nullptr; ++i) at = at->find(input.items()[i].text());
    if (at != nullptr) return *at;
    if (input.items().size() == 4) {
      if (const Value* fallback = input.items()[3].find("DefaultValue")) return *fallback;
    }
    return validation_error("Template error: Unable to get mapping for " + input.items()[0].text() +
                            "::" + input.items()[1].text() + "::" + input.items()[2].text());
  }

  Result<Value> availability_zones(const Value& input) {
    std::string region = input.text();
    if (region.empty()) region = scope_.pseudo.at("AWS::Region");
    return Value::list({Value::string(region + "a"), Value::string(region + "b"), Value::string(region + "c")});
  }

  Result<Value> import_value(const Value& input) {
    std::optional<std::string> found = scope_.import_value ? scope_.import_value(input.text()) : std::nullopt;
    if (found) return Value::string(std::move(*found));
    return validation_error("No export named " + input.text() + " found.");
  }

  static Result<Value> cidr_function(const Value& input) {
    if (!input.is_list() || input.items().size() < 2) return wrong("Fn::Cidr", "requires an ipBlock and a count");
    const std::string bits = input.items().size() > 2 ? input.items()[2].text() : "8";
    const std::optional<std::vector<std::string>> blocks = cidr_blocks(
        input.items()[0].text(), parse_int(input.items()[1].text()).value_or(0), parse_int(bits).value_or(0));
    if (!blocks) return wrong("Fn::Cidr", "must fit its ipBlock");
    std::vector<Value> items;
    for (const std::string& block : *blocks) items.push_back(Value::string(block));
    return Value::list(std::move(items));
  }

  const Scope& scope_;
  int depth_ = 0;
};

void add_references(const Value& value, const Template& definition, std::set<std::string>& found) {
  const auto add = [&](const std::string& name) {
    const std::string resource = name.substr(0, name.find('.'));
    if (definition.resources.contains(resource)) found.insert(resource);
  };
  for (const Value& item : value.items()) add_references(item, definition, found);
  for (const auto& [name, member] : value.members()) {
    if (name == "Ref" && member.is_string()) add(member.text());
    if (name == "Fn::GetAtt")
      add(member.is_list() && !member.items().empty() ? member.items()[0].text() : member.text());
    if (name == "Fn::Sub") {
      const std::string& text = member.is_list() && !member.items().empty() ? member.items()[0].text() : member.text();
      for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 2)) {
        const std::size_t close = text.find('}', at);
        if (close == std::string::npos) break;
        add(std::string(trim(std::string_view(text).substr(at + 2, close - at - 2))));
      }
    }
    add_references(member, definition, found);
  }
}

/// Looks for references that lead nowhere.
class ReferenceCheck {
 public:
  ReferenceCheck(const Template& definition, const std::map<std::string, std::string>& pseudo)
      : definition_(definition), pseudo_(pseudo) {}

  Result<void> check(const Value& value) {
    for (const Value& item : value.items()) {
      Result<void> checked = check(item);
      if (!checked.ok()) return checked;
    }
    const bool single = value.members().size() == 1;
    for (const auto& [name, member] : value.members()) {
      Result<void> checked = single ? function(name, member) : Result<void>();
      if (checked.ok()) checked = check(member);
      if (!checked.ok()) return checked;
    }
    return {};
  }

  const std::set<std::string>& unresolved() const { return unresolved_; }

 private:
  void name(const std::string& text) {
    if (!pseudo_.contains(text) && !definition_.parameters.contains(text) && !definition_.resources.contains(text)) {
      unresolved_.insert(text);
    }
  }

  Result<void> attribute_of(const std::string& resource) const {
    if (definition_.resources.contains(resource)) return {};
    return validation_error("Template error: instance of Fn::GetAtt references undefined resource " + resource);
  }

  Result<void> function(const std::string& function_name, const Value& argument) {
    if (function_name == "Ref" && argument.is_string()) name(argument.text());
    if (function_name == "Fn::GetAtt") {
      const bool list = argument.is_list() && !argument.items().empty();
      const std::string& text = list ? argument.items()[0].text() : argument.text();
      return attribute_of(list ? text : text.substr(0, text.find('.')));
    }
    if (function_name == "Fn::Sub") return substitution(argument);
    return {};
  }

  Result<void> substitution(const Value& argument) {
    const bool list = argument.is_list() && argument.items().size() == 2;
    const std::string& text = list ? argument.items()[0].text() : argument.text();
    for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 2)) {
      const std::size_t close = text.find('}', at);
      if (close == std::string::npos) return {};
      const std::string variable(trim(std::string_view(text).substr(at + 2, close - at - 2)));
      if (variable.starts_with("!") || (list && argument.items()[1].find(variable) != nullptr)) continue;
      const std::size_t dot = variable.find('.');
      if (dot == std::string::npos) {
        name(variable);
      } else if (Result<void> checked = attribute_of(variable.substr(0, dot)); !checked.ok()) {
        return checked;
      }
    }
    return {};
  }

  const Template& definition_;
  const std::map<std::string, std::string>& pseudo_;
  std::set<std::string> unresolved_;
};

Error unresolved(const std::set<std::string>& names, const char* block) {
  return validation_error("Template format error: Unresolved resource dependencies [" +
                          join(std::vector<std::string>(names.begin(), names.end()), ", ") + "] in the " + block +
                          " block of the template");
}

}  // namespace

Result<Value> evaluate(const Value& value, const Scope& scope) { return Evaluator(scope).value(value); }

Result<bool> condition_holds(const std::string& name, const Scope& scope) { return Evaluator(scope).condition(name); }

std::set<std::string> references(const Value& value, const Template& definition) {
  std::set<std::string> found;
  add_references(value, definition, found);
  return found;
}

Result<void> check_references(const Template& definition, const std::map<std::string, std::string>& pseudo) {
  ReferenceCheck resources(definition, pseudo);
  for (const auto& [id, resource] : definition.resources) {
    Result<void> checked = resources.check(resource.properties);
    if (!checked.ok()) return checked;
  }
  if (!resources.unresolved().empty()) return unresolved(resources.unresolved(), "Resources");
  ReferenceCheck outputs(definition, pseudo);
  for (const Output& output : definition.outputs) {
    Result<void> checked = outputs.check(output.value);
    if (checked.ok()) checked = outputs.check(output.export_name);
    if (!checked.ok()) return checked;
  }
  if (!outputs.unresolved().empty()) return unresolved(outputs.unresolved(), "Outputs");
  return {};
}

std::set<std::string> dependencies_of(const Resource& resource, const Template& definition) {
  std::set<std::string> needed = references(resource.properties, definition);
  needed.insert(resource.depends_on.begin(), resource.depends_on.end());
  return needed;
}

Result<std::vector<std::string>> deployment_order(const Template& definition, const std::set<std::string>& active) {
  std::map<std::string, std::set<std::string>> waiting;
  for (const std::string& id : active) {
    const Resource& resource = definition.resources.at(id);
    for (const std::string& needed : dependencies_of(resource, definition)) {
      if (!definition.resources.contains(needed)) {
        return validation_error("Template format error: Unresolved resource dependencies [" + needed +
                                "] in the Resources block of the template");
      }
      if (needed == id) return validation_error("Circular dependency between resources: [" + id + "]");
      if (active.contains(needed)) waiting[id].insert(needed);
    }
    waiting.try_emplace(id);
  }
  std::vector<std::string> order;
  while (!waiting.empty()) {
    std::vector<std::string> ready;
    for (const auto& [id, needed] : waiting) {
      if (needed.empty()) ready.push_back(id);
    }
    if (ready.empty()) {
      std::vector<std::string> circle;
      for (const auto& [id, needed] : waiting) circle.push_back(id);
      return validation_error("Circular dependency between resources: [" + join(circle, ", ") + "]");
    }
    for (const std::string& id : ready) {
      waiting.erase(id);
      for (auto& [other, needed] : waiting) needed.erase(id);
      order.push_back(id);
    }
  }
  return order;
}

}  // namespace cumulet::cloudformation
