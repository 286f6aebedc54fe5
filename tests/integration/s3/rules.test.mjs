// The AWS SDK for JavaScript v3: object lock, lifecycle, ACLs and policies.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketAclCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";

const client = new S3Client({ forcePathStyle: true });

async function bucket(options = {}) {
  const Bucket = `js-${randomUUID()}`;
  const CreateBucketConfiguration = { LocationConstraint: process.env.AWS_REGION };
  await client.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration, ...options }));
  return Bucket;
}

test("a locked version stays", async () => {
  const Bucket = await bucket({ ObjectLockEnabledForBucket: true });
  const ObjectLockRetainUntilDate = new Date(Math.ceil(Date.now() / 1000) * 1000 + 86_400_000);
  const put = await client.send(
    new PutObjectCommand({ Bucket, Key: "k", Body: "x", ObjectLockMode: "GOVERNANCE", ObjectLockRetainUntilDate }),
  );
  const kept = await client.send(new GetObjectRetentionCommand({ Bucket, Key: "k" }));
  assert.deepEqual(kept.Retention, { Mode: "GOVERNANCE", RetainUntilDate: ObjectLockRetainUntilDate });
  const which = { Bucket, Key: "k", VersionId: put.VersionId };
  await assert.rejects(client.send(new DeleteObjectCommand(which)), { name: "AccessDenied" });
  await client.send(new DeleteObjectCommand({ ...which, BypassGovernanceRetention: true }));
});

test("lifecycle rules come back and are told", async () => {
  const Bucket = await bucket();
  const Rules = [{ ID: "r", Status: "Enabled", Filter: { Prefix: "a" }, Expiration: { Days: 2 } }];
  await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
  const got = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
  assert.deepEqual(got.Rules, Rules);
  await client.send(new PutObjectCommand({ Bucket, Key: "a", Body: "x" }));
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: "a" }));
  assert.match(head.Expiration, /rule-id="r"/);
});

test("ACLs are off until ownership allows them", async () => {
  const closed = await bucket();
  await client.send(new PutObjectCommand({ Bucket: closed, Key: "k", Body: "x" }));
  const acl = { Key: "k", ACL: "authenticated-read" };
  await assert.rejects(client.send(new PutObjectAclCommand({ Bucket: closed, ...acl })), {
    name: "AccessControlListNotSupported",
  });
  const owner = (await client.send(new GetBucketAclCommand({ Bucket: closed }))).Owner.ID;
  assert.equal(owner, process.env.CUMULET_ACCOUNT);
});

test("a Deny binds the owner", async () => {
  const Bucket = await bucket();
  await client.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }));
  const Statement = [{ Effect: "Deny", Principal: "*", Action: "s3:PutObject", Resource: `arn:aws:s3:::${Bucket}/*` }];
  await client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement }) }));
  await assert.rejects(client.send(new PutObjectCommand({ Bucket, Key: "k", Body: "y" })), { name: "AccessDenied" });
});
