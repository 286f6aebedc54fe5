import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedClient;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbTable;
import software.amazon.awssdk.enhanced.dynamodb.Expression;
import software.amazon.awssdk.enhanced.dynamodb.Key;
import software.amazon.awssdk.enhanced.dynamodb.TableSchema;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbBean;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSortKey;
import software.amazon.awssdk.enhanced.dynamodb.model.QueryConditional;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.Put;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;
import software.amazon.awssdk.services.dynamodb.model.TransactionCanceledException;

/** The essentials of the table service through the AWS SDK for Java 2, plain and enhanced. */
class DynamoDbTest {
  @DynamoDbBean
  public static class Song {
    private String artist;
    private String title;
    private int year;

    @DynamoDbPartitionKey
    public String getArtist() {
      return artist;
    }

    public void setArtist(String artist) {
      this.artist = artist;
    }

    @DynamoDbSortKey
    public String getTitle() {
      return title;
    }

    public void setTitle(String title) {
      this.title = title;
    }

    public int getYear() {
      return year;
    }

    public void setYear(int year) {
      this.year = year;
    }
  }

  static DynamoDbClient client;
  static DynamoDbTable<Song> songs;
  static final String NAME = "java-" + UUID.randomUUID();

  @BeforeAll
  static void makeTable() {
    client = DynamoDbClient.create();
    songs = DynamoDbEnhancedClient.builder().dynamoDbClient(client).build().table(NAME, TableSchema.fromBean(Song.class));
    songs.createTable();
    client.waiter().waitUntilTableExists(request -> request.tableName(NAME));
  }

  @AfterAll
  static void dropTable() {
    songs.deleteTable();
  }

  static Song song(String artist, String title, int year) {
    Song song = new Song();
    song.setArtist(artist);
    song.setTitle(title);
    song.setYear(year);
    return song;
  }

  static Map<String, AttributeValue> key(String artist, String title) {
    return Map.of("artist", AttributeValue.fromS(artist), "title", AttributeValue.fromS(title));
  }

  @Test
  void beansComeBack() {
    songs.putItem(song("acme", "one", 1990));
    assertEquals(1990, songs.getItem(Key.builder().partitionValue("acme").sortValue("one").build()).getYear());
  }

  @Test
  void queriesPageThroughAll() {
    for (int i = 0; i < 12; i++) songs.putItem(song("many", String.format("%02d", i), i));
    QueryConditional many = QueryConditional.keyEqualTo(Key.builder().partitionValue("many").build());
    List<Song> found = songs.query(request -> request.queryConditional(many).limit(5)).items().stream().toList();
    assertEquals(12, found.size());
    assertEquals(11, found.get(11).getYear());
  }

  @Test
  void conditionsThatDoNotHoldAreTypedErrors() {
    songs.putItem(song("cond", "one", 1));
    Expression absent = Expression.builder().expression("attribute_not_exists(artist)").build();
    assertThrows(
        ConditionalCheckFailedException.class,
        () -> songs.putItem(request -> request.item(song("cond", "one", 2)).conditionExpression(absent)));
    assertThrows(
        ResourceNotFoundException.class,
        () -> client.getItem(request -> request.tableName("no-such-table").key(key("a", "b"))));
  }

  @Test
  void updatesReturnWhatTheyMade() {
    songs.putItem(song("up", "one", 1));
    Map<String, AttributeValue> made =
        client
            .updateItem(
                request ->
                    request
                        .tableName(NAME)
                        .key(key("up", "one"))
                        .updateExpression("SET #y = #y + :n")
                        .expressionAttributeNames(Map.of("#y", "year"))
                        .expressionAttributeValues(Map.of(":n", AttributeValue.fromN("41")))
                        .returnValues("UPDATED_NEW"))
            .attributes();
    assertEquals("42", made.get("year").n());
  }

  @Test
  void transactionsTellWhyTheyWereCancelled() {
    Put put = Put.builder().tableName(NAME).item(key("t", "1")).conditionExpression("attribute_not_exists(artist)").build();
    TransactWriteItem item = TransactWriteItem.builder().put(put).build();
    client.transactWriteItems(request -> request.transactItems(item));
    TransactionCanceledException cancelled =
        assertThrows(
            TransactionCanceledException.class, () -> client.transactWriteItems(request -> request.transactItems(item)));
    assertEquals("ConditionalCheckFailed", cancelled.cancellationReasons().get(0).code());
  }

  @Test
  void statementsSelect() {
    songs.putItem(song("ql", "one", 7));
    assertEquals(
        "7",
        client
            .executeStatement(
                request ->
                    request
                        .statement("SELECT \"year\" FROM \"" + NAME + "\" WHERE artist = ?")
                        .parameters(AttributeValue.fromS("ql")))
            .items()
            .get(0)
            .get("year")
            .n());
  }
}
