package com.amazonaws.services.lambda.runtime;

/** The mobile application that called, of {@link ClientContext}. */
public interface Client {
  String getInstallationId();

  String getAppTitle();

  String getAppVersionName();

  String getAppVersionCode();

  String getAppPackageName();
}
