// The AWS SDK for JavaScript v3, which speaks Smithy RPC v2 with CBOR and compresses long requests.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetDashboardCommand,
  GetMetricDataCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  paginateListMetrics,
} from "@aws-sdk/client-cloudwatch";

const client = new CloudWatchClient({});
const Namespace = `Js-${randomUUID()}`;

test("metrics come back", async () => {
  const now = new Date(Math.floor(Date.now() / 60000) * 60000);
  const MetricData = Array.from({ length: 300 }, (_, i) => ({
    MetricName: "Orders",
    Value: i,
    Timestamp: now,
    Unit: "Count",
    Dimensions: [{ Name: "Shop", Value: `shop-${i % 3}-with-a-name-that-makes-this-request-long-enough` }],
  }));
  await client.send(new PutMetricDataCommand({ Namespace, MetricData }));
  const found = [];
  for await (const page of paginateListMetrics({ client }, { Namespace })) found.push(...page.Metrics);
  assert.equal(found.length, 3);
  const { MetricDataResults } = await client.send(
    new GetMetricDataCommand({
      StartTime: new Date(now.getTime() - 600_000),
      EndTime: new Date(now.getTime() + 60_000),
      MetricDataQueries: found.map((Metric, i) => ({
        Id: `m${i}`,
        MetricStat: { Metric, Period: 60, Stat: "SampleCount" },
      })),
    }),
  );
  assert.deepEqual(MetricDataResults.map((result) => result.Values), [[100], [100], [100]]);
  assert.equal(MetricDataResults[0].Timestamps[0].getTime(), now.getTime());
});

test("alarms and errors have their types", async () => {
  const AlarmName = `js-${randomUUID()}`;
  await client.send(
    new PutMetricAlarmCommand({
      AlarmName,
      Namespace,
      MetricName: "Orders",
      Statistic: "Sum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1e9,
      ComparisonOperator: "GreaterThanThreshold",
    }),
  );
  const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames: [AlarmName] }));
  assert.equal(MetricAlarms[0].Threshold, 1e9);
  assert.ok(MetricAlarms[0].StateUpdatedTimestamp instanceof Date);
  await assert.rejects(client.send(new GetDashboardCommand({ DashboardName: "none" })), (error) => {
    assert.equal(error.$metadata.httpStatusCode, 404);
    return /DashboardNotFound|ResourceNotFound/.test(error.name);
  });
});
