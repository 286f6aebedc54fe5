// The AWS SDK for JavaScript v3: client, Upload and presigner. The endpoint and credentials come from the environment.
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, test } from "node:test";
import { Readable } from "node:stream";

import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const client = new S3Client({ forcePathStyle: true });
const Bucket = `js-${randomUUID()}`;

before(async () => {
  const LocationConstraint = process.env.AWS_REGION;
  await client.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint } }));
});

async function content(Key) {
  const reply = await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
  return Buffer.from(await reply.Body.transformToByteArray());
}

test("objects come back as they went", async () => {
  for (const size of [0, 1, 65536, 65537, 1_000_000]) {
    const Body = randomBytes(size);
    const put = await client.send(new PutObjectCommand({ Bucket, Key: "a b/ü+%", Body, Metadata: { color: "red" } }));
    assert.ok(put.ChecksumCRC32);
    assert.deepEqual(await content("a b/ü+%"), Body);
  }
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: "a b/ü+%" }));
  assert.deepEqual(head.Metadata, { color: "red" });
});

test("a stream is sent in signed chunks with a checksum behind it", async () => {
  const bytes = randomBytes(300_000);
  const Body = Readable.from([bytes.subarray(0, 100_000), bytes.subarray(100_000)]);
  await client.send(new PutObjectCommand({ Bucket, Key: "stream", Body, ContentLength: bytes.length }));
  assert.deepEqual(await content("stream"), bytes);
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: "stream" }));
  assert.ok(!(head.ContentEncoding ?? "").includes("aws-chunked"));
});

test("Upload sends parts", async () => {
  const Body = randomBytes(12 * 1024 * 1024 + 5);
  const done = await new Upload({ client, params: { Bucket, Key: "parts", Body }, partSize: 5 * 1024 * 1024 }).done();
  assert.match(done.ETag, /-3"$/);
  assert.deepEqual(await content("parts"), Body);
});

test("presigned URLs need no client", async () => {
  const put = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: "signed" }), { expiresIn: 60 });
  assert.equal((await fetch(put, { method: "PUT", body: "by URL" })).status, 200);
  const get = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: "signed" }), { expiresIn: 60 });
  assert.equal(await (await fetch(get)).text(), "by URL");
  assert.equal((await fetch(get.replace("signed", "other"))).status, 403);
});

test("errors have their classes", async () => {
  await assert.rejects(client.send(new GetObjectCommand({ Bucket, Key: "absent" })), NoSuchKey);
});

test("listings fold", async () => {
  const page = await client.send(new ListObjectsV2Command({ Bucket, Delimiter: "/" }));
  assert.deepEqual(page.CommonPrefixes, [{ Prefix: "a b/" }]);
});
