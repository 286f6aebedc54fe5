'use strict';
// Handlers made by awslambda.streamifyResponse: what they write goes out as it comes.

const { Writable } = require('node:stream');
const { Fault, toReply } = require('./errors.cjs');

const HTTP_INTEGRATION = 'application/vnd.awslambda.http-integration-response';
const BUFFER = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const HIGH_WATER_MARK = 64 * 1024;
// Trailers have 64 KiB in all; base64 makes four of three.
const MAX_ERROR = 40 * 1024;

// The stream that a handler is given. Nothing is sent before the first write, so that an error until then is a plain one.
class ResponseStream extends Writable {
  constructor(begin, highWaterMark) {
    super({ highWaterMark });
    this.beginRequest = begin;
    this.request = null;
    this.contentType = 'application/octet-stream';
    this.prelude = null;
  }

  setContentType(type) {
    if (this.request) throw new Fault('Runtime.InvalidStreamingOperation', 'Cannot set content-type, too late.');
    this.contentType = type;
  }

  // Anything but text and bytes is written as JSON.
  write(chunk, ...rest) {
    return super.write(typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk), ...rest);
  }

  open() {
    if (this.request) return;
    this.request = this.beginRequest(this.contentType);
    if (this.prelude !== null) this.request.write(Buffer.from(this.prelude + '\0'.repeat(8)), () => {});
  }

  _write(chunk, encoding, done) {
    this.open();
    this.request.write(chunk, done);
  }

  _final(done) {
    this.open();
    this.request.end({}).then(() => done(), done);
  }

  // The function failed. False when nothing was sent: then the error can be posted.
  async fail(error) {
    if (!this.request) return false;
    const document = toReply(error);
    if (Buffer.byteLength(JSON.stringify(document)) > MAX_ERROR) document.trace = [];
    const type = String(document.errorType).replace(/[^\x21-\x7e]/g, '').slice(0, 128);
    await this.request.end({
      'Lambda-Runtime-Function-Error-Type': type.includes('.') ? type : `Function.${type}`,
      'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(document)).toString('base64'),
    });
    return true;
  }
}

// awslambda.HttpResponseStream.from
function withPrelude(stream, prelude) {
  stream.setContentType(HTTP_INTEGRATION);
  stream.prelude = JSON.stringify(prelude);
  return stream;
}

// Runs the handler until it has ended and its response has been taken. `begin(contentType)` opens the request to the
// Runtime API; `stoppable` is given what ends it with an error. An error that the response told already is marked so.
function callStreaming(handler, event, context, begin, stoppable) {
  const stream = new ResponseStream(begin, handler[BUFFER] || HIGH_WATER_MARK);
  return new Promise((resolve, reject) => {
    let returned = false;
    let taken = false;
    const settle = (action, value) => {
      process.removeListener('beforeExit', idle);
      action(value);
    };
    const fail = async (error) => {
      stream.removeAllListeners('error').on('error', () => {});
      let told = taken;
      try {
        if (!told) told = await stream.fail(error);
      } catch {
        told = true;  // The Runtime API took no more, and knows why.
      }
      if (error !== null && typeof error === 'object') error.told = told;
      settle(reject, error);
    };
    const progress = () => {
      if (returned && taken) settle(resolve);
    };
    // The event loop ran empty: a stream that the handler forgot to end has ended.
    const idle = () => {
      if (returned) stream.end();
      else fail(new Fault('Runtime.NodeJsExit', 'The event loop is empty, but the handler\'s promise is still pending.'));
    };
    stream.on('finish', () => {
      taken = true;
      progress();
    });
    stream.on('error', fail);
    process.on('beforeExit', idle);
    stoppable(fail);
    let promise;
    try {
      promise = handler(event, stream, context);
    } catch (error) {
      fail(error);
      return;
    }
    if (promise === null || promise === undefined || typeof promise.then !== 'function') {
      fail(new Fault('Runtime.InvalidStreamingOperation', 'Streaming does not support non-async handlers.'));
      return;
    }
    promise.then(() => {
      returned = true;
      progress();
    }, (error) => fail(error === null || error === undefined ? new Fault('Error', 'null') : error));
  });
}

module.exports = { callStreaming, withPrelude };
