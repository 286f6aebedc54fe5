"""Durable functions in templates."""

DURABLE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.11
      AutoPublishAlias: live
      DurableConfig: {ExecutionTimeout: %d, RetentionPeriodInDays: 7}
      InlineCode: |
        def handler(event, context):
            return {"Status": "SUCCEEDED", "Result": "1"}
"""


def test_sam_function_is_durable(stacks, aws, unique):
    name = unique("durable")
    stacks.create(name, DURABLE % 60)
    function = stacks.physical(name, "Orders")
    lam = aws("lambda")
    assert lam.get_function_configuration(FunctionName=function)["DurableConfig"] == {
        "ExecutionTimeout": 60, "RetentionPeriodInDays": 7}
    policies = aws("iam").list_attached_role_policies(RoleName=stacks.physical(name, "OrdersRole"))["AttachedPolicies"]
    assert "AWSLambdaBasicDurableExecutionRolePolicy" in [policy["PolicyName"] for policy in policies]
    reply = lam.invoke(FunctionName=f"{function}:live")
    assert reply["Payload"].read() == b"1" and f"{function}:1/durable-execution/" in reply["DurableExecutionArn"]
    stacks.update(name, DURABLE % 120)
    assert lam.get_function_configuration(FunctionName=function)["DurableConfig"]["ExecutionTimeout"] == 120
