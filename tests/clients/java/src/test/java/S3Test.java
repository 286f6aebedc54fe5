import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** The object store through the AWS SDK for Java 2. */
class S3Test {
  static S3Client client;
  static final String BUCKET = "java-" + UUID.randomUUID();

  @BeforeAll
  static void makeBucket() {
    client = S3Client.builder().forcePathStyle(true).httpClient(UrlConnectionHttpClient.create()).build();
    client.createBucket(b -> b.bucket(BUCKET).createBucketConfiguration(c -> c.locationConstraint(System.getenv("AWS_REGION"))));
  }

  @AfterAll
  static void dropBucket() {
    List<ObjectIdentifier> all = new ArrayList<>();
    for (S3Object each : client.listObjectsV2Paginator(b -> b.bucket(BUCKET)).contents()) {
      all.add(ObjectIdentifier.builder().key(each.key()).build());
    }
    assertEquals(all.size(), client.deleteObjects(b -> b.bucket(BUCKET).delete(d -> d.objects(all))).deleted().size());
    client.deleteBucket(b -> b.bucket(BUCKET));
    client.close();
  }

  @Test
  void objectsComeBackWithTheirChecksums() {
    // Not SHA1 and SHA256: over plain HTTP this SDK sends or signs those of no bytes (aws-sdk-java-v2, issue 5498).
    for (ChecksumAlgorithm algorithm : List.of(ChecksumAlgorithm.CRC32, ChecksumAlgorithm.CRC32_C)) {
      String key = "sums/a b+" + algorithm;
      client.putObject(b -> b.bucket(BUCKET).key(key).checksumAlgorithm(algorithm).metadata(Map.of("color", "red")),
          RequestBody.fromString("hello"));
      var got = client.getObjectAsBytes(b -> b.bucket(BUCKET).key(key).checksumMode(ChecksumMode.ENABLED));
      assertEquals("hello", got.asUtf8String());
      assertEquals("red", got.response().metadata().get("color"));
    }
    long listed = client.listObjectsV2Paginator(b -> b.bucket(BUCKET).prefix("sums/").maxKeys(1)).contents().stream().count();
    assertEquals(2, listed);
  }

  @Test
  void partsBecomeAnObject() {
    byte[] first = new byte[5 << 20];
    Arrays.fill(first, (byte) 'a');
    byte[] last = "the end".getBytes();
    String upload = client.createMultipartUpload(b -> b.bucket(BUCKET).key("large")).uploadId();
    List<CompletedPart> parts = new ArrayList<>();
    for (byte[] content : List.of(first, last)) {
      int number = parts.size() + 1;
      String etag = client.uploadPart(b -> b.bucket(BUCKET).key("large").uploadId(upload).partNumber(number),
          RequestBody.fromBytes(content)).eTag();
      parts.add(CompletedPart.builder().partNumber(number).eTag(etag).build());
    }
    String etag = client.completeMultipartUpload(
        b -> b.bucket(BUCKET).key("large").uploadId(upload).multipartUpload(m -> m.parts(parts))).eTag();
    assertTrue(etag.endsWith("-2\""));
    byte[] tail = client.getObjectAsBytes(b -> b.bucket(BUCKET).key("large").range("bytes=" + (first.length - 1) + "-"))
        .asByteArray();
    assertArrayEquals("athe end".getBytes(), tail);
  }

  @Test
  void conditionsAndMissingObjectsAreTypedErrors() {
    client.putObject(b -> b.bucket(BUCKET).key("once").ifNoneMatch("*"), RequestBody.fromString("1"));
    S3Exception refused = assertThrows(S3Exception.class,
        () -> client.putObject(b -> b.bucket(BUCKET).key("once").ifNoneMatch("*"), RequestBody.fromString("2")));
    assertEquals("PreconditionFailed", refused.awsErrorDetails().errorCode());
    assertEquals(412, refused.statusCode());
    assertThrows(NoSuchKeyException.class, () -> client.getObjectAsBytes(b -> b.bucket(BUCKET).key("none")));
    assertThrows(NoSuchKeyException.class, () -> client.headObject(b -> b.bucket(BUCKET).key("none")));
  }

  @Test
  void copiesKeepWhatTheirSourceSays() {
    client.putObject(b -> b.bucket(BUCKET).key("source").contentType("text/plain").tagging("a=b"), RequestBody.fromString("x"));
    client.copyObject(b -> b.sourceBucket(BUCKET).sourceKey("source").destinationBucket(BUCKET).destinationKey("copy"));
    assertEquals("text/plain", client.headObject(b -> b.bucket(BUCKET).key("copy")).contentType());
    assertEquals("b", client.getObjectTagging(b -> b.bucket(BUCKET).key("copy")).tagSet().get(0).value());
  }

  @Test
  void presignedUrlsNeedNoClient() throws Exception {
    client.putObject(b -> b.bucket(BUCKET).key("signed"), RequestBody.fromString("by hand"));
    S3Configuration paths = S3Configuration.builder().pathStyleAccessEnabled(true).build();
    try (S3Presigner signer = S3Presigner.builder().serviceConfiguration(paths).s3Client(client).build()) {
      var signed = signer.presignGetObject(
          b -> b.signatureDuration(Duration.ofMinutes(5)).getObjectRequest(g -> g.bucket(BUCKET).key("signed")));
      HttpURLConnection connection = (HttpURLConnection) signed.url().openConnection();
      assertEquals("by hand", new String(connection.getInputStream().readAllBytes()));
    }
  }
}
