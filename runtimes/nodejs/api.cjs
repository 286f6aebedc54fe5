'use strict';
// One kept connection to the Runtime API, HTTP/1.1 by hand over a socket: node's http module costs 10 ms to load and its
// agent a tenth of a millisecond a request.

const net = require('node:net');

const API = '/2018-06-01/runtime/';
// A response up to this size is sent together with the request for the next invocation: one wake-up less.
const PIPELINE_LIMIT = 32 * 1024;
// The limit of the Runtime API: 6 MiB and 100 bytes.
const MAX_RESPONSE = 6291556;
const HEAD_END = Buffer.from('\r\n\r\n');

class RuntimeApi {
  constructor(address) {
    const colon = address.lastIndexOf(':');
    this.host = address;
    this.address = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)), noDelay: true };
    this.nextRequest = Buffer.from(`GET ${API}invocation/next HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
    this.socket = null;
    this.chunks = [];
    this.size = 0;
    this.waiting = [];
    this.nextSent = null;
  }

  connect() {
    const socket = net.connect(this.address);
    socket.on('data', (chunk) => {
      this.chunks.push(chunk);
      this.size += chunk.length;
      this.parse();
    });
    const lost = (error) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.nextSent = null;
      const waiting = this.waiting;
      this.waiting = [];
      for (const w of waiting) w.reject(error || new Error('the Runtime API closed the connection'));
    };
    socket.on('error', lost);
    socket.on('close', () => lost());
    this.socket = socket;
    this.chunks = [];
    this.size = 0;
    this.needed = 0;
  }

  // Takes whole responses off what has arrived.
  parse() {
    while (this.waiting.length > 0 && this.size > 0 && this.size >= this.needed) {
      const data = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks, this.size);
      this.chunks = [data];
      const end = data.indexOf(HEAD_END);
      if (end < 0) return;
      const lines = data.toString('latin1', 0, end).split('\r\n');
      const headers = {};
      for (let i = 1; i < lines.length; i++) {
        const colon = lines[i].indexOf(':');
        headers[lines[i].slice(0, colon).toLowerCase()] = lines[i].slice(colon + 1).trim();
      }
      const total = end + 4 + Number(headers['content-length'] || 0);
      if (data.length < total) {
        this.needed = total;
        return;
      }
      this.needed = 0;
      this.size = data.length - total;
      this.chunks = this.size > 0 ? [data.subarray(total)] : [];
      const status = Number(lines[0].split(' ', 2)[1]);
      this.waiting.shift().resolve({ status, headers, body: data.subarray(end + 4, total) });
    }
  }

  exchange(data) {
    if (this.socket === null) this.connect();
    const answer = new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
    this.socket.write(data);
    return answer;
  }

  // The socket keeps the process alive only while we wait for an invocation: so that a handler's event loop can be empty.
  holdProcess(hold) {
    if (this.socket === null) return;
    if (hold) this.socket.ref();
    else this.socket.unref();
  }

  async next() {
    const pending = this.nextSent || this.exchange(this.nextRequest);
    this.nextSent = null;
    this.holdProcess(true);
    const answer = await pending;
    if (answer.status !== 200) throw new Error(`the Runtime API answered ${answer.status} to next`);
    return answer;
  }

  // Waits until it is known for which function we run; gives its variables.
  async park() {
    const answer = await this.exchange(Buffer.from(`GET /2018-06-01/park HTTP/1.1\r\nHost: ${this.host}\r\n\r\n`));
    if (answer.status !== 200) process.exit(0);
    return JSON.parse(answer.body.toString('utf8'));
  }

  // See code_cache.cjs. Null: there is none.
  async codeCache() {
    const answer = await this.exchange(this.codeCacheRequest('GET'));
    return answer.status === 200 ? answer.body : null;
  }

  refuseCodeCache() {
    return this.exchange(this.codeCacheRequest('DELETE'));
  }

  // Waits until there is time to make one. On a connection of its own.
  async codeCacheTurn() {
    return (await this.exchange(this.codeCacheRequest('GET', '/turn'))).status === 204;
  }

  postCodeCache(bytes) {
    return this.exchange(Buffer.concat([this.codeCacheRequest('POST', '', bytes.length), bytes]));
  }

  codeCacheRequest(method, what = '', length = 0) {
    return Buffer.from(`${method} /2018-06-01/code-cache${what} HTTP/1.1\r\nHost: ${this.host}\r\nContent-Length: ${length}\r\n\r\n`);
  }

  close() {
    if (this.socket !== null) this.socket.destroy();
  }

  post(path, body, headers, pipeline) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    let head = `POST ${API}${path} HTTP/1.1\r\nHost: ${this.host}\r\nContent-Length: ${bytes.length}\r\n`;
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
    const parts = [Buffer.from(head + '\r\n', 'latin1'), bytes];
    const withNext = pipeline && bytes.length <= PIPELINE_LIMIT;
    if (withNext) parts.push(this.nextRequest);
    const answer = this.exchange(Buffer.concat(parts));
    if (withNext) {
      this.nextSent = new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
      this.nextSent.catch(() => {});
    }
    this.holdProcess(true);
    return answer;
  }

  // A response that is sent while it comes to be: in chunks, and trailers say how it went. `done` of a write is called
  // when the kernel has taken it: a slow reader at the other end holds the function back.
  stream(path, contentType) {
    if (this.socket === null) this.connect();
    const socket = this.socket;
    const answer = new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
    answer.catch(() => {});
    let head = `POST ${API}${path} HTTP/1.1\r\nHost: ${this.host}\r\nTransfer-Encoding: chunked\r\n` +
               'Lambda-Runtime-Function-Response-Mode: streaming\r\n' +
               'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n' +
               `Content-Type: ${contentType.replace(/[^\x20-\x7e]/g, '')}\r\n\r\n`;
    const send = (...parts) => {
      socket.cork();
      if (head !== '') socket.write(head, 'latin1');
      head = '';
      const done = parts.pop();
      for (const part of parts) socket.write(part);
      socket.write('\r\n', done);
      socket.uncork();
    };
    let ended = false;
    return {
      write: (bytes, done) => {
        if (bytes.length === 0) done();
        else send(bytes.length.toString(16) + '\r\n', bytes, done);
      },
      end: (trailers) => {
        if (!ended) {
          send('0\r\n', ...Object.entries(trailers).map(([name, value]) => `${name}: ${value}\r\n`), () => {});
          this.holdProcess(true);
        }
        ended = true;
        return answer;
      },
    };
  }

  postError(path, error) {
    const type = String(error.errorType).replace(/[^\x21-\x7e]/g, '').slice(0, 128) || 'Runtime.Unknown';
    return this.post(path, JSON.stringify(error),
                     { 'Content-Type': 'application/json', 'Lambda-Runtime-Function-Error-Type': type }, false);
  }
}

module.exports = { RuntimeApi, MAX_RESPONSE };
