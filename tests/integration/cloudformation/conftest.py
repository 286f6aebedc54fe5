"""Stacks for the tests."""

import json
import pathlib
import sys

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent))

class Stacks:
    def __init__(self, client, wait_until):
        self.client, self.wait_until, self.names = client, wait_until, []

    @staticmethod
    def text(template):
        return template if isinstance(template, str) else json.dumps(template)

    def start(self, name, template, **options):
        self.names.append(name)
        options.setdefault("Capabilities", ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"])
        return self.client.create_stack(StackName=name, TemplateBody=self.text(template), **options)["StackId"]

    def create(self, name, template, status="CREATE_COMPLETE", **options):
        stack_id = self.start(name, template, **options)
        self.ends(stack_id, status)
        return stack_id

    def update(self, name, template, status="UPDATE_COMPLETE", **options):
        options.setdefault("Capabilities", ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"])
        self.client.update_stack(StackName=name, TemplateBody=self.text(template), **options)
        self.ends(name, status)

    def delete(self, name, status="DELETE_COMPLETE"):
        stack_id = self.show(name)["StackId"]
        self.client.delete_stack(StackName=name)
        self.ends(stack_id, status)

    def show(self, name):
        return self.client.describe_stacks(StackName=name)["Stacks"][0]

    def ends(self, name, status):
        def ended():
            stack = self.show(name)
            return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

        stack = self.wait_until(ended, what=f"the end of {name}")
        failures = [(each["LogicalResourceId"], each.get("ResourceStatusReason")) for each in self.events(name)
                    if each["ResourceStatus"].endswith("_FAILED")]
        assert stack["StackStatus"] == status, failures
        return stack

    def events(self, name):
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=name)
        return [each for page in pages for each in page["StackEvents"]]

    def outputs(self, name):
        return {each["OutputKey"]: each["OutputValue"] for each in self.show(name).get("Outputs", [])}

    def physical(self, name, logical):
        detail = self.client.describe_stack_resource(StackName=name, LogicalResourceId=logical)
        return detail["StackResourceDetail"]["PhysicalResourceId"]

    def exists(self, name):
        try:
            return self.show(name)
        except ClientError:
            return None


@pytest.fixture
def stacks(aws, wait_until):
    made = Stacks(aws("cloudformation"), wait_until)
    yield made
    for name in reversed(made.names):
        if made.exists(name):
            wait_until(lambda name=name: settled(made, name), what=f"the end of {name}")
            made.client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
            made.client.delete_stack(StackName=name)
            wait_until(lambda name=name: settled(made, name), what=f"the deletion of {name}")


def settled(stacks, name):
    shown = stacks.exists(name)
    return not shown or not shown["StackStatus"].endswith("_IN_PROGRESS") or shown["StackStatus"].startswith("REVIEW")


@pytest.fixture
def stacks_of(aws_for, wait_until):
    return lambda server: Stacks(aws_for(server)("cloudformation"), wait_until)
