"""The API that manages HTTP APIs."""

import pytest


def test_quick_create(apis, echo, send, unique):
    made = apis.create_api(Name=unique("quick"), ProtocolType="HTTP", Target=echo)
    try:
        assert made["ProtocolType"] == "HTTP" and made["ApiEndpoint"]
        routes = apis.get_routes(ApiId=made["ApiId"])["Items"]
        assert [each["RouteKey"] for each in routes] == ["$default"]
        stages = apis.get_stages(ApiId=made["ApiId"])["Items"]
        assert [(each["StageName"], each["AutoDeploy"]) for each in stages] == [("$default", True)]
        assert send("GET", f"/_aws/execute-api/{made['ApiId']}/$default/any").status == 200
    finally:
        apis.delete_api(ApiId=made["ApiId"])


def test_api_endpoint_answers(api, send):
    api.route("GET /a", api.echo)
    endpoint = api.apis.get_api(ApiId=api.id)["ApiEndpoint"]
    rest = endpoint.split("://", 1)[1]
    host, _, path = rest.partition("/")
    answer = send("GET", ("/" + path).rstrip("/") + "/a", host=host)
    assert answer.status == 200, endpoint


def test_update_get_delete_api(apis, make_api, unique):
    api = make_api(Description="first", Tags={"team": "a"})
    name = unique("renamed")
    updated = apis.update_api(ApiId=api.id, Name=name, Description="second")
    assert updated["Name"] == name
    shown = apis.get_api(ApiId=api.id)
    assert (shown["Name"], shown["Description"], shown["Tags"]) == (name, "second", {"team": "a"})
    assert api.id in [each["ApiId"] for each in apis.get_apis(MaxResults="500")["Items"]]
    apis.delete_api(ApiId=api.id)
    with pytest.raises(apis.exceptions.NotFoundException):
        apis.get_api(ApiId=api.id)
    with pytest.raises(apis.exceptions.NotFoundException):
        apis.delete_api(ApiId=api.id)


def test_lists_have_pages(apis, api):
    keys = {f"GET /page{i}" for i in range(7)}
    for key in keys:
        api.route(key, api.echo)
    seen, token = [], {}
    while True:
        page = apis.get_routes(ApiId=api.id, MaxResults="3", **token)
        assert len(page["Items"]) <= 3
        seen += [each["RouteKey"] for each in page["Items"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert sorted(seen) == sorted(keys)


def test_conflicts(apis, api):
    route = api.route("GET /a", api.echo)
    with pytest.raises(apis.exceptions.ConflictException):
        api.route("GET /a", api.echo)
    with pytest.raises(apis.exceptions.ConflictException):
        api.stage("$default")
    with pytest.raises(apis.exceptions.ConflictException):
        apis.delete_integration(ApiId=api.id, IntegrationId=api.echo)
    apis.delete_route(ApiId=api.id, RouteId=route)
    apis.delete_integration(ApiId=api.id, IntegrationId=api.echo)
    with pytest.raises(apis.exceptions.NotFoundException):
        apis.get_integration(ApiId=api.id, IntegrationId=api.echo)


def test_update_route_and_stage(apis, api, echo):
    route = api.route("GET /a", api.echo)
    apis.update_route(ApiId=api.id, RouteId=route, RouteKey="GET /b")
    assert api.call("GET", "/a").status == 404
    assert api.call("GET", "/b").status == 200
    apis.update_route(ApiId=api.id, RouteId=route, Target="integrations/" + api.integration(echo, "1.0"))
    assert api.call("GET", "/b").json()["version"] == "1.0"
    apis.update_stage(ApiId=api.id, StageName="$default", StageVariables={"k": "v"})
    assert api.call("GET", "/b").json()["stageVariables"] == {"k": "v"}
    apis.delete_stage(ApiId=api.id, StageName="$default")
    assert api.call("GET", "/b").status == 404


@pytest.mark.parametrize("key", ["GET", "get /a", "GET a", "FETCH /a", "GET /{a+}/b", "GET /{a}/{a}", "GET /a{b}", ""])
def test_bad_route_keys(apis, api, key):
    with pytest.raises(apis.exceptions.BadRequestException):
        apis.create_route(ApiId=api.id, RouteKey=key)


@pytest.mark.parametrize("options", [
    {"IntegrationType": "MOCK"},
    {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0"},
    {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "3.0", "IntegrationUri": "arn:aws:lambda:x:1:function:f"},
    {"IntegrationType": "AWS_PROXY", "IntegrationUri": "arn:aws:lambda:x:1:function:f"},
    {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "ftp://x", "IntegrationMethod": "GET"},
    {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0", "IntegrationUri": "arn:aws:lambda:x:1:function:f",
     "TimeoutInMillis": 31000},
])
def test_bad_integrations(apis, api, options):
    with pytest.raises(apis.exceptions.BadRequestException):
        apis.create_integration(ApiId=api.id, **options)


def test_bad_targets_stages_and_protocols(apis, api, unique):
    with pytest.raises(apis.exceptions.BadRequestException):
        apis.create_route(ApiId=api.id, RouteKey="GET /x", Target="integrations/nothere")
    with pytest.raises(apis.exceptions.BadRequestException):
        api.stage("not a name")
    with pytest.raises(apis.exceptions.BadRequestException):
        apis.create_api(Name=unique("ws"), ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    with pytest.raises(apis.exceptions.NotFoundException):
        apis.create_route(ApiId="nothere", RouteKey="GET /x")


def test_tags(apis, api):
    arn = f"arn:aws:apigateway:eu-central-1::/apis/{api.id}"
    apis.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    apis.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert apis.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}


def test_aws_cli(cli, unique, echo):
    made = cli("apigatewayv2", "create-api", "--name", unique("cli"), "--protocol-type", "HTTP", "--target", echo)
    assert cli("apigatewayv2", "get-api", "--api-id", made["ApiId"])["Name"] == made["Name"]
    assert cli("apigatewayv2", "delete-api", "--api-id", made["ApiId"]) is None
