#pragma once

#include "base/result.h"
#include "services/cloudformation/value.h"

namespace cumulet::cloudformation {

/// The transform AWS::Serverless-2016-10-31: serverless resources become plain ones.
///
///   Function      AWS::Lambda::Function, its role, and what its events, URL, alias and async settings need
///   HttpApi       AWS::ApiGatewayV2::Api and Stage; routes and integrations come from the functions' events
///   SimpleTable   AWS::DynamoDB::Table
///   LayerVersion  AWS::Lambda::LayerVersion
///
/// Globals are applied first. A function event without ApiId goes to the implicit API "ServerlessHttpApi". Fails with
/// ValidationError on what this server does not do, naming it.
/// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
Result<Value> transform_sam(const Value& document);

/// Whether the document asks for the transform.
bool wants_sam(const Value& document);

}  // namespace cumulet::cloudformation
