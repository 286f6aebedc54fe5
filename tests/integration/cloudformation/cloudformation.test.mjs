// CloudFormation through the AWS SDK for JavaScript v3.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  paginateDescribeStackEvents,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";

const client = new CloudFormationClient({});
const waiting = { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };

const template = (word) => `
Parameters:
  Word: { Type: String, Default: ${word} }
Resources:
  Bucket: { Type: AWS::S3::Bucket }
Outputs:
  Bucket: { Value: !Ref Bucket }
  Word: { Value: !Sub "say \${Word}" }
`;

test("a stack is created, updated and deleted", async () => {
  const StackName = `js-${randomUUID()}`;
  const { StackId } = await client.send(new CreateStackCommand({ StackName, TemplateBody: template("one") }));
  await waitUntilStackCreateComplete(waiting, { StackName });
  const outputs = async () => {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName }));
    return Object.fromEntries(Stacks[0].Outputs.map((each) => [each.OutputKey, each.OutputValue]));
  };
  const before = await outputs();
  assert.equal(before.Word, "say one");
  await client.send(new UpdateStackCommand({ StackName, TemplateBody: template("two") }));
  await waitUntilStackUpdateComplete(waiting, { StackName });
  assert.deepEqual(await outputs(), { Bucket: before.Bucket, Word: "say two" });
  await client.send(new DeleteStackCommand({ StackName }));
  await waitUntilStackDeleteComplete(waiting, { StackName: StackId });
  const statuses = [];
  for await (const page of paginateDescribeStackEvents({ client }, { StackName: StackId })) {
    statuses.push(...page.StackEvents.map((each) => each.ResourceStatus));
  }
  assert.equal(statuses[0], "DELETE_COMPLETE");
  assert.equal(statuses.at(-1), "CREATE_IN_PROGRESS");
});

test("errors have their names", async () => {
  await assert.rejects(client.send(new DescribeStacksCommand({ StackName: "none" })), (error) => {
    assert.equal(error.name, "ValidationError");
    assert.equal(error.message, "Stack with id none does not exist");
    return true;
  });
});
