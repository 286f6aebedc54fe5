// Indexes, streams, batches, statements and the life of a table through the AWS SDK for Go v2.
package clients

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

func text(value string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: value} }
func number(value string) types.AttributeValue { return &types.AttributeValueMemberN{Value: value} }

func addIndex(t *testing.T, ctx context.Context, client *dynamodb.Client, table string) {
	_, err := client.UpdateTable(ctx, &dynamodb.UpdateTableInput{
		TableName: &table,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("year"), AttributeType: types.ScalarAttributeTypeN}},
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{
			Create: &types.CreateGlobalSecondaryIndexAction{
				IndexName:  aws.String("by-year"),
				KeySchema:  []types.KeySchemaElement{{AttributeName: aws.String("year"), KeyType: types.KeyTypeHash}},
				Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}}}}})
	check(t, err)
	for {
		described, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
		check(t, err)
		if described.Table.GlobalSecondaryIndexes[0].IndexStatus == types.IndexStatusActive {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestAnIndexIsFilledAndFollowsWrites(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	put(t, ctx, client, table, song{"acme", "one", 1990, []string{"a"}})
	addIndex(t, ctx, client, table)
	put(t, ctx, client, table, song{"acme", "two", 1990, []string{"a"}})
	put(t, ctx, client, table, song{"acme", "three", 1991, []string{"a"}})
	query := &dynamodb.QueryInput{
		TableName: &table, IndexName: aws.String("by-year"), KeyConditionExpression: aws.String("#y = :y"),
		ExpressionAttributeNames:  map[string]string{"#y": "year"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":y": number("1990")},
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityIndexes}
	found, err := client.Query(ctx, query)
	check(t, err)
	if found.Count != 2 || len(found.Items[0]) != 3 || found.ConsumedCapacity.GlobalSecondaryIndexes["by-year"].CapacityUnits == nil {
		t.Fatalf("found %+v", found)
	}
	query.ConsistentRead = aws.Bool(true)
	_, err = client.Query(ctx, query)
	if err == nil || !strings.Contains(err.Error(), "Consistent reads are not supported on global secondary indexes") {
		t.Fatalf("error %v", err)
	}
}

func TestExpressionsReachIntoDocuments(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	item := keyOf("doc", "one")
	item["list"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{number("1"), number("2")}}
	item["map"] = &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"a": text("b")}}
	_, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item})
	check(t, err)
	built, err := expression.NewBuilder().
		WithUpdate(expression.
			Set(expression.Name("map.c"), expression.Value("d")).
			Set(expression.Name("list"), expression.ListAppend(expression.Name("list"), expression.Value([]int{3}))).
			Set(expression.Name("seen"), expression.IfNotExists(expression.Name("seen"), expression.Value(1))).
			Remove(expression.Name("map.a"))).
		WithCondition(expression.And(
			expression.Name("list").Size().GreaterThan(expression.Value(1)),
			expression.Name("map.a").BeginsWith("b"),
			expression.AttributeType(expression.Name("list[0]"), expression.Number),
			expression.Not(expression.AttributeExists(expression.Name("none"))))).Build()
	check(t, err)
	_, err = client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &table, Key: keyOf("doc", "one"), UpdateExpression: built.Update(), ConditionExpression: built.Condition(),
		ExpressionAttributeNames: built.Names(), ExpressionAttributeValues: built.Values()})
	check(t, err)
	names := map[string]string{"#m": "map", "#l": "list"}
	found, err := client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: keyOf("doc", "one"), ProjectionExpression: aws.String("#m, #l[2]"), ExpressionAttributeNames: names})
	check(t, err)
	var back struct {
		Map  map[string]string `dynamodbav:"map"`
		List []int             `dynamodbav:"list"`
	}
	check(t, attributevalue.UnmarshalMap(found.Item, &back))
	if back.Map["c"] != "d" || len(back.Map) != 1 || len(back.List) != 1 || back.List[0] != 3 {
		t.Fatalf("found %+v", back)
	}
}

func TestStreamsTellChangesInOrder(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	updated, err := client.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table,
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages}})
	check(t, err)
	arn := updated.TableDescription.LatestStreamArn
	put(t, ctx, client, table, song{"acme", "one", 1, []string{"a"}})
	put(t, ctx, client, table, song{"acme", "one", 2, []string{"a"}})
	_, err = client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: keyOf("acme", "one")})
	check(t, err)
	settings, err := config.LoadDefaultConfig(ctx)
	check(t, err)
	streams := dynamodbstreams.NewFromConfig(settings)
	described, err := streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	check(t, err)
	var events []streamtypes.Record
	for _, shard := range described.StreamDescription.Shards {
		iterator, err := streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
			StreamArn: arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
		check(t, err)
		records, err := streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: iterator.ShardIterator})
		check(t, err)
		events = append(events, records.Records...)
	}
	if len(events) != 3 {
		t.Fatalf("records %+v", events)
	}
	for i, name := range []streamtypes.OperationType{"INSERT", "MODIFY", "REMOVE"} {
		if events[i].EventName != name {
			t.Fatalf("record %d: %+v", i, events[i])
		}
	}
	if events[1].Dynamodb.OldImage["year"].(*streamtypes.AttributeValueMemberN).Value != "1" {
		t.Fatalf("record %+v", events[1])
	}
}

func TestBatchesAndParallelScans(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	var keys []map[string]types.AttributeValue
	var writes []types.WriteRequest
	for i := 0; i < 20; i++ {
		key := keyOf(fmt.Sprint(i), "x")
		keys = append(keys, key)
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: key}})
	}
	_, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: writes}})
	check(t, err)
	got, err := client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{table: {Keys: keys, ConsistentRead: aws.Bool(true)}}})
	check(t, err)
	if len(got.Responses[table]) != 20 || len(got.UnprocessedKeys) != 0 {
		t.Fatalf("got %d", len(got.Responses[table]))
	}
	total := 0
	for segment := int32(0); segment < 4; segment++ {
		pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{
			TableName: &table, Segment: aws.Int32(segment), TotalSegments: aws.Int32(4), Limit: aws.Int32(3)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			check(t, err)
			total += len(page.Items)
		}
	}
	if total != 20 {
		t.Fatalf("scanned %d", total)
	}
	writes[1] = writes[0]
	_, err = client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: writes}})
	if err == nil || !strings.Contains(err.Error(), "Provided list of item keys contains duplicates") {
		t.Fatalf("error %v", err)
	}
}

func TestStatementsWriteInBatchesAndTransactions(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	insert := aws.String(fmt.Sprintf(`INSERT INTO "%s" VALUE {'pk': ?, 'sk': 'a', 'n': 1}`, table))
	done, err := client.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: []types.BatchStatementRequest{
		{Statement: insert, Parameters: []types.AttributeValue{text("1")}},
		{Statement: insert, Parameters: []types.AttributeValue{text("1")}}}})
	check(t, err)
	if done.Responses[0].Error != nil || done.Responses[1].Error.Code != types.BatchStatementErrorCodeEnumDuplicateItem {
		t.Fatalf("responses %+v", done.Responses)
	}
	update := aws.String(fmt.Sprintf(`UPDATE "%s" SET n = n + 1 WHERE pk = ? AND sk = 'a'`, table))
	_, err = client.ExecuteTransaction(ctx, &dynamodb.ExecuteTransactionInput{TransactStatements: []types.ParameterizedStatement{
		{Statement: update, Parameters: []types.AttributeValue{text("1")}}, {Statement: insert, Parameters: []types.AttributeValue{text("2")}}}})
	check(t, err)
	_, err = client.ExecuteTransaction(ctx, &dynamodb.ExecuteTransactionInput{TransactStatements: []types.ParameterizedStatement{
		{Statement: update, Parameters: []types.AttributeValue{text("1")}}, {Statement: insert, Parameters: []types.AttributeValue{text("2")}}}})
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || *cancelled.CancellationReasons[1].Code != "DuplicateItem" {
		t.Fatalf("error %v", err)
	}
	read, err := client.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: &table, Key: keyOf("1", "a")}}, {Get: &types.Get{TableName: &table, Key: keyOf("none", "a")}}}})
	check(t, err)
	if read.Responses[0].Item["n"].(*types.AttributeValueMemberN).Value != "2" || read.Responses[1].Item != nil {
		t.Fatalf("read %+v", read.Responses)
	}
}

func TestATokenMakesATransactionHappenOnce(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	add := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: aws.String(table),
		TransactItems: []types.TransactWriteItem{{Update: &types.Update{TableName: &table, Key: keyOf("t", "1"),
			UpdateExpression:          aws.String("ADD n :one"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":one": number("1")}}}}}
	for i := 0; i < 3; i++ {
		_, err := client.TransactWriteItems(ctx, add)
		check(t, err)
	}
	found, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: keyOf("t", "1")})
	check(t, err)
	if found.Item["n"].(*types.AttributeValueMemberN).Value != "1" {
		t.Fatalf("found %v", found.Item)
	}
	add.TransactItems[0].Update.UpdateExpression = aws.String("ADD m :one")
	_, err = client.TransactWriteItems(ctx, add)
	var mismatch *types.IdempotentParameterMismatchException
	if !errors.As(err, &mismatch) {
		t.Fatalf("error %v", err)
	}
}

func TestSettingsOfATable(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	_, err := client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: &table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("ttl"), Enabled: aws.Bool(true)}})
	check(t, err)
	backup, err := client.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: &table, BackupName: aws.String("first")})
	check(t, err)
	if backup.BackupDetails.BackupType != types.BackupTypeUser {
		t.Fatalf("backup %+v", backup.BackupDetails)
	}
	_, err = client.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table, DeletionProtectionEnabled: aws.Bool(true)})
	check(t, err)
	if _, err = client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &table}); err == nil {
		t.Fatal("a protected table was deleted")
	}
	_, err = client.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table, DeletionProtectionEnabled: aws.Bool(false)})
	check(t, err)
}
