// The AWS SDK for JavaScript v3. It verifies the MD5 of bodies itself. Endpoint and credentials come from the environment.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  paginateListQueues,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";

const client = new SQSClient({});
const prefix = `js-${randomUUID()}`;
let QueueUrl;

before(async () => {
  ({ QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: prefix })));
});

after(() => client.send(new DeleteQueueCommand({ QueueUrl })));

test("messages go in, come out and are deleted", async () => {
  const MessageAttributes = { bytes: { DataType: "Binary", BinaryValue: new Uint8Array([0, 1, 255]) } };
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "grüße", MessageAttributes }));
  const Entries = [1, 2, 3].map((n) => ({ Id: `n${n}`, MessageBody: `body ${n}` }));
  const sent = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  assert.equal(sent.Successful.length, 3);
  const bodies = [];
  while (bodies.length < 4) {
    const { Messages } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 5,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: ["All"],
      }),
    );
    for (const message of Messages) {
      bodies.push(message.Body);
      assert.equal(message.Attributes.ApproximateReceiveCount, "1");
      if (message.Body === "grüße") assert.deepEqual([...message.MessageAttributes.bytes.BinaryValue], [0, 1, 255]);
    }
    const handles = Messages.map((message, i) => ({ Id: `${i}`, ReceiptHandle: message.ReceiptHandle }));
    await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: handles }));
  }
  assert.deepEqual(bodies.sort(), ["body 1", "body 2", "body 3", "grüße"]);
  const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  assert.equal(Attributes.ApproximateNumberOfMessages, "0");
  assert.equal(Attributes.ApproximateNumberOfMessagesNotVisible, "0");
});

test("lists are paged", async () => {
  const urls = [];
  for (const n of ["a", "b", "c"]) {
    urls.push((await client.send(new CreateQueueCommand({ QueueName: `${prefix}-${n}` }))).QueueUrl);
  }
  const listed = [];
  for await (const page of paginateListQueues({ client, pageSize: 2 }, { QueueNamePrefix: `${prefix}-` })) {
    listed.push(...(page.QueueUrls ?? []));
  }
  assert.deepEqual(listed.sort(), urls.sort());
  for (const url of urls) await client.send(new DeleteQueueCommand({ QueueUrl: url }));
});

test("errors are the SDK's own classes", async () => {
  await assert.rejects(
    client.send(new SendMessageCommand({ QueueUrl: `${QueueUrl}-gone`, MessageBody: "x" })),
    QueueDoesNotExist,
  );
});
