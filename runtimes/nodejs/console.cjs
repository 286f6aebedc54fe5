'use strict';
// console.* as Lambda has it: `time \t request id \t LEVEL \t message`, one event of the log each. A carriage return keeps
// a message of several lines one event.

const { formatWithOptions } = require('node:util');
const fs = require('node:fs');

const LEVELS = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 };
const METHODS = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', log: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' };

const current = { requestId: undefined };

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

function jsonLine(level, args) {
  const line = { timestamp: new Date().toISOString(), level, requestId: current.requestId };
  const error = args.find((a) => a instanceof Error);
  line.message = args.length === 1 && !error ? args[0] : formatWithOptions({}, ...args);
  if (error) {
    line.errorType = error.name;
    line.errorMessage = error.message;
    line.stackTrace = String(error.stack).split('\n');
  }
  try {
    return JSON.stringify(line);
  } catch {
    line.message = formatWithOptions({}, ...args);
    return JSON.stringify(line);
  }
}

function install() {
  const asJson = (process.env.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON';
  const least = LEVELS[(process.env.AWS_LAMBDA_LOG_LEVEL || '').toUpperCase()] ?? 0;
  for (const [method, level] of Object.entries(METHODS)) {
    if (LEVELS[level] < least) {
      console[method] = () => {};
      continue;
    }
    console[method] = asJson ? (...args) => write(jsonLine(level, args) + '\n') : (...args) => {
      const text = formatWithOptions({}, ...args).replace(/\n/g, '\r');
      write(`${new Date().toISOString()}\t${current.requestId}\t${level}\t${text}\n`);
    };
  }
}

module.exports = { current, install };
