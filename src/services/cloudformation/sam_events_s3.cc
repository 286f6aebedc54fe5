#include "services/cloudformation/sam_events.h"
#include "services/cloudformation/sam_values.h"

namespace cumulet::cloudformation {

/// The bucket of the same template gets the configuration, and is made after the permission. The permission names the
/// account and not the bucket: otherwise each would wait for the other.
Result<SamEventParts> sam_s3_event(const SamEvent& event) {
  const std::string intro = "Event with id [" + event.name + "] is invalid. ";
  const Value* bucket = event.properties.find("Bucket");
  const Value* events = event.properties.find("Events");
  if (bucket == nullptr) return invalid_resource(event.function, intro + "Missing required property 'Bucket'.");
  if (events == nullptr) return invalid_resource(event.function, intro + "Missing required property 'Events'.");
  const std::string id = bucket->text_of("Ref");
  if (id.empty()) {
    return invalid_resource(event.function, intro + "S3 events must reference an S3 bucket in the same template.");
  }
  SamEventParts parts;
  Value permission = invoke_permission(event.target, "s3.amazonaws.com", nullptr);
  permission.find("Properties")->set("SourceAccount", reference_to("AWS::AccountId"));
  parts.resources.emplace_back(event.stem() + "Permission", std::move(permission));
  const std::vector<Value> names = events->is_list() ? events->items() : std::vector<Value>{*events};
  for (const Value& name : names) {
    Value configuration = Value::object({{"Event", name}, {"Function", event.target}});
    copy_members(event.properties, {"Filter"}, configuration);
    parts.notifications.emplace_back(id, event.name, event.stem() + "Permission", std::move(configuration));
  }
  return parts;
}

}  // namespace cumulet::cloudformation
