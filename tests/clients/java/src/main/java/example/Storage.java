package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.events.S3Event;

/** Says which objects an event is about; its classes have no constructors of no arguments. */
public class Storage {
  public String name(S3Event event, Context context) {
    var record = event.getRecords().get(0);
    return record.getEventName() + " " + record.getS3().getBucket().getName() + "/" + record.getS3().getObject().getKey() + " "
        + record.getS3().getObject().getSizeAsLong() + " " + record.getEventTime().getYear();
  }
}
