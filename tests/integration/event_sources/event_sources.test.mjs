// Destinations of asynchronous calls and the refusals of event source mappings, through the AWS SDK for JavaScript v3.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudFormationClient, CreateStackCommand, waitUntilStackCreateComplete } from "@aws-sdk/client-cloudformation";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  GetFunctionEventInvokeConfigCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from "@aws-sdk/client-lambda";

const lambda = new LambdaClient({});
const logs = new CloudWatchLogsClient({});

const code = "def handler(event, context):\n    import json\n    print('EVENT ' + json.dumps(event), flush=True)\n    return 'done'\n";
const make = (more) => ({
  Type: "AWS::Serverless::Function",
  Properties: { Runtime: "python3.11", Handler: "index.handler", Timeout: 10, InlineCode: code, ...more },
});
const template = {
  Transform: "AWS::Serverless-2016-10-31",
  Resources: {
    Second: make({ FunctionName: "second" }),
    First: make({
      FunctionName: "first",
      EventInvokeConfig: {
        DestinationConfig: { OnSuccess: { Type: "Lambda", Destination: { "Fn::GetAtt": ["Second", "Arn"] } } },
      },
    }),
  },
};

test("the record of a call reaches the function that it is destined for", async () => {
  const stacks = new CloudFormationClient({});
  await stacks.send(new CreateStackCommand({
    StackName: "destinations", TemplateBody: JSON.stringify(template), Capabilities: ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
  }));
  await waitUntilStackCreateComplete({ client: stacks, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { StackName: "destinations" });
  const config = await lambda.send(new GetFunctionEventInvokeConfigCommand({ FunctionName: "first" }));
  assert.ok(config.DestinationConfig.OnSuccess.Destination.endsWith(":function:second"));
  await lambda.send(new InvokeCommand({ FunctionName: "first", InvocationType: "Event", Payload: '{"n":1}' }));
  let record;
  for (let i = 0; i < 600 && !record; ++i) {
    const found = await logs
      .send(new FilterLogEventsCommand({ logGroupName: "/aws/lambda/second", filterPattern: "EVENT" }))
      .catch(() => ({ events: [] }));
    if (found.events.length > 0) record = JSON.parse(found.events[0].message.slice(6));
    else await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(record.requestContext.condition, "Success");
  assert.deepEqual(record.requestPayload, { n: 1 });
  assert.equal(record.responsePayload, "done");
});

test("what is refused", async () => {
  await assert.rejects(lambda.send(new GetEventSourceMappingCommand({ UUID: "00000000-0000-0000-0000-000000000000" })), {
    name: "ResourceNotFoundException", message: "The resource you requested does not exist.",
  });
  await assert.rejects(
    lambda.send(new CreateEventSourceMappingCommand({
      FunctionName: "nobody", EventSourceArn: "arn:aws:sqs:eu-central-1:000000000000:queue",
    })),
    { name: "InvalidParameterValueException", message: "Function does not exist" },
  );
  const listed = await lambda.send(new ListEventSourceMappingsCommand({}));
  assert.deepEqual(listed.EventSourceMappings, []);
});
