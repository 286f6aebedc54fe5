// HTTP APIs through the AWS SDK for JavaScript v3.
import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";

import {
  ApiGatewayV2Client,
  ConflictException,
  CreateApiCommand,
  CreateIntegrationCommand,
  CreateRouteCommand,
  CreateStageCommand,
  DeleteApiCommand,
  GetApiCommand,
  GetRoutesCommand,
  NotFoundException,
} from "@aws-sdk/client-apigatewayv2";

const client = new ApiGatewayV2Client({});

test("an API is made, called and deleted", async () => {
  const backend = http.createServer((request, response) => response.end(`backend got ${request.url}`));
  await new Promise((resolve) => backend.listen(0, "127.0.0.1", resolve));
  try {
    const { ApiId } = await client.send(new CreateApiCommand({ Name: "js", ProtocolType: "HTTP" }));
    const { IntegrationId } = await client.send(
      new CreateIntegrationCommand({
        ApiId,
        IntegrationType: "HTTP_PROXY",
        IntegrationMethod: "GET",
        IntegrationUri: `http://127.0.0.1:${backend.address().port}/things/{id}`,
        PayloadFormatVersion: "1.0",
      }),
    );
    const route = { ApiId, RouteKey: "GET /{id}", Target: `integrations/${IntegrationId}` };
    await client.send(new CreateRouteCommand(route));
    await assert.rejects(client.send(new CreateRouteCommand(route)), ConflictException);
    await client.send(new CreateStageCommand({ ApiId, StageName: "$default", AutoDeploy: true }));
    const answer = await fetch(`${process.env.AWS_ENDPOINT_URL}/_aws/execute-api/${ApiId}/$default/7`);
    assert.equal(await answer.text(), "backend got /things/7");
    const { Items } = await client.send(new GetRoutesCommand({ ApiId }));
    assert.equal(Items[0].RouteKey, "GET /{id}");
    const shown = await client.send(new GetApiCommand({ ApiId }));
    assert.ok(shown.CreatedDate instanceof Date);
    await client.send(new DeleteApiCommand({ ApiId }));
    await assert.rejects(client.send(new GetApiCommand({ ApiId })), NotFoundException);
  } finally {
    backend.close();
    backend.closeAllConnections();
  }
});
