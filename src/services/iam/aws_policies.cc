// The AWS managed policies that templates and tutorials attach most. Their documents are reduced to what they allow.

#include <algorithm>
#include <array>
#include <utility>

#include "base/digest.h"
#include "base/text.h"
#include "services/iam/model.h"

namespace cumulet::iam {
namespace {

constexpr std::string_view kLogs = "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents";
constexpr std::string_view kVpc =
    "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents ec2:CreateNetworkInterface "
    "ec2:DescribeNetworkInterfaces ec2:DescribeSubnets ec2:DeleteNetworkInterface ec2:AssignPrivateIpAddresses "
    "ec2:UnassignPrivateIpAddresses";
constexpr std::string_view kRole = "/service-role/";

constexpr std::array kPolicies{
    AwsPolicy{"/", "AWSCloudFormationFullAccess", "cloudformation:*"},
    AwsPolicy{"/", "AWSCloudFormationReadOnlyAccess",
              "cloudformation:Describe* cloudformation:Get* cloudformation:List* cloudformation:EstimateTemplateCost "
              "cloudformation:ValidateTemplate cloudformation:Detect*"},
    AwsPolicy{"/", "AWSLambdaExecute", "logs:* s3:GetObject s3:PutObject"},
    AwsPolicy{"/", "AWSLambdaInvocation-DynamoDB",
              "lambda:InvokeFunction dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator "
              "dynamodb:ListStreams"},
    AwsPolicy{"/", "AWSLambda_FullAccess",
              "cloudformation:DescribeStacks cloudformation:ListStackResources cloudwatch:GetMetricData "
              "cloudwatch:ListMetrics iam:GetRole iam:GetRolePolicy iam:ListAttachedRolePolicies iam:ListRolePolicies "
              "iam:ListRoles iam:PassRole kms:ListAliases lambda:* logs:DescribeLogGroups logs:DescribeLogStreams "
              "logs:FilterLogEvents logs:GetLogEvents states:DescribeStateMachine states:ListStateMachines "
              "tag:GetResources xray:GetTraceSummaries xray:BatchGetTraces"},
    AwsPolicy{"/", "AWSLambda_ReadOnlyAccess",
              "lambda:Get* lambda:List* logs:DescribeLogGroups logs:DescribeLogStreams logs:FilterLogEvents "
              "logs:GetLogEvents"},
    AwsPolicy{"/", "AWSStepFunctionsFullAccess", "states:*"},
    AwsPolicy{"/", "AWSXRayDaemonWriteAccess",
              "xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets "
              "xray:GetSamplingStatisticSummaries"},
    AwsPolicy{"/", "AWSXrayFullAccess", "xray:*"},
    AwsPolicy{"/", "AWSXrayWriteOnlyAccess",
              "xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets "
              "xray:GetSamplingStatisticSummaries"},
    AwsPolicy{"/", "AdministratorAccess", "*"},
    AwsPolicy{"/", "AmazonAPIGatewayAdministrator", "apigateway:*"},
    AwsPolicy{"/", "AmazonAPIGatewayInvokeFullAccess", "execute-api:Invoke execute-api:ManageConnections"},
    AwsPolicy{"/", "AmazonCognitoPowerUser", "cognito-identity:* cognito-idp:* cognito-sync:*"},
    AwsPolicy{"/", "AmazonDynamoDBFullAccess", "dynamodb:* dax:*"},
    AwsPolicy{"/", "AmazonDynamoDBFullAccess_v2", "dynamodb:* dax:*"},
    AwsPolicy{"/", "AmazonDynamoDBReadOnlyAccess",
              "dynamodb:BatchGetItem dynamodb:Describe* dynamodb:GetItem dynamodb:List* dynamodb:PartiQLSelect "
              "dynamodb:Query dynamodb:Scan"},
    AwsPolicy{"/", "AmazonEC2ContainerRegistryReadOnly",
              "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:Describe* ecr:Get* ecr:List*"},
    AwsPolicy{"/", "AmazonEventBridgeFullAccess", "events:* schemas:* scheduler:* pipes:*"},
    AwsPolicy{"/", "AmazonKinesisFirehoseFullAccess", "firehose:*"},
    AwsPolicy{"/", "AmazonKinesisFullAccess", "kinesis:*"},
    AwsPolicy{"/", "AmazonKinesisReadOnlyAccess", "kinesis:Get* kinesis:List* kinesis:Describe*"},
    AwsPolicy{"/", "AmazonRDSDataFullAccess", "rds-data:* secretsmanager:GetSecretValue"},
    AwsPolicy{"/", "AmazonS3FullAccess", "s3:* s3-object-lambda:*"},
    AwsPolicy{"/", "AmazonS3ReadOnlyAccess",
              "s3:Get* s3:List* s3:Describe* s3-object-lambda:Get* s3-object-lambda:List*"},
    AwsPolicy{"/", "AmazonSESFullAccess", "ses:*"},
    AwsPolicy{"/", "AmazonSNSFullAccess", "sns:*"},
    AwsPolicy{"/", "AmazonSNSReadOnlyAccess", "sns:GetTopicAttributes sns:List* sns:Get*"},
    AwsPolicy{"/", "AmazonSQSFullAccess", "sqs:*"},
    AwsPolicy{"/", "AmazonSQSReadOnlyAccess", "sqs:GetQueueAttributes sqs:GetQueueUrl sqs:List*"},
    AwsPolicy{"/", "AmazonSSMFullAccess", "ssm:*"},
    AwsPolicy{"/", "AmazonSSMManagedInstanceCore", "ssm:* ssmmessages:* ec2messages:*"},
    AwsPolicy{"/", "AmazonSSMReadOnlyAccess", "ssm:Describe* ssm:Get* ssm:List*"},
    AwsPolicy{"/", "CloudWatchFullAccess", "cloudwatch:* logs:* sns:* autoscaling:Describe*"},
    AwsPolicy{"/", "CloudWatchFullAccessV2", "cloudwatch:* logs:* sns:* xray:*"},
    AwsPolicy{"/", "CloudWatchLambdaInsightsExecutionRolePolicy", kLogs},
    AwsPolicy{"/", "CloudWatchLogsFullAccess", "logs:* cloudwatch:GenerateQuery"},
    AwsPolicy{"/", "CloudWatchLogsReadOnlyAccess",
              "logs:Describe* logs:Get* logs:List* logs:StartQuery logs:StopQuery logs:TestMetricFilter "
              "logs:FilterLogEvents logs:StartLiveTail logs:StopLiveTail"},
    AwsPolicy{"/", "CloudWatchReadOnlyAccess", "cloudwatch:Describe* cloudwatch:Get* cloudwatch:List* logs:Get*"},
    AwsPolicy{"/", "IAMFullAccess", "iam:*"},
    AwsPolicy{"/", "IAMReadOnlyAccess", "iam:Get* iam:List* iam:Generate* iam:Simulate*"},
    AwsPolicy{"/", "SecretsManagerReadWrite", "secretsmanager:*"},
    AwsPolicy{kRole, "AWSAppSyncPushToCloudWatchLogs", kLogs},
    AwsPolicy{kRole, "AWSLambdaBasicDurableExecutionRolePolicy",
              "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents lambda:CheckpointDurableExecution "
              "lambda:GetDurableExecutionState"},
    AwsPolicy{kRole, "AWSLambdaBasicExecutionRole", kLogs},
    AwsPolicy{kRole, "AWSLambdaDynamoDBExecutionRole",
              "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams "
              "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents"},
    AwsPolicy{kRole, "AWSLambdaENIManagementAccess",
              "ec2:CreateNetworkInterface ec2:DescribeNetworkInterfaces ec2:DeleteNetworkInterface"},
    AwsPolicy{kRole, "AWSLambdaKinesisExecutionRole",
              "kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:GetRecords kinesis:GetShardIterator "
              "kinesis:ListShards kinesis:ListStreams kinesis:SubscribeToShard logs:CreateLogGroup "
              "logs:CreateLogStream logs:PutLogEvents"},
    AwsPolicy{kRole, "AWSLambdaMSKExecutionRole", kVpc},
    AwsPolicy{kRole, "AWSLambdaRole", "lambda:InvokeFunction"},
    AwsPolicy{kRole, "AWSLambdaSQSQueueExecutionRole",
              "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes logs:CreateLogGroup logs:CreateLogStream "
              "logs:PutLogEvents"},
    AwsPolicy{kRole, "AWSLambdaVPCAccessExecutionRole", kVpc},
    AwsPolicy{kRole, "AmazonAPIGatewayPushToCloudWatchLogs",
              "logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogGroups logs:DescribeLogStreams "
              "logs:PutLogEvents logs:GetLogEvents logs:FilterLogEvents"},
    AwsPolicy{kRole, "AmazonECSTaskExecutionRolePolicy",
              "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage "
              "logs:CreateLogStream logs:PutLogEvents"},
};

}  // namespace

std::string AwsPolicy::document() const {
  std::string list;
  for (const std::string_view action : split(actions, ' ')) {
    if (!list.empty()) list += ",";
    list += "\"" + std::string(action) + "\"";
  }
  return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[)" + list + R"(],"Resource":"*"}]})";
}

std::string AwsPolicy::id() const {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const std::string digest = sha256(arn());
  std::string id = "ANPA";
  for (std::size_t i = 0; i < 17; ++i) id += kAlphabet[static_cast<unsigned char>(digest[i]) % kAlphabet.size()];
  return id;
}

const AwsPolicy* find_aws_policy(std::string_view arn) {
  constexpr std::string_view kPrefix = "arn:aws:iam::aws:policy";
  if (!arn.starts_with(kPrefix)) return nullptr;
  const std::string_view rest = arn.substr(kPrefix.size());
  const auto found = std::find_if(kPolicies.begin(), kPolicies.end(), [rest](const AwsPolicy& policy) {
    return rest.starts_with(policy.path) && rest.substr(policy.path.size()) == policy.name;
  });
  return found == kPolicies.end() ? nullptr : &*found;
}

const AwsPolicy* aws_policy_at(std::size_t index) { return index < kPolicies.size() ? &kPolicies[index] : nullptr; }

}  // namespace cumulet::iam
