#!/usr/bin/env bash
# A function in Rust, built with AWS's own runtime (lambda_runtime), as provided.al2023. The environment says where the cloud is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export AWS_DEFAULT_REGION=$AWS_REGION
CARGO_TARGET_DIR=${RUST_TARGET:?} cargo build --release --locked --quiet

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
role=$(aws iam create-role --role-name rust --output text --query Role.Arn --assume-role-policy-document \
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}')
zip -q -j "$work/function.zip" "$RUST_TARGET/release/bootstrap"
aws lambda create-function --function-name rust --runtime provided.al2023 --role "$role" --handler bootstrap \
  --zip-file "fileb://$work/function.zip" >/dev/null

# call EVENT EXPRESSION: what the function answers to the event; the expression sees it as `answer`, and `failed`.
call() {
  local failed
  failed=$(aws lambda invoke --function-name rust --payload "$1" "$work/out" --output text --query FunctionError)
  python3 - "$failed" "$2" "$work/out" <<'END'
import json, sys
failed, expression, path = sys.argv[1:]
answer = json.load(open(path))
if not eval(expression):
    sys.exit(f"{failed} {answer}: not {expression}")
END
}
greeted='failed == "None" and answer["greeting"] == "hello you" and answer["function"] == "rust" and answer["arn"].endswith(":rust")'
call '{"name":"you"}' "$greeted"
call '{"name":"you"}' "$greeted"
call '{"fail":true}' 'failed == "Unhandled" and answer["errorMessage"] == "told to fail"'
call '{"panic":true}' 'failed == "Unhandled" and "told to panic" in answer["errorMessage"]'
call '{"name":"you"}' "$greeted"
