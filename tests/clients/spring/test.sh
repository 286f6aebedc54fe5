#!/usr/bin/env bash
# A function with Spring Cloud Function's adapter for Lambda, on java17. The environment says where the cloud is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export AWS_DEFAULT_REGION=$AWS_REGION
mvn -q -B -DbuildDirectory="${SPRING_BUILD:?}" package dependency:copy-dependencies -DincludeScope=runtime \
  -DoutputDirectory="$SPRING_BUILD/package/lib" -Dspring-boot.repackage.skip=true

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$SPRING_BUILD/classes/." "$SPRING_BUILD/package/"
(cd "$SPRING_BUILD/package" && zip -q -r "$work/function.zip" .)
role=$(aws iam create-role --role-name spring --output text --query Role.Arn --assume-role-policy-document \
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}')
aws lambda create-function --function-name spring --runtime java17 --role "$role" --memory-size 1024 --timeout 120 \
  --handler org.springframework.cloud.function.adapter.aws.FunctionInvoker::handleRequest \
  --environment 'Variables={MAIN_CLASS=example.App,SPRING_CLOUD_FUNCTION_DEFINITION=greet}' \
  --zip-file "fileb://$work/function.zip" >/dev/null

# call EVENT FAILED PART: the function's answer has this in it.
call() {
  local failed
  failed=$(aws lambda invoke --cli-read-timeout 180 --function-name spring --payload "$1" "$work/out" --output text --query FunctionError)
  [[ $failed == "$2" && $(tr -d ' \n' <"$work/out") == *"$3"* ]] ||
    { echo "$failed $(cat "$work/out"): not $2 with $3" >&2; exit 1; }
}
for _ in 1 2; do
  call '{"name":"you"}' None '"greeting":"helloyou"'
  call '{"name":"you"}' None '"letters":3'
done
call '{}' Unhandled 'nobodytogreet'
call '{"name":"you"}' None '"greeting":"helloyou"'
