import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { after, test } from "node:test";
import {
  CreateApiDestinationCommand,
  CreateConnectionCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  TestEventPatternCommand,
} from "@aws-sdk/client-eventbridge";

const events = new EventBridgeClient({});
const requests = [];
let arrived = () => {};
const server = createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    requests.push({ path: request.url, body });
    response.end();
    arrived();
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => server.close());

test("an event reaches an API destination through a rule", { timeout: 60_000 }, async () => {
  const name = `js-${randomUUID()}`;
  const connection = await events.send(
    new CreateConnectionCommand({
      Name: name,
      AuthorizationType: "BASIC",
      AuthParameters: { BasicAuthParameters: { Username: "u", Password: "p" } },
    }),
  );
  const destination = await events.send(
    new CreateApiDestinationCommand({
      Name: name,
      ConnectionArn: connection.ConnectionArn,
      InvocationEndpoint: `http://127.0.0.1:${server.address().port}/${name}`,
      HttpMethod: "POST",
    }),
  );
  await events.send(new PutRuleCommand({ Name: name, EventPattern: JSON.stringify({ source: [name] }) }));
  const put = await events.send(
    new PutTargetsCommand({ Rule: name, Targets: [{ Id: "1", Arn: destination.ApiDestinationArn }] }),
  );
  assert.equal(put.FailedEntryCount, 0);
  const here = new Promise((resolve) => (arrived = resolve));
  const sent = await events.send(
    new PutEventsCommand({ Entries: [{ Source: name, DetailType: "Test", Detail: JSON.stringify({ n: 1 }) }] }),
  );
  await here;
  const event = JSON.parse(requests.find((request) => request.path === `/${name}`).body);
  assert.equal(event.id, sent.Entries[0].EventId);
  assert.deepEqual(event.detail, { n: 1 });
});

test("patterns that are none are refused", async () => {
  await assert.rejects(
    events.send(new TestEventPatternCommand({ EventPattern: "{}", Event: "{}" })),
    (error) => error.name === "InvalidEventPatternException" && error.message.includes("Empty objects"),
  );
});
