// A function in Go, with the official runtime, on provided.al2023.
package clients

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func packedBootstrap(t *testing.T) []byte {
	binary := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, "./function")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	content, err := os.ReadFile(binary)
	check(t, err)
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	entry, err := archive.CreateHeader(header)
	check(t, err)
	_, err = entry.Write(content)
	check(t, err)
	check(t, archive.Close())
	return packed.Bytes()
}

func TestFunctionWithTheOfficialRuntime(t *testing.T) {
	ctx, _ := connect(t)
	settings, err := config.LoadDefaultConfig(ctx)
	check(t, err)
	name := fmt.Sprintf("go-function-%d", time.Now().UnixNano())
	role, err := iam.NewFromConfig(settings).CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: &name, AssumeRolePolicyDocument: aws.String(trust),
	})
	check(t, err)
	client := lambda.NewFromConfig(settings)
	_, err = client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &name, Role: role.Role.Arn, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &types.FunctionCode{ZipFile: packedBootstrap(t)},
	})
	check(t, err)
	check(t, lambda.NewFunctionActiveV2Waiter(client).Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute))

	for range 3 { // the first starts an environment, the others find it warm
		reply, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: []byte(`{"name":"you"}`)})
		check(t, err)
		var said map[string]string
		check(t, json.Unmarshal(reply.Payload, &said))
		if reply.FunctionError != nil || said["greeting"] != "hello you" || said["function"] != name || said["request"] == "" {
			t.Fatalf("%v %s", reply.FunctionError, reply.Payload)
		}
	}
	failed, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: []byte(`{"fail":true}`)})
	check(t, err)
	var fault map[string]any
	check(t, json.Unmarshal(failed.Payload, &fault))
	if failed.FunctionError == nil || fault["errorMessage"] != "told to fail" || fault["errorType"] != "errorString" {
		t.Fatalf("%v %s", failed.FunctionError, failed.Payload)
	}
}
