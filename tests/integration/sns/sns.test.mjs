// SNS through the JavaScript SDK v3; signatures as AWS's own sns-validator checks them, unmodified.

import assert from "node:assert";
import http from "node:http";
import https from "node:https";
import { test } from "node:test";
import tls from "node:tls";
import MessageValidator from "sns-validator";
import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  DeleteTopicCommand,
  GetTopicAttributesCommand,
  InvalidParameterException,
  NotFoundException,
  paginateListSubscriptionsByTopic,
  PublishBatchCommand,
  PublishCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";

const sns = new SNSClient({});
const sqs = new SQSClient({});

// Certificates are fetched from sns.REGION.amazonaws.com: that name leads to the server, as it does inside a function.
const { hostname, port } = new URL(process.env.AWS_ENDPOINT_URL);
https.globalAgent.createConnection = (options) =>
  tls.connect({ ...options, host: hostname, port, servername: options.servername ?? options.host });

const validate = (message) =>
  new Promise((resolve, reject) =>
    new MessageValidator().validate({ ...message }, (error, valid) => (error ? reject(error) : resolve(valid))),
  );

async function newTopic(name, Attributes) {
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: name, Attributes }));
  return TopicArn;
}

async function queueFor(TopicArn, name, Attributes) {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const got = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:SendMessage", Resource: "*" },
    ],
  });
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
  const { SubscriptionArn } = await sns.send(
    new SubscribeCommand({
      TopicArn,
      Protocol: "sqs",
      Endpoint: got.Attributes.QueueArn,
      Attributes,
      ReturnSubscriptionArn: true,
    }),
  );
  return { QueueUrl, SubscriptionArn };
}

async function received(QueueUrl, count) {
  const bodies = [];
  for (let tries = 0; bodies.length < count && tries < 10; ++tries) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] }),
    );
    for (const message of Messages) {
      bodies.push(message);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
    }
  }
  return bodies;
}

test("messages reach queues, filtered and raw", async () => {
  const TopicArn = await newTopic("js-fan-out");
  const all = await queueFor(TopicArn, "js-all");
  const some = await queueFor(TopicArn, "js-some", {
    RawMessageDelivery: "true",
    FilterPolicy: JSON.stringify({ kind: ["order"], price: [{ numeric: [">", 10] }] }),
  });
  const attributes = (kind, price) => ({
    kind: { DataType: "String", StringValue: kind },
    price: { DataType: "Number", StringValue: `${price}` },
  });
  const batch = await sns.send(
    new PublishBatchCommand({
      TopicArn,
      PublishBatchRequestEntries: [
        { Id: "a", Message: "cheap", MessageAttributes: attributes("order", 5) },
        { Id: "b", Message: "dear", MessageAttributes: attributes("order", 50) },
        { Id: "c", Message: "other", MessageAttributes: attributes("offer", 50) },
      ],
    }),
  );
  assert.equal(batch.Successful.length, 3);
  const [raw] = await received(some.QueueUrl, 1);
  assert.equal(raw.Body, "dear");
  assert.equal(raw.MessageAttributes.price.StringValue, "50");
  const envelopes = (await received(all.QueueUrl, 3)).map(({ Body }) => JSON.parse(Body));
  assert.deepEqual(envelopes.map(({ Message }) => Message).sort(), ["cheap", "dear", "other"]);
  for (const envelope of envelopes) await validate(envelope);

  await sns.send(
    new SetSubscriptionAttributesCommand({
      SubscriptionArn: some.SubscriptionArn,
      AttributeName: "FilterPolicy",
      AttributeValue: "{}",
    }),
  );
  await sns.send(new PublishCommand({ TopicArn, Message: "no attributes" }));
  assert.equal((await received(some.QueueUrl, 1))[0].Body, "no attributes");

  const listed = [];
  for await (const page of paginateListSubscriptionsByTopic({ client: sns }, { TopicArn }))
    listed.push(...page.Subscriptions.map(({ SubscriptionArn }) => SubscriptionArn));
  assert.deepEqual(listed.sort(), [all.SubscriptionArn, some.SubscriptionArn].sort());
  await sns.send(new UnsubscribeCommand({ SubscriptionArn: all.SubscriptionArn }));
});

test("an endpoint confirms, and the official validator accepts what it is sent", async () => {
  const TopicArn = await newTopic("js-signed");
  const arrived = [];
  let wake = () => {};
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      arrived.push(JSON.parse(body));
      response.end();
      wake();
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const next = async () => {
    while (arrived.length === 0) await new Promise((resolve) => (wake = resolve));
    return arrived.shift();
  };
  try {
    const Endpoint = `http://127.0.0.1:${server.address().port}/`;
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint }));
    const asked = await validate(await next());
    assert.equal(asked.Type, "SubscriptionConfirmation");
    await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: asked.Token }));
    for (const version of ["1", "2"]) {
      await sns.send(
        new SetTopicAttributesCommand({ TopicArn, AttributeName: "SignatureVersion", AttributeValue: version }),
      );
      await sns.send(new PublishCommand({ TopicArn, Subject: "제목", Message: `grüße ${version}\nand more` }));
      const message = await next();
      assert.equal(message.SignatureVersion, version);
      const valid = await validate(message);
      assert.equal(valid.Message, `grüße ${version}\nand more`);
      await assert.rejects(validate({ ...message, Message: "forged" }), /signature is invalid/);
      await assert.rejects(validate({ ...message, Subject: "forged" }), /signature is invalid/);
    }
  } finally {
    server.close();
  }
});

test("errors have the SDK's types", async () => {
  const TopicArn = await newTopic("js-errors");
  await assert.rejects(
    sns.send(new PublishCommand({ TopicArn, Message: "x", MessageStructure: "json" })),
    InvalidParameterException,
  );
  await sns.send(new DeleteTopicCommand({ TopicArn }));
  await assert.rejects(sns.send(new GetTopicAttributesCommand({ TopicArn })), NotFoundException);
});
