//! A function with AWS's own runtime for Rust: whole answers, errors, panics.

use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (payload, context) = event.into_parts();
    if payload["fail"].as_bool().unwrap_or(false) {
        return Err("told to fail".into());
    }
    if payload["panic"].as_bool().unwrap_or(false) {
        panic!("told to panic");
    }
    Ok(json!({
        "greeting": format!("hello {}", payload["name"].as_str().unwrap_or("nobody")),
        "function": context.env_config.function_name,
        "request": context.request_id,
        "arn": context.invoked_function_arn,
    }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
