// The AWS SDK for JavaScript v3: client and DocumentClient. The endpoint and credentials come from the environment.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  ResourceNotFoundException,
  TransactionCanceledException,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  ExecuteStatementCommand,
  ExecuteTransactionCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  paginateScan,
} from "@aws-sdk/lib-dynamodb";

const client = new DynamoDBClient({});
const documents = DynamoDBDocumentClient.from(client);
const TableName = `js-${randomUUID()}`;

before(async () => {
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1 }, { TableName });
});

after(async () => {
  await client.send(new DeleteTableCommand({ TableName }));
  client.destroy();
});

test("documents come back as they went", async () => {
  const Item = {
    pk: "types",
    sk: 1.5,
    text: "텍스트",
    yes: true,
    nothing: null,
    list: [1, "two", { three: [3] }],
    set: new Set(["a", "b"]),
    bytes: new Uint8Array([0, 255]),
  };
  await documents.send(new PutCommand({ TableName, Item }));
  const found = await documents.send(new GetCommand({ TableName, Key: { pk: "types", sk: 1.5 } }));
  assert.deepEqual(found.Item, Item);
  await documents.send(new DeleteCommand({ TableName, Key: { pk: "types", sk: 1.5 } }));
  assert.equal((await documents.send(new GetCommand({ TableName, Key: { pk: "types", sk: 1.5 } }))).Item, undefined);
});

test("updates are conditional and return what they changed", async () => {
  const Key = { pk: "update", sk: 0 };
  const update = (expected) =>
    documents.send(
      new UpdateCommand({
        TableName,
        Key,
        UpdateExpression: "SET #count = if_not_exists(#count, :zero) + :one, history = list_append(if_not_exists(history, :none), :entry)",
        ConditionExpression: expected === undefined ? "attribute_not_exists(#count)" : "#count = :expected",
        ExpressionAttributeNames: { "#count": "count" },
        ExpressionAttributeValues: {
          ":zero": 0,
          ":one": 1,
          ":none": [],
          ":entry": ["x"],
          ...(expected === undefined ? {} : { ":expected": expected }),
        },
        ReturnValues: "ALL_NEW",
      }),
    );
  assert.equal((await update()).Attributes.count, 1);
  assert.deepEqual((await update(1)).Attributes, { ...Key, count: 2, history: ["x", "x"] });
  await assert.rejects(update(1), ConditionalCheckFailedException);
});

test("queries and scans go through pages", async () => {
  for (let begin = 0; begin < 50; begin += 25) {
    await documents.send(
      new BatchWriteCommand({
        RequestItems: {
          [TableName]: Array.from({ length: 25 }, (_, n) => ({ PutRequest: { Item: { pk: "page", sk: begin + n } } })),
        },
      }),
    );
  }
  const page = await documents.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :to",
      ExpressionAttributeValues: { ":pk": "page", ":from": 9, ":to": 11 },
      ScanIndexForward: false,
    }),
  );
  assert.deepEqual(
    page.Items.map((item) => item.sk),
    [11, 10, 9],
  );
  let count = 0;
  const pages = paginateScan(
    { client: documents, pageSize: 7 },
    { TableName, FilterExpression: "pk = :pk", ExpressionAttributeValues: { ":pk": "page" } },
  );
  for await (const { Items } of pages) count += Items.length;
  assert.equal(count, 50);
  const batch = await documents.send(
    new BatchGetCommand({ RequestItems: { [TableName]: { Keys: [{ pk: "page", sk: 1 }, { pk: "page", sk: 999 }] } } }),
  );
  assert.deepEqual(batch.Responses[TableName], [{ pk: "page", sk: 1 }]);
});

test("transactions say why they were cancelled", async () => {
  const put = (sk, more = {}) => ({ Put: { TableName, Item: { pk: "transaction", sk }, ...more } });
  await documents.send(new TransactWriteCommand({ TransactItems: [put(1), put(2)] }));
  const again = documents.send(
    new TransactWriteCommand({ TransactItems: [put(3), put(1, { ConditionExpression: "attribute_not_exists(pk)" })] }),
  );
  await assert.rejects(again, (error) => {
    assert.ok(error instanceof TransactionCanceledException);
    assert.deepEqual(
      error.CancellationReasons.map((reason) => reason.Code),
      ["None", "ConditionalCheckFailed"],
    );
    return true;
  });
});

test("PartiQL takes and gives plain values", async () => {
  const insert = `INSERT INTO "${TableName}" VALUE {'pk': ?, 'sk': ?, 'tags': ?}`;
  await documents.send(
    new ExecuteStatementCommand({ Statement: insert, Parameters: ["ql", 1, new Set(["a"])] }),
  );
  await assert.rejects(
    documents.send(new ExecuteStatementCommand({ Statement: insert, Parameters: ["ql", 1, 2] })),
    { name: "DuplicateItemException" },
  );
  await documents.send(
    new ExecuteTransactionCommand({
      TransactStatements: [
        { Statement: insert, Parameters: ["ql", 2, new Set(["b"])] },
        {
          Statement: `UPDATE "${TableName}" SET tags = set_add(tags, <<'c'>>) WHERE pk = ? AND sk = 1`,
          Parameters: ["ql"],
        },
      ],
    }),
  );
  const { Items } = await documents.send(
    new ExecuteStatementCommand({
      Statement: `SELECT sk, tags FROM "${TableName}" WHERE pk = ? ORDER BY sk DESC`,
      Parameters: ["ql"],
    }),
  );
  assert.deepEqual(Items, [
    { sk: 2, tags: new Set(["b"]) },
    { sk: 1, tags: new Set(["a", "c"]) },
  ]);
});

test("an unknown table is an error of its own class", async () => {
  await assert.rejects(
    documents.send(new GetCommand({ TableName: "no-such-table", Key: { pk: "x", sk: 1 } })),
    ResourceNotFoundException,
  );
});
