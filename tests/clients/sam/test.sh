#!/usr/bin/env bash
# `sam build` and `sam deploy`, unmodified: the first deployment (with a bucket that SAM makes for itself), a call through
# the API, an update, and `sam delete`. The environment says where the cloud is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
readonly version=1.170.0
readonly tool=${SAM_VENV:?}
if [[ $("$tool/bin/sam" --version 2>/dev/null) != *"$version" ]]; then
  python3 -m venv --clear "$tool"
  "$tool/bin/pip" install --quiet --disable-pip-version-check "aws-sam-cli==$version"
fi
PATH=$tool/bin:$PATH
export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=$AWS_REGION

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python_runtime=python$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cp -r function "$work/"
sed "s/PYTHON_RUNTIME/$python_runtime/" template.yaml >"$work/template.yaml"
cd "$work"

deploy() { sam deploy --stack-name sam-test --resolve-s3 --capabilities CAPABILITY_IAM --no-confirm-changeset "$@"; }
output() { sam list stack-outputs --stack-name sam-test --output json | python3 -c "
import json, sys
print(next(each['OutputValue'] for each in json.load(sys.stdin) if each['OutputKey'] == '$1'))"; }
greeted() { # EXPECTED
  local body
  body=$(curl -fsS -H "Host: $(output Api).execute-api.localhost" "$AWS_ENDPOINT_URL/greet/you")
  [[ $body == "$1" ]] || { echo "the API said: $body" >&2; return 1; }
}

sam build
deploy
greeted 'greeting: hello you'
deploy --parameter-overrides Greeting=welcome
greeted 'greeting: welcome you'
sam remote invoke Greeter --stack-name sam-test --event '{"name":"remote"}' | grep -q 'greeting: welcome remote'
sam delete --stack-name sam-test --no-prompts
! sam list stack-outputs --stack-name sam-test --output json >/dev/null 2>&1
