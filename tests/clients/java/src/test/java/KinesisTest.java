import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.PutRecordResponse;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/** Streams through the asynchronous client, which the Kinesis Client Library is built on and which speaks HTTP/2. */
class KinesisTest {
  private static final int RECORDS = 200;
  private static final String STREAM = "java-" + UUID.randomUUID();
  private static KinesisAsyncClient kinesis;

  @BeforeAll
  static void createStream() {
    kinesis = KinesisAsyncClient.create();
    kinesis.createStream(r -> r.streamName(STREAM).shardCount(1)).join();
    kinesis.waiter().waitUntilStreamExists(r -> r.streamName(STREAM)).join();
  }

  @AfterAll
  static void deleteStream() {
    kinesis.deleteStream(r -> r.streamName(STREAM).enforceConsumerDeletion(true)).join();
    kinesis.close();
  }

  private static CompletableFuture<PutRecordResponse> put(int number) {
    return kinesis.putRecord(
        r -> r.streamName(STREAM).partitionKey("p" + number).data(SdkBytes.fromUtf8String("record " + number)));
  }

  @Test
  void recordsAreReadAndSubscribedToWhileOthersArePut() throws Exception {
    String arn =
        kinesis.describeStreamSummary(r -> r.streamName(STREAM)).join().streamDescriptionSummary().streamARN();
    String shard = kinesis.listShards(r -> r.streamName(STREAM)).join().shards().get(0).shardId();
    String consumer =
        kinesis.registerStreamConsumer(r -> r.streamARN(arn).consumerName("java")).join().consumer().consumerARN();

    List<String> seen = new CopyOnWriteArrayList<>();
    CountDownLatch all = new CountDownLatch(RECORDS);
    SubscribeToShardResponseHandler handler =
        SubscribeToShardResponseHandler.builder()
            .subscriber(
                event -> {
                  if (!(event instanceof SubscribeToShardEvent)) return;
                  for (Record record : ((SubscribeToShardEvent) event).records()) {
                    seen.add(record.data().asUtf8String());
                    all.countDown();
                  }
                })
            .build();
    CompletableFuture<Void> subscription =
        kinesis.subscribeToShard(
            r ->
                r.consumerARN(consumer)
                    .shardId(shard)
                    .startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)),
            handler);

    // Many requests at once share the connections that the subscription leaves.
    CompletableFuture<?>[] puts = new CompletableFuture<?>[RECORDS];
    for (int i = 0; i < RECORDS; i++) puts[i] = put(i);
    CompletableFuture.allOf(puts).join();
    assertTrue(all.await(60, TimeUnit.SECONDS), () -> "only " + seen.size() + " records came");
    subscription.cancel(true);

    String iterator =
        kinesis
            .getShardIterator(
                r -> r.streamName(STREAM).shardId(shard).shardIteratorType(ShardIteratorType.TRIM_HORIZON))
            .join()
            .shardIterator();
    List<String> read =
        kinesis.getRecords(r -> r.shardIterator(iterator)).join().records().stream()
            .map(record -> record.data().asUtf8String())
            .toList();
    assertEquals(read, seen);
  }
}
