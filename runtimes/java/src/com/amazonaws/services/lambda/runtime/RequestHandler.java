package com.amazonaws.services.lambda.runtime;

/** A handler of one type of events; JSON is converted to it, and from what it returns. */
public interface RequestHandler<I, O> {
  O handleRequest(I input, Context context);
}
