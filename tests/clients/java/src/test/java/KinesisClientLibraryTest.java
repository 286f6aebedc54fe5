import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

/** A worker of the Kinesis Client Library: leases in a table, records over a subscription, and a shard that is split. */
class KinesisClientLibraryTest {
  private static final int KEYS = 8;
  private static final int EACH = 10;

  private final Map<String, List<Integer>> seen = new ConcurrentHashMap<>();
  private final AtomicInteger count = new AtomicInteger();
  private final Set<String> ended = ConcurrentHashMap.newKeySet();

  private class Processor implements ShardRecordProcessor {
    private String shard;

    @Override
    public void initialize(InitializationInput input) {
      shard = input.shardId();
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
      for (KinesisClientRecord record : input.records()) {
        String text = StandardCharsets.UTF_8.decode(record.data()).toString();
        seen.computeIfAbsent(record.partitionKey(), key -> new ArrayList<>()).add(Integer.parseInt(text));
        count.incrementAndGet();
      }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {}

    @Override
    public void shardEnded(ShardEndedInput input) {
      checkpoint(input.checkpointer());
      ended.add(shard);
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
      try {
        checkpointer.checkpoint();
      } catch (ShutdownException | InvalidStateException problem) {
        throw new IllegalStateException(problem);
      }
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
      checkpoint(input.checkpointer());
    }
  }

  private static void put(KinesisAsyncClient kinesis, String stream, int first) {
    List<PutRecordsRequestEntry> entries = new ArrayList<>();
    for (int number = first; number < first + EACH; number++) {
      for (int key = 0; key < KEYS; key++) {
        SdkBytes data = SdkBytes.fromUtf8String(String.valueOf(number));
        entries.add(PutRecordsRequestEntry.builder().partitionKey("key-" + key).data(data).build());
      }
    }
    assertEquals(0, kinesis.putRecords(r -> r.streamName(stream).records(entries)).join().failedRecordCount());
  }

  private void waitFor(int records) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
    while (count.get() < records && System.nanoTime() < deadline) Thread.sleep(50);
    assertEquals(records, count.get());
  }

  private Scheduler worker(
      String name, KinesisAsyncClient kinesis, DynamoDbAsyncClient tables, CloudWatchAsyncClient metrics) {
    InitialPositionInStreamExtended first =
        InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
    ConfigsBuilder builder =
        new ConfigsBuilder(
            new SingleStreamTracker(name, first), name, kinesis, tables, metrics, "worker", Processor::new);
    LeaseManagementConfig leases = builder.leaseManagementConfig().failoverTimeMillis(1000).shardSyncIntervalMillis(1000);
    // They would ask the metadata address what machine this is.
    leases.workerUtilizationAwareAssignmentConfig().disableWorkerMetrics(true);
    return new Scheduler(
        builder.checkpointConfig(),
        builder.coordinatorConfig().parentShardPollIntervalMillis(200).shardConsumerDispatchPollIntervalMillis(100),
        leases,
        builder.lifecycleConfig(),
        builder.metricsConfig().metricsBufferTimeMillis(500),
        builder.processorConfig(),
        builder.retrievalConfig());
  }

  @Test
  void aWorkerFollowsASplitAndKeepsTheOrder() throws Exception {
    String name = "kcl-" + UUID.randomUUID();
    try (KinesisAsyncClient kinesis = KinesisAsyncClient.create();
        DynamoDbAsyncClient tables = DynamoDbAsyncClient.create();
        CloudWatchAsyncClient metrics = CloudWatchAsyncClient.create()) {
      kinesis.createStream(r -> r.streamName(name).shardCount(1)).join();
      kinesis.waiter().waitUntilStreamExists(r -> r.streamName(name)).join();
      put(kinesis, name, 0);
      Scheduler worker = worker(name, kinesis, tables, metrics);
      Thread thread = new Thread(worker);
      thread.start();
      waitFor(KEYS * EACH);
      String shard = kinesis.listShards(r -> r.streamName(name)).join().shards().get(0).shardId();
      String middle = "170141183460469231731687303715884105728";
      kinesis.splitShard(r -> r.streamName(name).shardToSplit(shard).newStartingHashKey(middle)).join();
      put(kinesis, name, EACH);
      waitFor(2 * KEYS * EACH);
      assertEquals(Set.of(shard), ended);
      List<Integer> all = IntStream.range(0, 2 * EACH).boxed().toList();
      for (List<Integer> numbers : seen.values()) assertEquals(all, numbers);
      assertEquals(KEYS, seen.size());
      assertTrue(worker.startGracefulShutdown().get(60, TimeUnit.SECONDS), "a graceful shutdown");
      thread.join(TimeUnit.SECONDS.toMillis(30));
      assertFalse(thread.isAlive());
      assertTrue(tables.scan(r -> r.tableName(name)).join().items().size() >= 2, "the leases are in the table");
      tables.deleteTable(r -> r.tableName(name)).join();
      kinesis.deleteStream(r -> r.streamName(name).enforceConsumerDeletion(true)).join();
    }
  }
}
