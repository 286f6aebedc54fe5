// Kinesis through the JavaScript SDK v3, whose client speaks nothing but HTTP/2 to it.

import assert from "node:assert";
import { test } from "node:test";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
  SubscribeToShardCommand,
} from "@aws-sdk/client-kinesis";

const kinesis = new KinesisClient({ maxAttempts: 1 });

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

test("a subscription gives records as they come, over HTTP/2", async () => {
  const StreamName = "js-subscribed";
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const { StreamDescriptionSummary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
  const { StreamARN } = StreamDescriptionSummary;
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "js" }));
  const subscription = new AbortController();
  const { EventStream } = await kinesis.send(
    new SubscribeToShardCommand({
      ConsumerARN: Consumer.ConsumerARN,
      ShardId: "shardId-000000000000",
      StartingPosition: { Type: "TRIM_HORIZON" },
    }),
    { abortSignal: subscription.signal },
  );
  const put = (text) =>
    kinesis.send(new PutRecordsCommand({ StreamName, Records: [{ Data: Buffer.from(text), PartitionKey: "p" }] }));
  const seen = [];
  await put("0");
  for await (const { SubscribeToShardEvent } of EventStream) {
    for (const { Data } of SubscribeToShardEvent?.Records ?? []) {
      seen.push(Buffer.from(Data).toString());
      // Each record is put when the one before has come, on the same connection.
      if (seen.length < 5) await put(`${seen.length}`);
    }
    if (seen.length === 5) break;
  }
  assert.deepEqual(seen, ["0", "1", "2", "3", "4"]);
  subscription.abort();
  kinesis.destroy();
});
