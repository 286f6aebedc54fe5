#include "services/cloudformation/rows.h"

#include "storage/row.h"

namespace cumulet::cloudformation {
namespace {

using storage::RowReader;
using storage::RowWriter;

Value read_value(RowReader& row, Value otherwise) {
  const std::string text = row.text();
  if (text.empty()) return otherwise;
  Result<Value> value = parse_json_document(text);
  return value.ok() ? std::move(*value) : std::move(otherwise);
}

}  // namespace

std::string encode(const Stack& stack) {
  RowWriter row;
  row.text(stack.id).text(stack.name).text(stack.status).text(stack.reason).text(stack.description);
  row.text(stack.body).text(stack.previous_body).text_map(stack.parameters).text_map(stack.previous_parameters);
  row.text_map(stack.tags).texts(stack.capabilities).texts(stack.notification_arns).text(stack.role_arn);
  row.text(stack.caller_arn).text(stack.endpoint).text(stack.on_failure).text(stack.change_set_id);
  row.text(stack.outputs.to_json()).signed_number(stack.created).signed_number(stack.updated);
  row.signed_number(stack.deleted).boolean(stack.termination_protection).texts(stack.imports);
  return std::move(row).bytes();
}

Stack decode_stack(std::string_view bytes) {
  RowReader row(bytes);
  Stack stack;
  stack.id = row.text();
  stack.name = row.text();
  stack.status = row.text();
  stack.reason = row.text();
  stack.description = row.text();
  stack.body = row.text();
  stack.previous_body = row.text();
  stack.parameters = row.text_map();
  stack.previous_parameters = row.text_map();
  stack.tags = row.text_map();
  stack.capabilities = row.texts();
  stack.notification_arns = row.texts();
  stack.role_arn = row.text();
  stack.caller_arn = row.text();
  stack.endpoint = row.text();
  stack.on_failure = row.text();
  stack.change_set_id = row.text();
  stack.outputs = read_value(row, Value::list());
  stack.created = row.signed_number();
  stack.updated = row.signed_number();
  stack.deleted = row.signed_number();
  stack.termination_protection = row.boolean();
  stack.imports = row.texts();
  return stack;
}

std::string encode(const StackResource& resource) {
  RowWriter row;
  row.text(resource.logical_id).text(resource.physical_id).text(resource.type).text(resource.status);
  row.text(resource.reason).signed_number(resource.changed).text(resource.properties.to_json());
  row.text(resource.attributes.to_json()).text(resource.deletion_policy).text(resource.generated_name);
  row.texts(resource.depends_on);
  return std::move(row).bytes();
}

StackResource decode_resource(std::string_view bytes) {
  RowReader row(bytes);
  StackResource resource;
  resource.logical_id = row.text();
  resource.physical_id = row.text();
  resource.type = row.text();
  resource.status = row.text();
  resource.reason = row.text();
  resource.changed = row.signed_number();
  resource.properties = read_value(row, Value::object());
  resource.attributes = read_value(row, Value::object());
  resource.deletion_policy = row.text();
  resource.generated_name = row.text();
  resource.depends_on = row.texts();
  return resource;
}

std::string encode(const Leftover& leftover) {
  RowWriter row;
  row.text(leftover.logical_id).text(leftover.physical_id).text(leftover.type).text(leftover.properties.to_json());
  row.text(leftover.attributes.to_json()).text(leftover.generated_name).boolean(leftover.retained);
  return std::move(row).bytes();
}

Leftover decode_leftover(std::string_view bytes) {
  RowReader row(bytes);
  Leftover leftover;
  leftover.logical_id = row.text();
  leftover.physical_id = row.text();
  leftover.type = row.text();
  leftover.properties = read_value(row, Value::object());
  leftover.attributes = read_value(row, Value::object());
  leftover.generated_name = row.text();
  leftover.retained = row.boolean();
  return leftover;
}

std::string encode(const StackEvent& event) {
  RowWriter row;
  row.text(event.id).text(event.logical_id).text(event.physical_id).text(event.type).text(event.status);
  row.text(event.reason).text(event.properties).signed_number(event.time);
  return std::move(row).bytes();
}

StackEvent decode_event(std::string_view bytes) {
  RowReader row(bytes);
  StackEvent event;
  event.id = row.text();
  event.logical_id = row.text();
  event.physical_id = row.text();
  event.type = row.text();
  event.status = row.text();
  event.reason = row.text();
  event.properties = row.text();
  event.time = row.signed_number();
  return event;
}

std::string encode(const ChangeSet& change_set) {
  RowWriter row;
  row.text(change_set.id).text(change_set.name).text(change_set.stack_name).text(change_set.stack_id);
  row.text(change_set.type).text(change_set.status).text(change_set.reason).text(change_set.execution_status);
  row.text(change_set.description).text(change_set.body).text_map(change_set.parameters).text_map(change_set.tags);
  row.texts(change_set.capabilities).text(change_set.on_failure).text(change_set.changes.to_json());
  row.signed_number(change_set.created);
  return std::move(row).bytes();
}

ChangeSet decode_change_set(std::string_view bytes) {
  RowReader row(bytes);
  ChangeSet change_set;
  change_set.id = row.text();
  change_set.name = row.text();
  change_set.stack_name = row.text();
  change_set.stack_id = row.text();
  change_set.type = row.text();
  change_set.status = row.text();
  change_set.reason = row.text();
  change_set.execution_status = row.text();
  change_set.description = row.text();
  change_set.body = row.text();
  change_set.parameters = row.text_map();
  change_set.tags = row.text_map();
  change_set.capabilities = row.texts();
  change_set.on_failure = row.text();
  change_set.changes = read_value(row, Value::list());
  change_set.created = row.signed_number();
  return change_set;
}

}  // namespace cumulet::cloudformation
