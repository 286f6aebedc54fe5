'use strict';
// The Node.js runtime client: fetches invocations from the Runtime API, calls the handler, posts what it gives.

const { RuntimeApi, MAX_RESPONSE } = require('./api.cjs');
const { Fault, toReply, toLog } = require('./errors.cjs');
const log = require('./console.cjs');
const { loadHandler } = require('./loader.cjs');
const codeCache = require('./code_cache.cjs');

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const connect = () => new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API);
const api = connect();
let ended = null;  // Ends the invocation that runs with an error: (error, exitCode) => void.

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = 'response';
    if (options && options.highWaterMark) {
      handler[Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')] = parseInt(options.highWaterMark, 10);
    }
    return handler;
  },
  HttpResponseStream: {
    from: (stream, prelude) => require('./streaming.cjs').withPrelude(stream, prelude),
  },
};

function contextOf(headers, settle) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const parse = (text) => (text ? JSON.parse(text) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse(headers['lambda-runtime-client-context']),
    identity: parse(headers['lambda-runtime-cognito-identity']),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: (error, result) => settle(error, result),
    fail: (error) => settle(error === undefined ? new Error('handled') : error),
    succeed: (result) => settle(null, result),
  };
}

// Runs the handler; the promise gives what it answered, however it answered.
function call(handler, event, headers) {
  return new Promise((resolve, reject) => {
    let context;
    let answered = false;
    const finish = (error, result) => {
      process.removeAllListeners('beforeExit');
      if (error !== null && error !== undefined) reject(error);
      else resolve(result);
    };
    const callback = (error, result) => {
      if (answered) return;
      answered = true;
      const failed = error !== null && error !== undefined;
      if (context.callbackWaitsForEmptyEventLoop && !failed) {
        process.removeAllListeners('beforeExit');
        process.once('beforeExit', () => setImmediate(finish, null, result));
      } else {
        finish(error, result);
      }
    };
    ended = (error, code) => {
      error.exitCode = code;
      finish(error);
    };
    context = contextOf(headers, (error, result) => {
      context.callbackWaitsForEmptyEventLoop = false;
      callback(error, result);
    });
    let isAsync = false;
    // The event loop ran empty and nothing was answered: a callback handler answers null, a promise will never settle.
    process.once('beforeExit', () => {
      if (answered) return;
      answered = true;
      if (isAsync) finish(new Fault('Runtime.NodeJsExit', 'The event loop is empty, but the handler\'s promise is still pending.'));
      else finish(null, null);
    });
    api.holdProcess(false);
    const returned = handler(event, context, callback);
    if (returned !== null && returned !== undefined && typeof returned.then === 'function') {
      isAsync = true;
      returned.then((result) => {
        if (answered) return;
        answered = true;
        finish(null, result);
      }, (error) => finish(error === null || error === undefined ? new Fault('Error', 'null') : error));
    }
  });
}

function encode(result) {
  try {
    const text = JSON.stringify(result === undefined ? null : result);
    return text === undefined ? 'null' : text;
  } catch (error) {
    throw new Fault('Runtime.MarshalError', `Unable to stringify response body: ${error.message}`);
  }
}

async function respond(path, handler, event, headers) {
  if (handler[STREAMING]) {
    api.holdProcess(false);
    await require('./streaming.cjs').callStreaming(
      handler, event, contextOf(headers, () => {}), (type) => api.stream(path + 'response', type),
      (fail) => {
        ended = (error, code) => {
          error.exitCode = code;
          fail(error);
        };
      });
    ended = null;
    return;
  }
  const body = Buffer.from(encode(await call(handler, event, headers)));
  ended = null;
  if (body.length > MAX_RESPONSE) {
    throw new Fault('Function.ResponseSizeTooLarge', `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE} bytes).`);
  }
  await api.post(path + 'response', body, { 'Content-Type': 'application/json' }, true);
}

async function serve(handler) {
  for (;;) {
    const { headers, body } = await api.next();
    const id = headers['lambda-runtime-aws-request-id'];
    const path = `invocation/${id}/`;
    log.current.requestId = id;
    log.current.tenantId = headers['lambda-runtime-aws-tenant-id'];
    if (headers['lambda-runtime-trace-id']) process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
    else delete process.env._X_AMZN_TRACE_ID;
    try {
      await respond(path, handler, body.length > 0 ? JSON.parse(body.toString('utf8')) : null, headers);
    } catch (error) {
      ended = null;
      const exitCode = error && error.exitCode;
      if (exitCode !== undefined) delete error.exitCode;
      const told = error && error.told;
      if (told !== undefined) delete error.told;
      log.logError(exitCode === undefined ? 'Invoke Error ' : exitCode === 128 ? 'Unhandled Promise Rejection ' : 'Uncaught Exception ', error, toLog(error));
      if (!told) await api.postError(path + 'error', toReply(error));
      if (exitCode !== undefined) process.exit(exitCode);
    }
  }
}

async function fatal(error, title, code) {
  if (ended) return ended(error, code);
  log.logError(title, error, toLog(error));
  try {
    if (log.current.requestId === undefined) await api.postError('init/error', toReply(error));
  } finally {
    process.exit(code);
  }
}

process.on('uncaughtException', (error) => {
  fatal(error !== null && typeof error === 'object' ? error : new Fault(typeof error, String(error)), 'Uncaught Exception ', 129);
});
process.on('unhandledRejection', (reason, promise) => {
  const error = new Fault('Runtime.UnhandledPromiseRejection', String(reason && reason.stack ? `${reason.name}: ${reason.message}` : reason));
  error.reason = reason instanceof Error ? toReply(reason) : reason;
  fatal(error, 'Unhandled Promise Rejection ', 128);
});

// Does beforehand what every function needs; then becomes the function.
async function park() {
  await import('node:url');
  require('node:module').createRequire('/var/task/noop.js');
  codeCache.prepare();
  // What the AWS SDK loads of node's own: 10 ms of its first invocation, for 3 MB.
  for (const name of ['http', 'https', 'http2', 'zlib', 'fs/promises', 'os', 'assert']) require(name);
  for (let i = 0; i < 50; i++) encode(await call(async (event) => event, JSON.parse('{"a":[1,2.5,null]}'), {}));
  ended = null;
  const variables = await api.park();
  // Only what differs: to set TZ, even to what it is, costs 20 ms.
  for (const name of Object.keys(process.env)) {
    if (!(name in variables)) delete process.env[name];
  }
  for (const [name, value] of Object.entries(variables)) {
    if (process.env[name] !== value) process.env[name] = value;
  }
}

async function main() {
  if (process.env._CUMULET_PARKED) await park();
  const role = process.env._CUMULET_CODE_CACHE;
  delete process.env._CUMULET_CODE_CACHE;
  log.install();
  const cache = await codeCache.begin(role, api, connect);
  let handler;
  try {
    const root = process.env.LAMBDA_TASK_ROOT || '/var/task';
    // The function's own handler. Runtimes that do not know this variable find none, and so call none.
    if (process.env.CUMULET_PROFILE) process.env._HANDLER = process.env.CUMULET_PROFILE;
    const load = () => loadHandler(root, process.env._HANDLER || '');
    handler = process.env.CUMULET_PROFILE ? await require('./import_profile.cjs').measured(load, root) : await load();
  } catch (error) {
    log.logError('Uncaught Exception ', error, toLog(error));
    await api.postError('init/error', toReply(error));
    process.exit(1);
  }
  cache.end();
  await serve(handler);
}

main().catch((error) => fatal(error, 'Runtime Error ', 1));
