package cumulet.runtime;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** A handler's Context, from the headers of the invocation. */
final class InvocationContext implements Context {
  private final RuntimeClient.Reply reply;

  InvocationContext(RuntimeClient.Reply reply) {
    this.reply = reply;
  }

  @Override
  public String getAwsRequestId() {
    return reply.header("lambda-runtime-aws-request-id");
  }

  @Override
  public String getLogGroupName() {
    return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
  }

  @Override
  public String getLogStreamName() {
    return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
  }

  @Override
  public String getFunctionName() {
    return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
  }

  @Override
  public String getFunctionVersion() {
    return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
  }

  @Override
  public String getInvokedFunctionArn() {
    return reply.header("lambda-runtime-invoked-function-arn");
  }

  @Override
  public int getRemainingTimeInMillis() {
    String deadline = reply.header("lambda-runtime-deadline-ms");
    return deadline == null ? 0 : (int) Math.max(0, Long.parseLong(deadline) - System.currentTimeMillis());
  }

  @Override
  public int getMemoryLimitInMB() {
    return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
  }

  @Override
  public LambdaLogger getLogger() {
    return LambdaRuntime.getLogger();
  }

  @Override
  public String getTenantId() {
    return reply.header("lambda-runtime-aws-tenant-id");
  }

  @Override
  public String getXrayTraceId() {
    return reply.header("lambda-runtime-trace-id");
  }

  @Override
  public CognitoIdentity getIdentity() {
    Map<?, ?> identity = members(reply.header("lambda-runtime-cognito-identity"));
    return new CognitoIdentity() {
      @Override
      public String getIdentityId() {
        return text(identity, "cognitoIdentityId");
      }

      @Override
      public String getIdentityPoolId() {
        return text(identity, "cognitoIdentityPoolId");
      }
    };
  }

  @Override
  public ClientContext getClientContext() {
    String header = reply.header("lambda-runtime-client-context");
    if (header == null || header.isEmpty()) return null;
    Map<?, ?> context = members(header);
    return new ClientContext() {
      @Override
      public Client getClient() {
        return context.get("client") instanceof Map ? client((Map<?, ?>) context.get("client")) : null;
      }

      @Override
      public Map<String, String> getCustom() {
        return texts(context.get("custom"));
      }

      @Override
      public Map<String, String> getEnvironment() {
        return texts(context.get("env"));
      }
    };
  }

  private static Client client(Map<?, ?> members) {
    return new Client() {
      @Override
      public String getInstallationId() {
        return text(members, "installation_id");
      }

      @Override
      public String getAppTitle() {
        return text(members, "app_title");
      }

      @Override
      public String getAppVersionName() {
        return text(members, "app_version_name");
      }

      @Override
      public String getAppVersionCode() {
        return text(members, "app_version_code");
      }

      @Override
      public String getAppPackageName() {
        return text(members, "app_package_name");
      }
    };
  }

  private static Map<?, ?> members(String json) {
    Object parsed = json == null || json.isEmpty() ? null : Json.parse(json);
    return parsed instanceof Map ? (Map<?, ?>) parsed : Collections.emptyMap();
  }

  private static String text(Map<?, ?> members, String name) {
    Object value = members.get(name);
    return value == null ? null : value.toString();
  }

  private static Map<String, String> texts(Object members) {
    if (!(members instanceof Map)) return null;
    Map<String, String> texts = new LinkedHashMap<>();
    for (Object key : ((Map<?, ?>) members).keySet()) texts.put(key.toString(), text((Map<?, ?>) members, key.toString()));
    return texts;
  }
}
