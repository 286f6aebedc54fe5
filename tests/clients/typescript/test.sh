#!/usr/bin/env bash
# A TypeScript handler with the AWS SDK for JavaScript, bundled with esbuild to CommonJS and to a module. The environment
# says where the cloud is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export AWS_DEFAULT_REGION=$AWS_REGION
[[ -d node_modules/esbuild && node_modules -nt package-lock.json ]] || npm ci --silent --no-audit --no-fund

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
aws iam create-role --role-name typescript --output text --query Role.Arn --assume-role-policy-document \
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}' >"$work/role"
aws iam put-role-policy --role-name typescript --policy-name s3 --policy-document \
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
bucket=typescript-$RANDOM$RANDOM
aws s3 mb "s3://$bucket" >/dev/null

answer() { # FUNCTION EVENT
  local out
  out=$(aws lambda invoke --function-name "$1" --payload "$2" "$work/out" --output text --query FunctionError)
  [[ $out == None ]] || cat "$work/out" >&2
  cat "$work/out"
}
expect() { [[ $1 == "$2" ]] || { echo "wanted: $2, got: $1" >&2; exit 1; }; }

for format in cjs esm; do
  name=typescript-$format
  file=$work/$format/app.$([[ $format == cjs ]] && echo js || echo mjs)
  # What the SDK's own CommonJS parts want of a module: the banner that esbuild's users give it.
  banner=$([[ $format == cjs ]] || echo "import { createRequire } from 'module'; const require = createRequire(import.meta.url);")
  node_modules/.bin/esbuild app.ts --bundle --platform=node --target=node18 --format=$format --minify --sourcemap \
    ${banner:+--banner:js="$banner"} --outfile="$file" --log-level=warning
  (cd "$work/$format" && zip -q "../$format.zip" ./*)
  aws lambda create-function --function-name $name --runtime nodejs20.x --role "$(cat "$work/role")" --handler app.handler \
    --memory-size 512 --timeout 60 --zip-file "fileb://$work/$format.zip" >/dev/null
  expect "$(answer $name "{\"bucket\":\"$bucket\",\"key\":\"$format\",\"text\":\"한글\"}")" "{\"outcome\":\"kept\",\"by\":\"$name\"}"
  expect "$(answer $name "{\"bucket\":\"$bucket\",\"key\":\"$format\"}")" '{"outcome":"read","text":"한글"}'
done
