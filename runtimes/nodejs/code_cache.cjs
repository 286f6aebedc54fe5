'use strict';
// V8's compiled code of the function's own large CommonJS files, which the server keeps from one environment of a version
// to the next: `make` in the first, `use` in the others.
//
// While the handler is loaded, such files are compiled by vm.Script instead of by node's loader, as only a script's cache
// can be taken after its functions have run, and then holds them too. Everything else stays with node's loader, which
// also makes `require` and the rest of what a module is given. Wherever something is not as we expect it, the file is
// loaded as if we were not there.

const Module = require('node:module');
const vm = require('node:vm');
const { importCalls, replaceCalls, NAME } = require('./import_calls.cjs');

// Of characters. Smaller files do not repay the way through the server.
const WORTH_IT = 64 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;
const FUNCTION = '(function (exports, require, module, __filename, __dirname) {';
// The head has a line of its own, so that the lines and columns of the file are what they are.
const HEAD = `(function (${NAME}) { return ${FUNCTION}\n`;
const TAIL = '\n}) })';
const LENGTH = FUNCTION.length + '\n\n}'.length - 1;  // What there is of the module's function beside the file.

const own = (name) => name.startsWith('/opt/') || name.startsWith((process.env.LAMBDA_TASK_ROOT || '/var/task') + '/');

// Node compiles with a cache of its own, or keeps what it needs for stack traces when it compiles.
function nodeHasOtherPlans() {
  return process.env.NODE_OPTIONS || process.env.NODE_COMPILE_CACHE || process.env.NODE_V8_COVERAGE || process.env.CUMULET_PROFILE ||
         process.sourceMapsEnabled || process.execArgv.some((word) => !word.startsWith('--max-old-space-size')) ||
         (Module.getCompileCacheDir && Module.getCompileCacheDir());
}

// Of a source, V8 compares the length alone. What is compiled is not always what the file holds: hooks may change it.
function digest(text) {
  return require('node:crypto').createHash('sha256').update(text).digest('hex');
}

// What is slow about the first time, done beforehand.
function prepare() {
  digest('');
}

// [length of the list, list of [name, digest, calls of import(), bytes], the caches]
function pack(files) {
  const list = Buffer.from(JSON.stringify(files.map(({ name, sum, calls, data }) => [name, sum, calls, data.length])));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(list.length);
  return Buffer.concat([head, list, ...files.map(({ data }) => data)]);
}

function unpack(bytes) {
  const files = new Map();
  let at = 4 + bytes.readUInt32LE(0);
  for (const [name, sum, calls, length] of JSON.parse(bytes.toString('utf8', 4, at))) {
    files.set(name, { sum, calls, data: bytes.subarray(at, at + length) });
    at += length;
  }
  return files;
}

function scriptOf(content, calls, filename, cachedData) {
  return new vm.Script(HEAD + replaceCalls(content, calls) + TAIL, { filename, cachedData, lineOffset: -1 });
}

// Not so for a file that closes the function and goes on after it: node's loader says what is wrong with that.
function isWhole(compiled, content) {
  return typeof compiled === 'function' && Function.prototype.toString.call(compiled).length === content.length + LENGTH;
}

// Puts itself before node's loader until `end`. `compile(content, filename)` gives a script, or null.
function interpose(compile) {
  const original = Module.prototype._compile;
  const wrap = Module.wrap;
  let ended = false;
  const asUsual = () => Module.wrap === wrap && Module.wrapper.join('').replace(/\s/g, '') === `${FUNCTION}});`.replace(/\s/g, '') &&
                        !nodeHasOtherPlans();
  // The module's function and what it is called with, or null.
  const take = (module, content, filename, format) => {
    if (ended || typeof content !== 'string' || content.length < WORTH_IT || content.startsWith('#!') || !own(filename)) return null;
    if ((format !== undefined && format !== 'commonjs') || !asUsual()) return null;
    const script = compile(content, filename);
    if (!script) return null;
    const [given, imports] = original.call(module, 'return [arguments, (name, options) => import(name, options)]', filename, format);
    const compiled = script.runInThisContext()(imports);
    return isWhole(compiled, content) && given.length === 5 ? { compiled, given } : null;
  };
  // The frame of this function stands in stack traces where that of node's stands.
  const hooked = function _compile(content, filename, format) {
    let taken = null;
    try {
      taken = take(this, content, filename, format);
    } catch {
      // What is wrong with the file, node's loader will say.
    }
    return taken ? Reflect.apply(taken.compiled, this.exports, taken.given) : original.apply(this, arguments);
  };
  Module.prototype._compile = hooked;
  return () => {
    ended = true;
    if (Module.prototype._compile === hooked) Module.prototype._compile = original;
  };
}

const plain = { end() {} };

// Later, when the environment is idle: not in anybody's time.
async function make(connection, scripts) {
  const turn = await connection.codeCacheTurn();
  if (!turn) return;
  const files = [];
  let bytes = 0;
  for (const { name, content, calls, script } of scripts) {
    const data = script.createCachedData();
    bytes += data.length;
    if (bytes > MOST_BYTES) break;
    files.push({ name, sum: digest(content), calls, data });
  }
  scripts.length = 0;
  if (files.length > 0) await connection.postCodeCache(pack(files));
}

function beginToMake(newConnection) {
  const scripts = [];
  let connection = null;
  const end = interpose((content, filename) => {
    const calls = importCalls(content, HEAD);
    if (!calls) return null;
    const script = scriptOf(content, calls, filename);
    // Before the function's code runs, which may change what connections are made of.
    if (!connection) {
      connection = newConnection();
      connection.connect();
      connection.holdProcess(false);
    }
    scripts.push({ name: filename, content, calls, script });
    return script;
  });
  return {
    end() {
      end();
      if (connection) make(connection, scripts).catch(() => {}).finally(() => connection.close());
    },
  };
}

async function beginToUse(api) {
  const bytes = await api.codeCache();
  if (!bytes) return plain;
  let files;
  try {
    files = unpack(bytes);
  } catch {
    await api.refuseCodeCache();
    return plain;
  }
  let refused = false;
  const end = interpose((content, filename) => {
    const file = files.get(filename);
    if (!file || file.sum !== digest(content)) return null;
    const script = scriptOf(content, file.calls, filename, file.data);
    refused = refused || script.cachedDataRejected;
    return script;
  });
  return {
    end() {
      end();
      files.clear();
      if (refused) api.refuseCodeCache().catch(() => {});
    },
  };
}

// `role` is what the server said: "use", "make" or nothing. Gives what is to be ended when the handler is loaded.
async function begin(role, api, newConnection) {
  try {
    if (!role || nodeHasOtherPlans()) return plain;
    return await (role === 'use' ? beginToUse(api) : beginToMake(newConnection));
  } catch {
    return plain;
  }
}

module.exports = { begin, prepare };
