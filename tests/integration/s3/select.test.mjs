// SelectObjectContent through the AWS SDK for JavaScript v3: its own decoder of event streams.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";

import { CreateBucketCommand, PutObjectCommand, S3Client, SelectObjectContentCommand } from "@aws-sdk/client-s3";

const client = new S3Client({ forcePathStyle: true });
const Bucket = `js-select-${randomUUID()}`;

before(async () => {
  const LocationConstraint = process.env.AWS_REGION;
  await client.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint } }));
});

async function select(Body, Expression, InputSerialization, OutputSerialization) {
  await client.send(new PutObjectCommand({ Bucket, Key: "data", Body }));
  const ask = { Bucket, Key: "data", Expression, ExpressionType: "SQL", InputSerialization, OutputSerialization };
  const reply = await client.send(new SelectObjectContentCommand(ask));
  const found = { text: "", kinds: new Set() };
  for await (const event of reply.Payload) {
    for (const kind of Object.keys(event)) found.kinds.add(kind);
    if (event.Records) found.text += Buffer.from(event.Records.Payload).toString();
    if (event.Stats) found.stats = event.Stats.Details;
  }
  return found;
}

test("rows come as records, then the statistics and the end", async () => {
  const csv = { CSV: { FileHeaderInfo: "USE" } };
  const found = await select("a,b\n1,x\n2,y\n", "SELECT s.b FROM S3Object s WHERE s.a > 1", csv, { CSV: {} });
  assert.equal(found.text, "y\n");
  assert.deepEqual([...found.kinds], ["Records", "Stats", "End"]);
  assert.equal(found.stats.BytesScanned, 12);
});

test("many megabytes of JSON lines", async () => {
  let lines = "";
  for (let i = 0; i < 60_000; ++i) lines += `{"id":${i},"tags":["a","b"],"name":"someone with a name"}\n`;
  const json = { JSON: { Type: "LINES" } };
  const all = await select(lines, "SELECT * FROM S3Object", json, { JSON: {} });
  assert.equal(all.text, lines);
  const one = await select(lines, "SELECT s.tags[1] AS tag FROM S3Object s WHERE s.id = 59999", json, { JSON: {} });
  assert.equal(one.text, '{"tag":"b"}\n');
});

test("errors have their code", async () => {
  const failing = select("x\n", "SELECT FROM S3Object", { CSV: {} }, { CSV: {} });
  await assert.rejects(failing, { name: "ParseEmptySelect" });
});
