// The JavaScript SDK's signer: streamed uploads in aws-chunked, presigned URLs, sessions.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { before, test } from "node:test";

import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const endpoint = process.env.AWS_ENDPOINT_URL;
const s3 = new S3Client({ endpoint, forcePathStyle: true });
const Bucket = "signatures-of-javascript";

before(() => s3.send(new CreateBucketCommand({ Bucket })));

test("a streamed upload is decoded and its checksum verified", async () => {
  const content = Buffer.alloc(300_000, "0123456789");
  const pieces = [];
  for (let at = 0; at < content.length; at += 50_000) pieces.push(content.subarray(at, at + 50_000));
  await s3.send(
    new PutObjectCommand({
      Bucket,
      Key: "streamed",
      Body: Readable.from(pieces, { objectMode: false }),
      ContentLength: content.length,
      ChecksumAlgorithm: "SHA256",
    }),
  );
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "streamed", ChecksumMode: "ENABLED" }));
  assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), content);
  assert.equal(got.ContentEncoding, undefined);
  assert.equal(got.ChecksumSHA256, createHash("sha256").update(content).digest("base64"));
});

test("presigned URLs work for what they were made for", async () => {
  const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "a b/ü" }), { expiresIn: 60 });
  assert.equal((await fetch(put, { method: "PUT", body: "hello" })).status, 200);
  const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "a b/ü" }), { expiresIn: 60 });
  assert.equal(await (await fetch(get)).text(), "hello");
  assert.equal((await fetch(get.replace("%C3%BC", "u"))).status, 403);
});

test("an assumed role's credentials sign", async () => {
  const sts = new STSClient({ endpoint });
  const { Account } = await sts.send(new GetCallerIdentityCommand({}));
  const { Role } = await new IAMClient({ endpoint }).send(
    new CreateRoleCommand({
      RoleName: "javascript",
      AssumeRolePolicyDocument: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { AWS: Account }, Action: "sts:AssumeRole" }],
      }),
    }),
  );
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: Role.Arn, RoleSessionName: "one" }));
  const credentials = {
    accessKeyId: Credentials.AccessKeyId,
    secretAccessKey: Credentials.SecretAccessKey,
    sessionToken: Credentials.SessionToken,
  };
  const identity = await new STSClient({ endpoint, credentials }).send(new GetCallerIdentityCommand({}));
  assert.equal(identity.Arn, `arn:aws:sts::${Account}:assumed-role/javascript/one`);
});
