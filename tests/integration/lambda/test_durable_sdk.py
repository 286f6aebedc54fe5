"""The official SDK of durable functions, unmodified, in a function of ours; the server is killed while it waits."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from durable_packages import sdk_layer  # noqa: E402
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
