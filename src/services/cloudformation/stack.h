#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/cloudformation/value.h"

namespace cumulet::cloudformation {

/// A stack as it is stored. Times are milliseconds since 1970.
struct Stack {
  std::string id;  ///< Its ARN.
  std::string name;
  std::string status;
  std::string reason;
  std::string description;
  std::string body;           ///< The template as it was given.
  std::string previous_body;  ///< What an update that fails goes back to.
  std::map<std::string, std::string> parameters;
  std::map<std::string, std::string> previous_parameters;
  std::map<std::string, std::string> tags;
  std::vector<std::string> capabilities;
  std::vector<std::string> notification_arns;
  std::string role_arn;
  std::string caller_arn;               ///< In whose name its resources are made.
  std::string endpoint;                 ///< As the client reached us: for the URLs in outputs.
  std::string on_failure = "ROLLBACK";  ///< Of a creation: ROLLBACK, DELETE or DO_NOTHING.
  std::string change_set_id;
  std::vector<std::string> imports;  ///< The exports of other stacks that this one uses.
  Value outputs = Value::list();     ///< [{"OutputKey", "OutputValue", "Description", "ExportName"}]
  std::int64_t created = 0;
  std::int64_t updated = 0;
  std::int64_t deleted = 0;
  bool termination_protection = false;
};

/// A resource of a stack: what it came to.
struct StackResource {
  std::string logical_id;
  std::string physical_id;
  std::string type;
  std::string status;
  std::string reason;
  std::int64_t changed = 0;
  Value properties = Value::object();  ///< As evaluated, at the last change.
  Value attributes = Value::object();
  std::string deletion_policy = "Delete";
  std::string generated_name;  ///< Chosen before it is made, so that a crash in between finds it again.
  std::vector<std::string> depends_on;

  bool exists() const { return !physical_id.empty(); }
};

/// A resource that an update replaced or dropped, and that goes when the update is through. Until then a rollback can
/// take it back.
struct Leftover {
  Leftover() = default;
  explicit Leftover(const StackResource& resource)
      : logical_id(resource.logical_id),
        physical_id(resource.physical_id),
        type(resource.type),
        properties(resource.properties),
        attributes(resource.attributes),
        generated_name(resource.generated_name) {}

  std::string logical_id;
  std::string physical_id;
  std::string type;
  Value properties = Value::object();
  Value attributes = Value::object();
  std::string generated_name;
  bool retained = false;  ///< It stays: only the stack forgets it.
};

struct StackEvent {
  std::string id;
  std::string logical_id;
  std::string physical_id;
  std::string type;
  std::string status;
  std::string reason;
  std::string properties;
  std::int64_t time = 0;
};

struct ChangeSet {
  std::string id;
  std::string name;
  std::string stack_name;
  std::string stack_id;
  std::string type;  ///< CREATE or UPDATE.
  std::string status;
  std::string reason;
  std::string execution_status;
  std::string description;
  std::string body;
  std::map<std::string, std::string> parameters;
  std::map<std::string, std::string> tags;
  std::vector<std::string> capabilities;
  std::string on_failure;
  Value changes =
      Value::list();  ///< [{"Action", "LogicalResourceId", "PhysicalResourceId", "ResourceType", "Replacement"}]
  std::int64_t created = 0;
};

}  // namespace cumulet::cloudformation
