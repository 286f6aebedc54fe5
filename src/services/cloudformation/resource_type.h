#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/task.h"
#include "services/cloudformation/value.h"
#include "wire/call.h"
#include "wire/directory.h"

namespace cumulet::cloudformation {

/// For whom and in whose name a resource is made.
struct ResourceContext {
  ResourceContext(const wire::Directory& d, wire::Call& c) : directory(d), call(c) {}
  const wire::Directory& directory;
  wire::Call& call;
  std::string stack_id;
  std::string stack_name;
  std::string logical_id;
  std::string generated_name;  ///< Stack-LogicalId-SUFFIX: for resources that were given no name.
};

/// A resource that exists: what Ref gives, and what Fn::GetAtt gives.
struct Made {
  Made() = default;
  explicit Made(std::string id) : physical_id(std::move(id)) {}
  std::string physical_id;
  Value attributes = Value::object();
};

/// How one type of resource is made, changed and removed, through the public operations of its service.
class ResourceType {
 public:
  virtual ~ResourceType() = default;
  /// Properties whose change needs a new resource; the old one is removed after the update.
  virtual const std::set<std::string>& replaced_by() const = 0;
  virtual Task<Made> create(ResourceContext& context, const Value& properties) = 0;
  /// Called when only properties that can be changed in place have changed.
  virtual Task<Made> update(ResourceContext& context, std::string physical_id, const Value& before,
                            const Value& after) = 0;
  /// A resource that is gone already counts as removed.
  virtual Task<void> remove(ResourceContext& context, std::string physical_id, const Value& properties) = 0;
};

/// The types this server knows.
class ResourceTypes {
 public:
  ResourceTypes();
  /// Null for an unknown type.
  ResourceType* find(const std::string& name) const;
  void add(std::string name, std::unique_ptr<ResourceType> type) { types_[std::move(name)] = std::move(type); }

 private:
  std::map<std::string, std::unique_ptr<ResourceType>> types_;
};

// One file for each service.
void add_s3_types(ResourceTypes& types);
void add_sqs_types(ResourceTypes& types);
void add_cloudwatch_types(ResourceTypes& types);
void add_dynamodb_types(ResourceTypes& types);
void add_lambda_types(ResourceTypes& types);
void add_apigateway_types(ResourceTypes& types);
void add_iam_types(ResourceTypes& types);
void add_kinesis_types(ResourceTypes& types);
void add_firehose_types(ResourceTypes& types);
void add_logs_types(ResourceTypes& types);
void add_sns_types(ResourceTypes& types);
void add_events_types(ResourceTypes& types);
void add_scheduler_types(ResourceTypes& types);

/// Ignores the error that says a resource is gone (its code contains "NotFound", or starts with "NoSuch").
Task<void> gone_is_fine(Task<void> removal);

}  // namespace cumulet::cloudformation
