// Kinesis and Firehose through the JavaScript SDK v3.

import assert from "node:assert";
import { test } from "node:test";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";

// This client speaks HTTP/2 unless it is told not to.
const kinesis = new KinesisClient({ requestHandler: new NodeHttpHandler(), maxAttempts: 1 });

test("records come back in order, before and after a split", async () => {
  await kinesis.send(new CreateStreamCommand({ StreamName: "js", ShardCount: 1 }));
  const put = async (from) => {
    const Records = Array.from({ length: 20 }, (_, i) => ({ Data: Buffer.from(`${from + i}`), PartitionKey: "p" }));
    const done = await kinesis.send(new PutRecordsCommand({ StreamName: "js", Records }));
    assert.equal(done.FailedRecordCount, 0);
  };
  await put(0);
  await kinesis.send(
    new SplitShardCommand({
      StreamName: "js",
      ShardToSplit: "shardId-000000000000",
      NewStartingHashKey: (2n ** 127n).toString(),
    }),
  );
  await put(20);
  const seen = [];
  const { Shards } = await kinesis.send(new ListShardsCommand({ StreamName: "js" }));
  for (const { ShardId } of Shards) {
    const { ShardIterator } = await kinesis.send(
      new GetShardIteratorCommand({ StreamName: "js", ShardId, ShardIteratorType: "TRIM_HORIZON" }),
    );
    const page = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    seen.push(...page.Records.map(({ Data }) => Number(Buffer.from(Data))));
    assert.ok(page.Records.every(({ ApproximateArrivalTimestamp }) => Date.now() - ApproximateArrivalTimestamp < 60_000));
  }
  assert.deepEqual(seen, Array.from({ length: 40 }, (_, i) => i));
});
