// Streamed responses through the AWS SDK for JavaScript v3.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudFormationClient, CreateStackCommand, waitUntilStackCreateComplete } from "@aws-sdk/client-cloudformation";
import { InvokeWithResponseStreamCommand, LambdaClient } from "@aws-sdk/client-lambda";

const lambda = new LambdaClient({});
const code = `exports.handler = awslambda.streamifyResponse(async (event, out) => {
  for (let i = 0; i < event.count; i++) out.write('piece ' + i + '\\n');
  if (event.fail) throw new RangeError('enough');
  out.end();
});`;

test("pieces arrive as events, errors in the last one", async () => {
  const stacks = new CloudFormationClient({});
  await stacks.send(new CreateStackCommand({
    StackName: "streaming",
    TemplateBody: JSON.stringify({
      Transform: "AWS::Serverless-2016-10-31",
      Resources: {
        Streaming: {
          Type: "AWS::Serverless::Function",
          Properties: { FunctionName: "streaming", Runtime: "nodejs20.x", Handler: "index.handler", Timeout: 20, InlineCode: code },
        },
      },
    }),
    Capabilities: ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
  }));
  await waitUntilStackCreateComplete({ client: stacks, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { StackName: "streaming" });
  const invoke = async (event) => {
    const reply = await lambda.send(new InvokeWithResponseStreamCommand({
      FunctionName: "streaming", Payload: JSON.stringify(event), LogType: "Tail",
    }));
    let text = "";
    let complete;
    for await (const message of reply.EventStream) {
      if (message.PayloadChunk) text += Buffer.from(message.PayloadChunk.Payload).toString();
      if (message.InvokeComplete) complete = message.InvokeComplete;
    }
    return { text, complete };
  };
  const good = await invoke({ count: 3 });
  assert.equal(good.text, "piece 0\npiece 1\npiece 2\n");
  assert.equal(good.complete.ErrorCode, undefined);
  assert.match(Buffer.from(good.complete.LogResult, "base64").toString(), /REPORT RequestId/);
  const bad = await invoke({ count: 1, fail: true });
  assert.equal(bad.text, "piece 0\n");
  assert.equal(bad.complete.ErrorCode, "Unhandled");
  assert.equal(JSON.parse(bad.complete.ErrorDetails).errorMessage, "enough");
});
