package com.amazonaws.services.lambda.runtime;

/** The Cognito identity that called, if there is one. */
public interface CognitoIdentity {
  String getIdentityId();

  String getIdentityPoolId();
}
