// A consumer of a stream through the AWS SDK for Go v2: it is told of records over HTTP/2, goes on where it stopped, and
// follows a split to the new shards. AWS_CA_BUNDLE trusts the server.
package clients

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// spokenTo notes which HTTP the answers to an operation came over.
type spokenTo struct {
	client    config.HTTPClient
	mutex     sync.Mutex
	protocols map[string]string
}

func (s *spokenTo) Do(request *http.Request) (*http.Response, error) {
	response, err := s.client.Do(request)
	if err == nil {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.protocols[request.Header.Get("X-Amz-Target")] = response.Proto
	}
	return response, err
}

func connectStreams(t *testing.T) (context.Context, *kinesis.Client, *spokenTo) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	settings, err := config.LoadDefaultConfig(ctx)
	check(t, err)
	spoken := &spokenTo{client: settings.HTTPClient, protocols: map[string]string{}}
	if spoken.client == nil {
		spoken.client = awshttp.NewBuildableClient()
	}
	client := kinesis.NewFromConfig(settings, func(options *kinesis.Options) {
		options.HTTPClient = spoken
		options.BaseEndpoint = aws.String(strings.Replace(os.Getenv("AWS_ENDPOINT_URL"), "http://", "https://", 1))
	})
	return ctx, client, spoken
}

type consumer struct {
	t      *testing.T
	ctx    context.Context
	client *kinesis.Client
	arn    *string
}

// read gives what comes from a shard, up to so many records or the shard's end: the records, the sequence number to go
// on after, and the shards that follow.
func (c consumer) read(shard string, from types.StartingPosition, count int) ([]string, *string, []types.ChildShard) {
	c.t.Helper()
	answer, err := c.client.SubscribeToShard(c.ctx, &kinesis.SubscribeToShardInput{
		ConsumerARN: c.arn, ShardId: &shard, StartingPosition: &from,
	})
	check(c.t, err)
	stream := answer.GetStream()
	defer stream.Close()
	var records []string
	var last *string
	for event := range stream.Events() {
		told, ok := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
		if !ok {
			c.t.Fatalf("%T", event)
		}
		for _, record := range told.Value.Records {
			records = append(records, string(record.Data))
		}
		last = told.Value.ContinuationSequenceNumber
		if len(told.Value.ChildShards) > 0 {
			return records, last, told.Value.ChildShards
		}
		if len(records) >= count {
			return records, last, nil
		}
	}
	c.t.Fatalf("the subscription ended after %d records: %v", len(records), stream.Err())
	return nil, nil, nil
}

func putRecords(t *testing.T, ctx context.Context, client *kinesis.Client, stream string, first, count int) {
	t.Helper()
	var entries []types.PutRecordsRequestEntry
	for i := first; i < first+count; i++ {
		entries = append(entries, types.PutRecordsRequestEntry{
			Data: fmt.Appendf(nil, "%03d", i), PartitionKey: aws.String(fmt.Sprint("key", i)),
		})
	}
	done, err := client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &stream, Records: entries})
	check(t, err)
	if *done.FailedRecordCount != 0 {
		t.Fatalf("%d records were refused", *done.FailedRecordCount)
	}
}

func numbers(first, count int) string {
	var all []string
	for i := first; i < first+count; i++ {
		all = append(all, fmt.Sprintf("%03d", i))
	}
	return strings.Join(all, " ")
}

func TestConsumerOfAStream(t *testing.T) {
	ctx, client, spoken := connectStreams(t)
	name := fmt.Sprintf("go-%d", time.Now().UnixNano())
	_, err := client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(1)})
	check(t, err)
	t.Cleanup(func() {
		client.DeleteStream(context.Background(), &kinesis.DeleteStreamInput{
			StreamName: &name, EnforceConsumerDeletion: aws.Bool(true),
		})
	})
	check(t, kinesis.NewStreamExistsWaiter(client).Wait(ctx, &kinesis.DescribeStreamInput{StreamName: &name}, time.Minute))
	described, err := client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &name})
	check(t, err)
	registered, err := client.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
		StreamARN: described.StreamDescriptionSummary.StreamARN, ConsumerName: aws.String("reader"),
	})
	check(t, err)
	reader := consumer{t, ctx, client, registered.Consumer.ConsumerARN}
	const first = "shardId-000000000000"
	horizon := types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon}

	putRecords(t, ctx, client, name, 0, 20)
	records, last, _ := reader.read(first, horizon, 20)
	if strings.Join(records, " ") != numbers(0, 20) {
		t.Fatal(records)
	}
	if protocol := spoken.protocols["Kinesis_20131202.SubscribeToShard"]; protocol != "HTTP/2.0" {
		t.Fatalf("it came over %q", protocol)
	}

	putRecords(t, ctx, client, name, 20, 10)
	onwards := types.StartingPosition{Type: types.ShardIteratorTypeAfterSequenceNumber, SequenceNumber: last}
	records, last, _ = reader.read(first, onwards, 10)
	if strings.Join(records, " ") != numbers(20, 10) {
		t.Fatal(records)
	}

	_, err = client.SplitShard(ctx, &kinesis.SplitShardInput{
		StreamName: &name, ShardToSplit: aws.String(first), NewStartingHashKey: aws.String("170141183460469231731687303715884105728"),
	})
	check(t, err)
	putRecords(t, ctx, client, name, 30, 40)
	onwards.SequenceNumber = last
	records, _, children := reader.read(first, onwards, 1)
	if len(records) != 0 || len(children) != 2 {
		t.Fatalf("%v %v", records, children)
	}
	seen := map[string]bool{}
	for _, child := range children {
		iterator, err := client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
			StreamName: &name, ShardId: child.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
		})
		check(t, err)
		page, err := client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator.ShardIterator})
		check(t, err)
		records, _, _ := reader.read(*child.ShardId, horizon, len(page.Records))
		if len(records) != len(page.Records) || child.ParentShards[0] != first {
			t.Fatalf("%d records were told of, %d read", len(records), len(page.Records))
		}
		for i, record := range records {
			if i > 0 && record <= records[i-1] || record != string(page.Records[i].Data) {
				t.Fatal(records)
			}
			seen[record] = true
		}
	}
	if len(seen) != 40 {
		t.Fatalf("%d of 40 records came", len(seen))
	}
}
