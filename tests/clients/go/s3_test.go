// The object store through the AWS SDK for Go v2: its checksums, its manager's uploads in parts, presigned URLs, typed
// errors. AWS_ENDPOINT_URL and the credentials come from the environment.
package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

func makeBucket(t *testing.T) (context.Context, *s3.Client, *string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	settings, err := config.LoadDefaultConfig(ctx)
	check(t, err)
	client := s3.NewFromConfig(settings, func(options *s3.Options) { options.UsePathStyle = true })
	bucket := aws.String(fmt.Sprintf("go-%d", time.Now().UnixNano()))
	_, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(settings.Region)}})
	check(t, err)
	return ctx, client, bucket
}

func codeOf(err error) string {
	var failed smithy.APIError
	if errors.As(err, &failed) {
		return failed.ErrorCode()
	}
	return fmt.Sprint(err)
}

func contentOf(t *testing.T, body io.ReadCloser) string {
	t.Helper()
	defer body.Close()
	content, err := io.ReadAll(body)
	check(t, err)
	return string(content)
}

func TestObjectsComeBackWithTheirChecksums(t *testing.T) {
	ctx, client, bucket := makeBucket(t)
	for _, algorithm := range []types.ChecksumAlgorithm{"", types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c,
		types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256} {
		key := aws.String("folder/a b+" + string(algorithm))
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("hello"),
			ChecksumAlgorithm: algorithm, Metadata: map[string]string{"color": "red"}})
		check(t, err)
		got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key, ChecksumMode: types.ChecksumModeEnabled})
		check(t, err)
		if content := contentOf(t, got.Body); content != "hello" || got.Metadata["color"] != "red" {
			t.Fatal(algorithm, content, got.Metadata)
		}
	}
	listed := 0
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket, MaxKeys: aws.Int32(4)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		check(t, err)
		listed += len(page.Contents)
	}
	if listed != 6 {
		t.Fatal(listed)
	}
}

func TestTheManagerSendsParts(t *testing.T) {
	ctx, client, bucket := makeBucket(t)
	key := aws.String("large")
	content := bytes.Repeat([]byte("0123456789abcdef"), 12<<16)
	// Without its size: the body is only read.
	done, err := manager.NewUploader(client).Upload(ctx,
		&s3.PutObjectInput{Bucket: bucket, Key: key, Body: io.MultiReader(bytes.NewReader(content))})
	check(t, err)
	if len(done.CompletedParts) != 3 || !strings.HasSuffix(*done.ETag, "-3\"") {
		t.Fatal(len(done.CompletedParts), *done.ETag)
	}
	back := manager.NewWriteAtBuffer(nil)
	_, err = manager.NewDownloader(client).Download(ctx, back, &s3.GetObjectInput{Bucket: bucket, Key: key})
	check(t, err)
	if !bytes.Equal(back.Bytes(), content) {
		t.Fatal("other bytes came back")
	}
}

func TestConditionsAndTypedErrorsOfObjects(t *testing.T) {
	ctx, client, bucket := makeBucket(t)
	key := aws.String("once")
	put := func(change func(*s3.PutObjectInput)) error {
		input := &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("x")}
		change(input)
		_, err := client.PutObject(ctx, input)
		return err
	}
	check(t, put(func(input *s3.PutObjectInput) { input.IfNoneMatch = aws.String("*") }))
	if code := codeOf(put(func(input *s3.PutObjectInput) { input.IfNoneMatch = aws.String("*") })); code != "PreconditionFailed" {
		t.Fatal(code)
	}
	if code := codeOf(put(func(input *s3.PutObjectInput) { input.IfMatch = aws.String("\"other\"") })); code != "PreconditionFailed" {
		t.Fatal(code)
	}
	_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("none")})
	var missing *types.NoSuchKey
	if !errors.As(err, &missing) {
		t.Fatal(err)
	}
	_, err = client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("none")})
	var notFound *types.NotFound
	if !errors.As(err, &notFound) {
		t.Fatal(err)
	}
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
	if code := codeOf(err); code != "BucketNotEmpty" {
		t.Fatal(code)
	}
	gone, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket,
		Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: key}, {Key: aws.String("none")}}}})
	check(t, err)
	if len(gone.Deleted) != 2 || len(gone.Errors) != 0 {
		t.Fatal(gone.Deleted, gone.Errors)
	}
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
	check(t, err)
}

func TestPresignedURLsNeedNoClient(t *testing.T) {
	ctx, client, bucket := makeBucket(t)
	signer := s3.NewPresignClient(client)
	key := aws.String("signed")
	up, err := signer.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key})
	check(t, err)
	request, err := http.NewRequestWithContext(ctx, up.Method, up.URL, strings.NewReader("by hand"))
	check(t, err)
	request.Header = up.SignedHeader.Clone()
	request.Header.Del("Host")
	request.ContentLength = int64(len("by hand"))
	answer, err := http.DefaultClient.Do(request)
	check(t, err)
	if content := contentOf(t, answer.Body); answer.StatusCode != 200 {
		t.Fatal(answer.Status, content)
	}
	down, err := signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
	check(t, err)
	answer, err = http.Get(down.URL)
	check(t, err)
	if content := contentOf(t, answer.Body); content != "by hand" {
		t.Fatal(answer.Status, content)
	}
}

func TestVersionsOfAnObject(t *testing.T) {
	ctx, client, bucket := makeBucket(t)
	key := aws.String("kept")
	_, err := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	check(t, err)
	var versions []*string
	for _, content := range []string{"one", "two"} {
		put, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(content)})
		check(t, err)
		versions = append(versions, put.VersionId)
	}
	removed, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})
	check(t, err)
	if !aws.ToBool(removed.DeleteMarker) {
		t.Fatal("no delete marker")
	}
	got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key, VersionId: versions[0]})
	check(t, err)
	if content := contentOf(t, got.Body); content != "one" {
		t.Fatal(content)
	}
	listed, err := client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: bucket})
	check(t, err)
	if len(listed.Versions) != 2 || len(listed.DeleteMarkers) != 1 {
		t.Fatal(len(listed.Versions), len(listed.DeleteMarkers))
	}
}
