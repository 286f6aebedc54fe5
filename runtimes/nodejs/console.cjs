'use strict';
// console.* as Lambda has it: `time \t request id \t LEVEL \t message`, one event of the log each. A carriage return keeps
// a message of several lines one event.

const { formatWithOptions } = require('node:util');
const fs = require('node:fs');

const LEVELS = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 };
const METHODS = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', log: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' };

const current = { requestId: undefined, tenantId: undefined };

// Synchronous, so that a line is out before the process may be frozen; the pipe may be full for a moment.
function write(text) {
  const bytes = Buffer.from(text);
  let done = 0;
  while (done < bytes.length) {
    try {
      done += fs.writeSync(1, bytes, done);
    } catch (problem) {
      if (problem.code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

// Errors within a message are shown like the error of an invocation.
function showErrors(_, value) {
  return value instanceof Error ? { ...describe(value), ...value } : value;
}

function describe(error) {
  return { errorType: error.constructor?.name ?? 'UnknownError', errorMessage: error.message,
           stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : error.stack };
}

function jsonLine(level, args) {
  const line = { timestamp: new Date().toISOString(), level, requestId: current.requestId, tenantId: current.tenantId };
  if (args.length === 1) {
    line.message = args[0];
    try {
      return JSON.stringify(line, showErrors);
    } catch {
      line.message = formatWithOptions({}, args[0]);
      return JSON.stringify(line);
    }
  }
  line.message = formatWithOptions({}, ...args);
  const error = args.find((a) => a instanceof Error);
  return JSON.stringify(error ? { ...line, ...describe(error) } : line);
}

function json() {
  return (process.env.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON';
}

function install() {
  const asJson = json();
  const least = LEVELS[(process.env.AWS_LAMBDA_LOG_LEVEL || '').toUpperCase()] ?? 0;
  for (const [method, level] of Object.entries(METHODS)) {
    if (LEVELS[level] < least && level !== 'FATAL') {
      console[method] = () => {};
      continue;
    }
    console[method] = asJson ? (...args) => write(jsonLine(level, args).replace(/\n/g, '\r') + '\n') : (...args) => {
      const text = formatWithOptions({}, ...args).replace(/\n/g, '\r');
      write(`${new Date().toISOString()}\t${current.requestId}\t${level}\t${text}\n`);
    };
  }
}

// What ended an invocation or the initialisation. In plain text, `shown` stands behind the title.
function logError(title, error, shown) {
  if (json()) console.error(error);
  else console.error(title, shown);
}

module.exports = { current, install, logError };
