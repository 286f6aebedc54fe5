package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import java.util.ArrayList;
import java.util.List;

/** Takes messages of a queue; those that say "fail" fail. */
public class Queue implements RequestHandler<SQSEvent, SQSBatchResponse> {
  @Override
  public SQSBatchResponse handleRequest(SQSEvent event, Context context) {
    List<SQSBatchResponse.BatchItemFailure> failures = new ArrayList<>();
    for (SQSEvent.SQSMessage message : event.getRecords()) {
      context.getLogger().log("message " + message.getBody() + " of " + message.getEventSourceArn());
      String wish = message.getMessageAttributes().get("wish").getStringValue();
      if (wish.equals("fail")) failures.add(new SQSBatchResponse.BatchItemFailure(message.getMessageId()));
    }
    return new SQSBatchResponse(failures);
  }
}
