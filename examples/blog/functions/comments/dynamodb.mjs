// DynamoDB without a package: its protocol is a signed POST of JSON, and Node.js has all that takes.
// In an application of more than a page, use @aws-sdk/client-dynamodb: it works here unchanged.

import { createHash, createHmac } from "node:crypto";

const region = process.env.AWS_REGION;
const endpoint = new URL(process.env.AWS_ENDPOINT_URL ?? `https://dynamodb.${region}.amazonaws.com`);

/** dynamodb("GetItem", {TableName, Key}) gives the operation's output; throws what DynamoDB says when it fails. */
export async function dynamodb(operation, input) {
  const body = JSON.stringify(input);
  const headers = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": `DynamoDB_20120810.${operation}`,
  };
  const answer = await fetch(endpoint, { method: "POST", headers: signed(headers, body), body });
  const output = await answer.json();
  if (!answer.ok) throw new Error(`${operation}: ${output.__type}: ${output.message ?? output.Message}`);
  return output;
}

/** The headers with a signature of version 4, which also covers the body. */
function signed(headers, body) {
  // Read for each request: the platform may exchange a function's temporary credentials.
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, ""); // 20260131T235959Z
  const scope = [time.slice(0, 8), region, "dynamodb", "aws4_request"];
  const all = { ...headers, host: endpoint.host, "x-amz-date": time };
  if (AWS_SESSION_TOKEN) all["x-amz-security-token"] = AWS_SESSION_TOKEN;

  const names = Object.keys(all).sort();
  const canonical = ["POST", "/", "", ...names.map((name) => `${name}:${all[name]}`), "", names.join(";"), sha256(body)];
  const toSign = ["AWS4-HMAC-SHA256", time, scope.join("/"), sha256(canonical.join("\n"))].join("\n");
  const key = scope.reduce(hmac, `AWS4${AWS_SECRET_ACCESS_KEY}`);
  const signature = hmac(key, toSign).toString("hex");

  delete all.host; // fetch sets it.
  all.authorization =
    `AWS4-HMAC-SHA256 Credential=${AWS_ACCESS_KEY_ID}/${scope.join("/")}, ` +
    `SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return all;
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
