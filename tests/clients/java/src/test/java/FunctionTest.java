import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.InvokeResponse;

/** Functions in Java, with AWS's libraries for them, on java17; and with AWS's own runtime client. */
class FunctionTest {
  private static final String TRUST = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":"
      + "\"lambda.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}";
  private static final String SQS = "{\"Records\":[{\"messageId\":\"1\",\"body\":\"a\",\"eventSourceARN\":\"arn:aws:sqs:x:1:q\","
      + "\"messageAttributes\":{\"wish\":{\"stringValue\":\"pass\",\"dataType\":\"String\"}}},{\"messageId\":\"2\",\"body\":\"b\","
      + "\"eventSourceARN\":\"arn:aws:sqs:x:1:q\",\"messageAttributes\":{\"wish\":{\"stringValue\":\"fail\",\"dataType\":\"String\"}}}]}";
  private static final String FAILED = "{\"batchItemFailures\":[{\"itemIdentifier\":\"2\"}]}";

  private static final LambdaClient lambda = LambdaClient.builder().httpClient(UrlConnectionHttpClient.create()).build();
  private static String role;

  @BeforeAll
  static void role() {
    try (IamClient iam = IamClient.builder().region(Region.AWS_GLOBAL).httpClient(UrlConnectionHttpClient.create()).build()) {
      String name = "java-" + UUID.randomUUID();
      role = iam.createRole(r -> r.roleName(name).assumeRolePolicyDocument(TRUST)).role().arn();
    }
  }

  /** The handlers' classes, the jars whose names begin so below lib, and perhaps a bootstrap. */
  private static SdkBytes jar(String bootstrap, String... libraries) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (String place : System.getProperty("java.class.path").split(File.pathSeparator)) {
        Path path = Path.of(place);
        if (Files.isDirectory(path) && Files.isDirectory(path.resolve("example"))) {
          try (Stream<Path> files = Files.walk(path)) {
            for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
              add(zip, path.relativize(file).toString(), Files.readAllBytes(file));
            }
          }
        }
        for (String library : libraries) {
          if (path.getFileName().toString().startsWith(library)) add(zip, "lib/" + path.getFileName(), Files.readAllBytes(path));
        }
      }
      if (bootstrap != null) add(zip, "bootstrap", bootstrap.getBytes(StandardCharsets.UTF_8));
    }
    return bootstrap == null ? SdkBytes.fromByteArray(bytes.toByteArray()) : executable(bytes.toByteArray());
  }

  /** The archive with its bootstrap as a program. */
  private static SdkBytes executable(byte[] archive) throws IOException {
    Path file = Files.createTempFile("function", ".zip");
    Files.write(file, archive);
    try (FileSystem zip = FileSystems.newFileSystem(file, Map.of("enablePosixFileAttributes", true))) {
      Files.setPosixFilePermissions(zip.getPath("/bootstrap"), PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    SdkBytes bytes = SdkBytes.fromByteArray(Files.readAllBytes(file));
    Files.delete(file);
    return bytes;
  }

  private static void add(ZipOutputStream zip, String name, byte[] content) throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    zip.write(content);
    zip.closeEntry();
  }

  private static String create(String runtime, String handler, SdkBytes code) {
    String name = "java-" + UUID.randomUUID();
    lambda.createFunction(f -> f.functionName(name).runtime(runtime).handler(handler).role(role).memorySize(512).timeout(60)
        .code(c -> c.zipFile(code)));
    return name;
  }

  private static String call(String function, String event) {
    InvokeResponse answer = lambda.invoke(i -> i.functionName(function).payload(SdkBytes.fromUtf8String(event)));
    assertNull(answer.functionError(), () -> answer.payload().asUtf8String());
    return answer.payload().asUtf8String();
  }

  @Test
  void eventClassesOfTheLibrary() throws IOException {
    SdkBytes code = jar(null, "aws-lambda-java-core", "aws-lambda-java-events", "joda-time");
    assertEquals(FAILED, call(create("java17", "example.Queue", code), SQS));
    String request = "{\"version\":\"2.0\",\"rawPath\":\"/a\",\"queryStringParameters\":{\"q\":\"1\"},\"requestContext\":{\"http\":{\"method\":"
        + "\"PUT\"}},\"isBase64Encoded\":false}";
    String answer = call(create("java17", "example.Api::handleRequest", code), request);
    for (String part : new String[] {"\"statusCode\":201", "\"x-method\":\"PUT\"", "\"body\":\"/a 1\"", "\"isBase64Encoded\":false"}) {
      assertTrue(answer.contains(part), answer);
    }
    String put = "{\"Records\":[{\"eventName\":\"ObjectCreated:Put\",\"eventTime\":\"2031-05-06T07:08:09.000Z\",\"s3\":{\"bucket\":{\"name\":"
        + "\"b\"},\"object\":{\"key\":\"k\",\"size\":5000000000}}}]}";
    assertEquals("\"ObjectCreated:Put b/k 5000000000 2031\"", call(create("java17", "example.Storage::name", code), put));
  }

  @Test
  void awsRuntimeClient() throws IOException {
    String bootstrap = "#!/bin/sh\nexec java -XX:TieredStopAtLevel=1 -cp \"/var/task:/var/task/lib/*\" "
        + "com.amazonaws.services.lambda.runtime.api.client.AWSLambda \"$_HANDLER\"\n";
    SdkBytes code = jar(bootstrap, "aws-lambda-java-", "joda-time");
    String function = create("provided.al2023", "example.Queue", code);
    assertEquals(FAILED, call(function, SQS));
    assertEquals(FAILED, call(function, SQS));
  }
}
