import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  GetScheduleCommand,
  SchedulerClient,
} from "@aws-sdk/client-scheduler";

const scheduler = new SchedulerClient({});

test("a schedule is made, shown and deleted", async () => {
  const name = `js-${randomUUID()}`;
  const start = new Date("2040-01-01T00:00:00Z");
  await scheduler.send(
    new CreateScheduleCommand({
      Name: name,
      ScheduleExpression: "rate(5 minutes)",
      StartDate: start,
      FlexibleTimeWindow: { Mode: "FLEXIBLE", MaximumWindowInMinutes: 5 },
      Target: { Arn: "arn:aws:sqs:eu-central-1:123456789012:q", RoleArn: "arn:aws:iam::123456789012:role/r" },
    }),
  );
  const shown = await scheduler.send(new GetScheduleCommand({ Name: name }));
  assert.equal(shown.FlexibleTimeWindow.MaximumWindowInMinutes, 5);
  assert.deepEqual(shown.StartDate, start);
  await scheduler.send(new DeleteScheduleCommand({ Name: name }));
  await assert.rejects(
    scheduler.send(new GetScheduleCommand({ Name: name })),
    (error) => error.name === "ResourceNotFoundException",
  );
});
