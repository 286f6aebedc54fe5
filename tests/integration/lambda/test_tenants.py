"""Tenant isolation: an environment serves one tenant only."""

import base64
import json

import pytest
from botocore.exceptions import ClientError

ISOLATED = {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}
REMEMBER = """
import logging
seen = []
def handler(event, context):
    seen.append(context.tenant_id)
    logging.warning("serving")
    return seen
"""


def refused(operation, **arguments):
    with pytest.raises(ClientError) as error:
        operation(**arguments)
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"
    return error.value.response["Error"]["Message"]


def test_tenants_do_not_share_environments(lam, python, call):
    name = python(REMEMBER, **ISOLATED)
    assert lam.get_function_configuration(FunctionName=name)["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}
    assert call(name, TenantId="blue") == (["blue"], None)
    assert call(name, TenantId="green @ 1/2") == (["green @ 1/2"], None)
    assert call(name, TenantId="blue") == (["blue", "blue"], None)
    version = lam.publish_version(FunctionName=name)["Version"]
    assert call(name, TenantId="blue", Qualifier=version) == (["blue"], None)


def test_node_sees_its_tenant(make_function, call):
    name = make_function("nodejs20.x", {"app.js": "exports.handler = async (e, c) => c.tenantId"}, **ISOLATED)
    assert call(name, TenantId="blue") == ("blue", None)


def test_a_tenant_is_given_if_and_only_if_it_is_wanted(lam, python):
    isolated, shared = python(REMEMBER, **ISOLATED), python(REMEMBER)
    assert refused(lam.invoke, FunctionName=isolated) == (
        "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try "
        "again.")
    refused(lam.invoke, FunctionName=isolated, InvocationType="Event")
    refused(lam.invoke_with_response_stream, FunctionName=isolated)
    assert "not enabled with tenancy" in refused(lam.invoke, FunctionName=shared, TenantId="blue")
    with pytest.raises(ClientError):
        lam.invoke(FunctionName=isolated, TenantId="bad#name")


def test_what_excludes_tenants(lam, python, role, aws, unique):
    name = python(REMEMBER, **ISOLATED)
    lam.publish_version(FunctionName=name)
    refused(lam.create_function_url_config, FunctionName=name, AuthType="NONE")
    refused(lam.put_provisioned_concurrency_config, FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1)
    refused(lam.update_function_configuration, FunctionName=name, Runtime="python3.12",
            SnapStart={"ApplyOn": "PublishedVersions"})
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName=unique("q"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    refused(lam.create_event_source_mapping, FunctionName=name, EventSourceArn=arn)


def test_tenants_in_asynchronous_calls_and_in_the_log(lam, python, aws, wait_until):
    name = python(REMEMBER, LoggingConfig={"LogFormat": "JSON"}, **ISOLATED)
    assert lam.invoke(FunctionName=name, InvocationType="Event", TenantId="green")["StatusCode"] == 202
    tail = json.loads(base64.b64decode(lam.invoke(FunctionName=name, TenantId="blue",
                                                  LogType="Tail")["LogResult"]).splitlines()[0])
    assert tail["type"] in ("platform.initStart", "platform.start")
    logs = aws.client("logs")

    def lines():
        events = logs.filter_log_events(logGroupName="/aws/lambda/" + name)["events"]
        return [json.loads(event["message"]) for event in events]

    def of(tenant):
        own = [line for line in lines() if line.get("record", line).get("tenantId") == tenant]
        return sorted({line.get("type", line.get("message")) for line in own})

    for tenant in ("blue", "green"):
        wait_until(lambda: of(tenant) == ["platform.report", "platform.runtimeDone", "platform.start", "serving"]
                   or of(tenant) == ["platform.report", "platform.start", "serving"])
