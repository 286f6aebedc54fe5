package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import java.util.Map;

/** Answers requests of an HTTP API. */
public class Api implements RequestHandler<APIGatewayV2HTTPEvent, APIGatewayV2HTTPResponse> {
  @Override
  public APIGatewayV2HTTPResponse handleRequest(APIGatewayV2HTTPEvent event, Context context) {
    String method = event.getRequestContext().getHttp().getMethod();
    return APIGatewayV2HTTPResponse.builder().withStatusCode(201).withHeaders(Map.of("x-method", method))
        .withBody(event.getRawPath() + " " + event.getQueryStringParameters().get("q")).withIsBase64Encoded(false).build();
  }
}
