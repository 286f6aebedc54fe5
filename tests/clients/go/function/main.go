// A function built with the official runtime for Go, deployed as a `bootstrap` by function_test.go.
package main

import (
	"context"
	"errors"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type question struct {
	Name string `json:"name"`
	Fail bool   `json:"fail"`
}

type answer struct {
	Greeting string `json:"greeting"`
	Function string `json:"function"`
	Request  string `json:"request"`
}

func handle(ctx context.Context, asked question) (answer, error) {
	if asked.Fail {
		return answer{}, errors.New("told to fail")
	}
	about, _ := lambdacontext.FromContext(ctx)
	return answer{"hello " + asked.Name, lambdacontext.FunctionName, about.AwsRequestID}, nil
}

func main() { lambda.Start(handle) }
