#include "services/cloudformation/sam_values.h"

#include "services/cloudformation/template.h"

namespace cumulet::cloudformation {

Value reference_to(const std::string& id) { return Value::object({{"Ref", Value::string(id)}}); }

Value get_att(const std::string& id, const std::string& attribute) {
  return Value::object({{"Fn::GetAtt", Value::list({Value::string(id), Value::string(attribute)})}});
}

Value resource(const std::string& type, Value properties) {
  return Value::object({{"Type", Value::string(type)}, {"Properties", std::move(properties)}});
}

Value text_list(const std::vector<std::string>& items) {
  Value list = Value::list();
  for (const std::string& item : items) list.items().push_back(Value::string(item));
  return list;
}

Value allow(const std::vector<std::string>& actions, Value on) {
  return Value::object(
      {{"Effect", Value::string("Allow")}, {"Action", text_list(actions)}, {"Resource", std::move(on)}});
}

Value invoke_permission(Value target, const std::string& principal, const Value* source) {
  Value properties = Value::object({{"Action", Value::string("lambda:InvokeFunction")},
                                    {"FunctionName", std::move(target)},
                                    {"Principal", Value::string(principal)}});
  if (source != nullptr) properties.set("SourceArn", *source);
  return resource("AWS::Lambda::Permission", std::move(properties));
}

void copy_members(const Value& from, const std::vector<std::string>& names, Value& to) {
  for (const std::string& name : names) {
    if (const Value* value = from.find(name)) to.set(name, *value);
  }
}

Error unsupported(const std::string& id, const std::string& what) {
  return invalid_resource(id, what + " is not supported by this server");
}

Error invalid_resource(const std::string& id, const std::string& what) {
  return validation_error("Resource with id [" + id + "] is invalid. " + what);
}

}  // namespace cumulet::cloudformation
