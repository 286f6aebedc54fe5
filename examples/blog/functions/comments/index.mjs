// The comments of a post.
//
// GET  /posts/{id}/comments   the oldest first; ?after=<id> gives the next ones
// POST /posts/{id}/comments   {"author", "text"}

import { randomBytes } from "node:crypto";
import { dynamodb } from "./dynamodb.mjs";

const { POSTS_TABLE, COMMENTS_TABLE } = process.env;
const LIMITS = { author: 60, text: 2000 };
const PAGE = 50;
const LONGEST_KEY = 200; // Longer than any id of ours: not worth a question to the table.

class BadRequest extends Error {}

export async function handler(event) {
  const post = event.pathParameters.id;
  const after = event.queryStringParameters?.after;
  if (post === "" || post.length > LONGEST_KEY) return response(404, { message: "There is no such post." });
  if (after?.length > LONGEST_KEY) return response(400, { message: "after is not the id of a comment." });
  if (event.requestContext.http.method === "GET") return list(post, after);
  try {
    return await create(post, validFields(event));
  } catch (problem) {
    if (problem instanceof BadRequest) return response(400, { message: problem.message });
    throw problem;
  }
}

async function list(post, after) {
  const answer = await dynamodb("Query", {
    TableName: COMMENTS_TABLE,
    KeyConditionExpression: after ? "post = :post AND id > :after" : "post = :post",
    ExpressionAttributeValues: { ":post": { S: post }, ...(after && { ":after": { S: after } }) },
    Limit: PAGE,
  });
  const comments = answer.Items.map(fromItem);
  return response(200, { comments, after: answer.LastEvaluatedKey ? comments.at(-1).id : null });
}

async function create(post, fields) {
  const found = await dynamodb("GetItem", {
    TableName: POSTS_TABLE,
    Key: { id: { S: post } },
    ProjectionExpression: "id",
    ConsistentRead: true,
  });
  if (!found.Item) return response(404, { message: "There is no such post." });
  const created = new Date().toISOString();
  // The range key puts comments in the order of their time.
  const comment = { post, id: `${created}-${randomBytes(4).toString("hex")}`, created, ...fields };
  await dynamodb("PutItem", { TableName: COMMENTS_TABLE, Item: toItem(comment) });
  return response(201, comment);
}

function validFields(event) {
  let sent;
  try {
    sent = JSON.parse(event.isBase64Encoded ? Buffer.from(event.body, "base64").toString() : event.body);
  } catch {
    throw new BadRequest("The body must be JSON.");
  }
  if (sent === null || typeof sent !== "object" || Array.isArray(sent)) {
    throw new BadRequest("The body must be a JSON object.");
  }
  const fields = {};
  for (const [name, limit] of Object.entries(LIMITS)) {
    const value = typeof sent[name] === "string" ? sent[name].trim() : "";
    if (value === "") throw new BadRequest(`The ${name} is missing.`);
    if (/\p{Surrogate}/u.test(value)) throw new BadRequest(`The ${name} is not valid Unicode.`);
    if ([...value].length > limit) throw new BadRequest(`The ${name} is longer than ${limit} characters.`);
    fields[name] = value;
  }
  return fields;
}

const toItem = (fields) => Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { S: value }]));
const fromItem = (item) => Object.fromEntries(Object.entries(item).map(([name, value]) => [name, value.S]));

const response = (statusCode, body) => ({
  statusCode,
  headers: { "content-type": "application/json", "cache-control": "no-store" },
  body: JSON.stringify(body),
});
