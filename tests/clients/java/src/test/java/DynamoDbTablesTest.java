import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.BatchStatementErrorCodeEnum;
import software.amazon.awssdk.services.dynamodb.model.BatchStatementRequest;
import software.amazon.awssdk.services.dynamodb.model.CreateTableRequest;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.IdempotentParameterMismatchException;
import software.amazon.awssdk.services.dynamodb.model.KeysAndAttributes;
import software.amazon.awssdk.services.dynamodb.model.OperationType;
import software.amazon.awssdk.services.dynamodb.model.QueryRequest;
import software.amazon.awssdk.services.dynamodb.model.Record;
import software.amazon.awssdk.services.dynamodb.model.Shard;
import software.amazon.awssdk.services.dynamodb.model.TransactGetItem;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItemsRequest;
import software.amazon.awssdk.services.dynamodb.model.WriteRequest;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;

/** Indexes, streams, batches, statements and documents through the AWS SDK for Java 2. */
class DynamoDbTablesTest {
  static DynamoDbClient client;
  static final String NAME = "java-" + UUID.randomUUID();
  static String streamArn;

  @BeforeAll
  static void makeTable() {
    client = DynamoDbClient.create();
    CreateTableRequest request =
        CreateTableRequest.builder()
            .tableName(NAME)
            .billingMode("PAY_PER_REQUEST")
            .attributeDefinitions(
                a -> a.attributeName("pk").attributeType("S"),
                a -> a.attributeName("sk").attributeType("S"),
                a -> a.attributeName("year").attributeType("N"))
            .keySchema(k -> k.attributeName("pk").keyType("HASH"), k -> k.attributeName("sk").keyType("RANGE"))
            .globalSecondaryIndexes(
                i ->
                    i.indexName("by-year")
                        .keySchema(k -> k.attributeName("year").keyType("HASH"))
                        .projection(p -> p.projectionType("KEYS_ONLY")))
            .localSecondaryIndexes(
                i ->
                    i.indexName("local")
                        .keySchema(
                            k -> k.attributeName("pk").keyType("HASH"), k -> k.attributeName("year").keyType("RANGE"))
                        .projection(p -> p.projectionType("ALL")))
            .streamSpecification(s -> s.streamEnabled(true).streamViewType("NEW_AND_OLD_IMAGES"))
            .build();
    streamArn = client.createTable(request).tableDescription().latestStreamArn();
    client.waiter().waitUntilTableExists(r -> r.tableName(NAME));
  }

  @AfterAll
  static void dropTable() {
    client.deleteTable(r -> r.tableName(NAME));
  }

  static AttributeValue s(String text) {
    return AttributeValue.fromS(text);
  }

  static AttributeValue n(String number) {
    return AttributeValue.fromN(number);
  }

  static Map<String, AttributeValue> key(String pk, String sk) {
    return Map.of("pk", s(pk), "sk", s(sk));
  }

  static void put(String pk, String sk, String year) {
    client.putItem(r -> r.tableName(NAME).item(Map.of("pk", s(pk), "sk", s(sk), "year", n(year), "note", s("x"))));
  }

  @Test
  void indexesFollowWrites() {
    put("index", "a", "1990");
    put("index", "b", "1990");
    put("index", "c", "1991");
    QueryRequest.Builder query =
        QueryRequest.builder()
            .tableName(NAME)
            .keyConditionExpression("#y = :y")
            .expressionAttributeNames(Map.of("#y", "year"))
            .expressionAttributeValues(Map.of(":y", n("1990")));
    List<Map<String, AttributeValue>> found = client.query(query.indexName("by-year").build()).items();
    assertEquals(2, found.size());
    assertEquals(3, found.get(0).size());
    List<Map<String, AttributeValue>> local =
        client
            .query(
                r ->
                    r.tableName(NAME)
                        .indexName("local")
                        .consistentRead(true)
                        .scanIndexForward(false)
                        .keyConditionExpression("pk = :p AND #y BETWEEN :a AND :b")
                        .expressionAttributeNames(Map.of("#y", "year"))
                        .expressionAttributeValues(Map.of(":p", s("index"), ":a", n("1990"), ":b", n("1991"))))
            .items();
    assertEquals(List.of("1991", "1990", "1990"), local.stream().map(item -> item.get("year").n()).toList());
    DynamoDbException refused =
        assertThrows(
            DynamoDbException.class, () -> client.query(query.indexName("by-year").consistentRead(true).build()));
    assertTrue(refused.getMessage().contains("Consistent reads are not supported on global secondary indexes"));
  }

  @Test
  void expressionsReachIntoDocuments() {
    Map<String, AttributeValue> item =
        Map.of(
            "pk", s("doc"), "sk", s("one"), "list", AttributeValue.fromL(List.of(n("1"), n("2"))),
            "map", AttributeValue.fromM(Map.of("a", s("b"))), "tags", AttributeValue.fromSs(List.of("x", "y")));
    client.putItem(r -> r.tableName(NAME).item(item));
    Map<String, AttributeValue> made =
        client
            .updateItem(
                r ->
                    r.tableName(NAME)
                        .key(key("doc", "one"))
                        .updateExpression(
                            "SET #m.c = :d, #l = list_append(#l, :three), seen = if_not_exists(seen, :one)"
                                + " REMOVE #m.a DELETE tags :x")
                        .conditionExpression(
                            "size(#l) > :one AND begins_with(#m.a, :b) AND attribute_type(#l[0], :n)"
                                + " AND contains(tags, :y) AND NOT attribute_exists(nowhere)")
                        .expressionAttributeNames(Map.of("#m", "map", "#l", "list"))
                        .expressionAttributeValues(
                            Map.of(
                                ":d", s("d"), ":three", AttributeValue.fromL(List.of(n("3"))), ":one", n("1"),
                                ":b", s("b"), ":n", s("N"), ":y", s("y"),
                                ":x", AttributeValue.fromSs(List.of("x"))))
                        .returnValues("ALL_NEW"))
            .attributes();
    assertEquals(Map.of("c", s("d")), made.get("map").m());
    assertEquals(List.of(n("1"), n("2"), n("3")), made.get("list").l());
    assertEquals(List.of("y"), made.get("tags").ss());
    assertEquals("1", made.get("seen").n());
  }

  @Test
  void streamsTellChangesInOrder() {
    put("stream", "a", "1");
    put("stream", "a", "2");
    client.deleteItem(r -> r.tableName(NAME).key(key("stream", "a")));
    List<Record> records = new ArrayList<>();
    try (DynamoDbStreamsClient streams = DynamoDbStreamsClient.create()) {
      for (Shard shard : streams.describeStream(r -> r.streamArn(streamArn)).streamDescription().shards()) {
        String iterator =
            streams
                .getShardIterator(
                    r -> r.streamArn(streamArn).shardId(shard.shardId()).shardIteratorType("TRIM_HORIZON"))
                .shardIterator();
        streams.getRecords(r -> r.shardIterator(iterator)).records().stream()
            .filter(record -> record.dynamodb().keys().get("pk").s().equals("stream"))
            .forEach(records::add);
      }
    }
    assertEquals(
        List.of(OperationType.INSERT, OperationType.MODIFY, OperationType.REMOVE),
        records.stream().map(Record::eventName).toList());
    assertEquals("1", records.get(1).dynamodb().oldImage().get("year").n());
  }

  @Test
  void batchesReadAndWrite() {
    List<WriteRequest> writes = new ArrayList<>();
    List<Map<String, AttributeValue>> keys = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Map<String, AttributeValue> key = key("batch", Integer.toString(i));
      keys.add(key);
      writes.add(WriteRequest.builder().putRequest(p -> p.item(key)).build());
    }
    assertTrue(client.batchWriteItem(r -> r.requestItems(Map.of(NAME, writes))).unprocessedItems().isEmpty());
    KeysAndAttributes wanted = KeysAndAttributes.builder().keys(keys).consistentRead(true).build();
    assertEquals(20, client.batchGetItem(r -> r.requestItems(Map.of(NAME, wanted))).responses().get(NAME).size());
  }

  @Test
  void statementsWriteInBatches() {
    String insert = "INSERT INTO \"" + NAME + "\" VALUE {'pk': ?, 'sk': 'a', 'count': 1}";
    BatchStatementRequest one = BatchStatementRequest.builder().statement(insert).parameters(s("ql")).build();
    var answers = client.batchExecuteStatement(r -> r.statements(one, one)).responses();
    assertEquals(null, answers.get(0).error());
    assertEquals(BatchStatementErrorCodeEnum.DUPLICATE_ITEM, answers.get(1).error().code());
    String update = "UPDATE \"" + NAME + "\" SET \"count\" = \"count\" + 1 WHERE pk = 'ql' AND sk = 'a'";
    client.executeTransaction(r -> r.transactStatements(t -> t.statement(update)));
    TransactGetItem get = TransactGetItem.builder().get(g -> g.tableName(NAME).key(key("ql", "a"))).build();
    assertEquals("2", client.transactGetItems(r -> r.transactItems(get)).responses().get(0).item().get("count").n());
  }

  @Test
  void aTokenMakesATransactionHappenOnce() {
    TransactWriteItem add =
        TransactWriteItem.builder()
            .update(
                u ->
                    u.tableName(NAME)
                        .key(key("token", "a"))
                        .updateExpression("ADD hits :one")
                        .expressionAttributeValues(Map.of(":one", n("1"))))
            .build();
    TransactWriteItemsRequest request =
        TransactWriteItemsRequest.builder().clientRequestToken(UUID.randomUUID().toString()).transactItems(add).build();
    client.transactWriteItems(request);
    client.transactWriteItems(request);
    assertEquals("1", client.getItem(r -> r.tableName(NAME).key(key("token", "a"))).item().get("hits").n());
    TransactWriteItem other = add.toBuilder().update(add.update().toBuilder().updateExpression("ADD more :one").build()).build();
    assertThrows(
        IdempotentParameterMismatchException.class,
        () -> client.transactWriteItems(request.toBuilder().transactItems(other).build()));
  }
}
