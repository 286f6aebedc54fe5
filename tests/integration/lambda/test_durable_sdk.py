"""The official SDK of durable functions, unmodified, in a function of ours; the server is killed while it waits."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from durable_packages import node_modules, sdk_layer  # noqa: E402
from lambda_packages import package  # noqa: E402

WORKFLOW = """
import os
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

tries = create_retry_strategy(RetryStrategyConfig(max_attempts=3, initial_delay=Duration.from_seconds(1)))

def fragile(step):
    if step.attempt < 2:
        raise RuntimeError("not yet")
    return step.attempt

@durable_execution
def handler(event, context):
    squares = context.map([1, 2, 3], lambda ctx, n, i, all: ctx.step(lambda _: n * n, name=f"square-{n}"), name="squares")
    both = context.parallel([lambda ctx: ctx.step(lambda _: "left"), lambda ctx: ctx.step(lambda _: "right")], name="both")
    tried = context.step(fragile, name="fragile", config=StepConfig(retry_strategy=tries))
    context.wait(Duration.from_seconds(event["pause"]), name="pause")
    approval = context.create_callback(name="approval")
    approved = approval.result()
    return {"squares": squares.get_results(), "both": both.get_results(), "tried": tried, "approved": approved}
"""


def test_workflow_survives_the_death_of_the_server(own_server, aws_for, wait_until):
    lam = aws_for(own_server)("lambda")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = aws_for(own_server)("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    layer = lam.publish_layer_version(LayerName="sdk", Content={"ZipFile": sdk_layer()})["LayerVersionArn"]
    lam.create_function(FunctionName="workflow", Runtime="python3.11", Role=role, Handler="app.handler", Timeout=60,
                        Code={"ZipFile": package({"app.py": WORKFLOW})}, Layers=[layer], MemorySize=512, Publish=True,
                        DurableConfig={"ExecutionTimeout": 600, "RetentionPeriodInDays": 1})
    arn = lam.invoke(FunctionName="workflow:1", InvocationType="Event", DurableExecutionName="order-7",
                     Payload=json.dumps({"pause": 2}))["DurableExecutionArn"]

    def events(kind):
        pages = lam.get_paginator("get_durable_execution_history").paginate(DurableExecutionArn=arn)
        return [event for page in pages for event in page["Events"] if event["EventType"] == kind]

    wait_until(lambda: events("WaitStarted"), what="the wait's begin")
    own_server.kill()
    own_server.start()
    started = wait_until(lambda: events("CallbackStarted"), what="the callback")
    callback = started[0]["CallbackStartedDetails"]["CallbackId"]
    lam.send_durable_execution_callback_success(CallbackId=callback, Result=b"by the boss")
    shown = wait_until(lambda: (s := lam.get_durable_execution(DurableExecutionArn=arn))["Status"] != "RUNNING" and s)
    assert shown["Status"] == "SUCCEEDED", shown
    assert json.loads(shown["Result"]) == {"squares": [1, 4, 9], "both": ["left", "right"], "tried": 2,
                                           "approved": "by the boss"}
    names = [event.get("Name") for event in events("StepSucceeded")]
    assert sorted(name for name in names if name and name.startswith("square")) == ["square-1", "square-2", "square-3"]
    assert len(events("StepFailed")) == 1 and len(events("WaitSucceeded")) == 1 and len(events("CallbackSucceeded")) == 1


NODE_WORKFLOW = """
import { withDurableExecution } from "@aws/durable-execution-sdk-js";

export const handler = withDurableExecution(async (event, context) => {
  const squares = await context.map("squares", event.numbers, async (each, n) => each.step(async () => n * n));
  let tries = 0;
  const tried = await context.step("fragile", async () => {
    if (event.fail && tries++ === 0 && !globalThis.failed) { globalThis.failed = true; throw new Error("not yet"); }
    return "done";
  }, { retryStrategy: (error, attempt) => ({ shouldRetry: attempt < 3, delay: { seconds: 1 } }) });
  await context.wait("pause", { seconds: 1 });
  const both = await context.parallel("both", [async (each) => each.step(async () => "left"),
                                               async (each) => each.step(async () => "right")]);
  return { squares: squares.getResults(), tried, both: both.getResults() };
});
"""


def test_workflow_of_the_sdk_for_javascript(lam, make_function):
    modules = pathlib.Path(__file__).parent.parent / "node_modules"
    files = node_modules(modules, "@aws/durable-execution-sdk-js")
    name = make_function("nodejs22.x", {"app.mjs": NODE_WORKFLOW, **files}, Timeout=60, MemorySize=512,
                         DurableConfig={"ExecutionTimeout": 300, "RetentionPeriodInDays": 1})
    reply = lam.invoke(FunctionName=name + ":$LATEST", Payload=json.dumps({"numbers": [1, 2, 3], "fail": True}))
    assert json.loads(reply["Payload"].read()) == {"squares": [1, 4, 9], "tried": "done", "both": ["left", "right"]}
    events = lam.get_durable_execution_history(DurableExecutionArn=reply["DurableExecutionArn"], MaxItems=1000)["Events"]
    types = [event["EventType"] for event in events]
    assert types.count("StepFailed") == 1 and types.count("WaitSucceeded") == 1 and types[-1] == "ExecutionSucceeded"
