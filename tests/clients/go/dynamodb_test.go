// The essentials of the table service through the AWS SDK for Go v2. AWS_ENDPOINT_URL and the credentials come from the
// environment.
package clients

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type song struct {
	Artist string   `dynamodbav:"pk"`
	Title  string   `dynamodbav:"sk"`
	Year   int      `dynamodbav:"year"`
	Tags   []string `dynamodbav:"tags,stringset"`
}

func connect(t *testing.T) (context.Context, *dynamodb.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	settings, err := config.LoadDefaultConfig(ctx)
	check(t, err)
	return ctx, dynamodb.NewFromConfig(settings)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func makeTable(t *testing.T, ctx context.Context, client *dynamodb.Client) string {
	name := fmt.Sprintf("go-%d", time.Now().UnixNano())
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
	})
	check(t, err)
	check(t, dynamodb.NewTableExistsWaiter(client).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute))
	t.Cleanup(func() { client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}) })
	return name
}

func put(t *testing.T, ctx context.Context, client *dynamodb.Client, table string, one song) {
	item, err := attributevalue.MarshalMap(one)
	check(t, err)
	_, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item})
	check(t, err)
}

func keyOf(artist, title string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: artist}, "sk": &types.AttributeValueMemberS{Value: title}}
}

func TestItemsComeBackAsStructs(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	put(t, ctx, client, table, song{"acme", "one", 1990, []string{"a", "b"}})
	found, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: keyOf("acme", "one")})
	check(t, err)
	var back song
	check(t, attributevalue.UnmarshalMap(found.Item, &back))
	if back.Year != 1990 || len(back.Tags) != 2 {
		t.Fatalf("found %+v", back)
	}
}

func TestBuiltExpressionsAndTypedErrors(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	put(t, ctx, client, table, song{"acme", "one", 1990, []string{"a"}})
	built, err := expression.NewBuilder().
		WithUpdate(expression.Set(expression.Name("year"), expression.Name("year").Plus(expression.Value(1)))).
		WithCondition(expression.Name("year").Equal(expression.Value(1990))).Build()
	check(t, err)
	update := &dynamodb.UpdateItemInput{
		TableName: &table, Key: keyOf("acme", "one"), UpdateExpression: built.Update(), ConditionExpression: built.Condition(),
		ExpressionAttributeNames: built.Names(), ExpressionAttributeValues: built.Values(),
		ReturnValues:                        types.ReturnValueUpdatedNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	done, err := client.UpdateItem(ctx, update)
	check(t, err)
	if done.Attributes["year"].(*types.AttributeValueMemberN).Value != "1991" {
		t.Fatalf("updated %v", done.Attributes)
	}
	_, err = client.UpdateItem(ctx, update)
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) || failed.Item["year"].(*types.AttributeValueMemberN).Value != "1991" {
		t.Fatalf("error %v", err)
	}
	var missing *types.ResourceNotFoundException
	_, err = client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("no-such-table"), Key: keyOf("a", "b")})
	if !errors.As(err, &missing) {
		t.Fatalf("error %v", err)
	}
}

func TestPaginatorReadsAll(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	var writes []types.WriteRequest
	for i := 0; i < 25; i++ {
		item, err := attributevalue.MarshalMap(song{"acme", fmt.Sprintf("%03d", i), i, []string{"a"}})
		check(t, err)
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	_, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{table: writes}})
	check(t, err)
	built, err := expression.NewBuilder().WithKeyCondition(expression.Key("pk").Equal(expression.Value("acme"))).Build()
	check(t, err)
	pages := dynamodb.NewQueryPaginator(client, &dynamodb.QueryInput{
		TableName: &table, Limit: aws.Int32(10), KeyConditionExpression: built.KeyCondition(),
		ExpressionAttributeNames: built.Names(), ExpressionAttributeValues: built.Values()})
	count := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		check(t, err)
		count += len(page.Items)
	}
	if count != 25 {
		t.Fatalf("read %d items", count)
	}
}

func TestTransactionsAndStatements(t *testing.T) {
	ctx, client := connect(t)
	table := makeTable(t, ctx, client)
	absent := aws.String("attribute_not_exists(pk)")
	write := func(title string) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: keyOf("t", title), ConditionExpression: absent}}
	}
	_, err := client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{write("1"), write("2")}})
	check(t, err)
	_, err = client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{write("3"), write("2")}})
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || *cancelled.CancellationReasons[1].Code != "ConditionalCheckFailed" {
		t.Fatalf("error %v", err)
	}
	found, err := client.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{
		Statement:  aws.String(fmt.Sprintf(`SELECT sk FROM "%s" WHERE pk = ? ORDER BY sk DESC`, table)),
		Parameters: []types.AttributeValue{&types.AttributeValueMemberS{Value: "t"}}})
	check(t, err)
	if len(found.Items) != 2 || found.Items[0]["sk"].(*types.AttributeValueMemberS).Value != "2" {
		t.Fatalf("found %v", found.Items)
	}
}
