'use strict';
// What a handler does anew in each call although it could have kept it, for `cumulet advise --payload`: clients of AWS's
// SDK that it makes, and files of the package (they cannot change) that it reads. The handler is called once and again
// with the same event; then each find is kept from one call to the next, and how long the handler takes shows the gain.

const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const path = require('node:path');

const FINDS_AT_MOST = 4;
const CLIENTS = /^@aws-sdk\/client-/;

class HandlerProfile {
  constructor(root, recorded) {
    this.root = root + '/';
    this.recorded = recorded;
    this.files = new Set();
    this.watching = null;  // What the call does, by find, while it is watched.
    this.keeping = null;   // { kind, what, kept } while one find is kept.
    this.kept = new Map();
    this.seen = null;
    this.proxies = new WeakMap();
    this.prepare = this.prepare.bind(this);
    this.watchFiles();
  }

  // Puts classes of clients that tell us when one is made in the place of an SDK package's own.
  prepare(exported, request) {
    if (!CLIENTS.test(request) || exported === null || typeof exported !== 'object') return exported;
    if (!this.proxies.has(exported)) {
      this.proxies.set(exported, new Proxy(exported, {
        get: (target, key, receiver) => {
          const value = Reflect.get(target, key, receiver);
          const fixed = Object.getOwnPropertyDescriptor(target, key);
          if (typeof value !== 'function' || typeof value.prototype?.send !== 'function') return value;
          return fixed && !fixed.configurable && fixed.writable === false ? value : this.clientClass(value);
        },
      }));
    }
    return this.proxies.get(exported);
  }

  clientClass(original) {
    if (this.proxies.has(original)) return this.proxies.get(original);
    const proxy = new Proxy(original, {
      construct: (target, args, made) => {
        if (made !== proxy) return Reflect.construct(target, args, made);
        this.note('client', target.name, 0);
        return this.remembered('client', target.name, this.keyOf(args), () => Reflect.construct(target, args));
      },
    });
    this.proxies.set(original, proxy);
    return proxy;
  }

  keyOf(args) {
    try {
      return JSON.stringify(args);
    } catch {
      return null;
    }
  }

  note(kind, what, size) {
    if (this.watching) this.watching.set(`${kind} ${what}`, { kind, what, size });
  }

  remembered(kind, what, key, make) {
    const keeping = this.keeping;
    if (!keeping || keeping.kind !== kind || keeping.what !== what || key === null) return make();
    if (!keeping.kept.has(key)) keeping.kept.set(key, make());
    return keeping.kept.get(key);
  }

  // The path within the package, or null.
  inside(file) {
    if (typeof file !== 'string') return null;
    const full = path.resolve(file);
    return full.startsWith(this.root) ? full.slice(this.root.length) : null;
  }

  watchFiles() {
    const readSync = fs.readFileSync;
    const read = fs.promises.readFile;
    const parse = JSON.parse;
    const seen = (name, content) => {
      this.files.add(name);
      this.note('file', name, content.length);
      return content;
    };
    fs.readFileSync = (file, ...options) => {
      const name = this.inside(file);
      if (name === null) return readSync(file, ...options);
      return seen(name, this.remembered('file', name, this.keyOf(options), () => readSync(file, ...options)));
    };
    fs.promises.readFile = async (file, ...options) => {
      const name = this.inside(file);
      if (name === null) return read(file, ...options);
      return seen(name, await this.remembered('file', name, this.keyOf(options), () => read(file, ...options)));
    };
    // What is parsed from a file that is kept is kept with it.
    JSON.parse = (text, ...reviver) => {
      const keeping = this.keeping;
      if (!keeping || keeping.kind !== 'file' || reviver.length > 0) return parse(text, ...reviver);
      if (![...keeping.kept.values()].includes(text)) return parse(text);
      if (!keeping.parsed.has(text)) keeping.parsed.set(text, parse(text));
      return keeping.parsed.get(text);
    };
    syncBuiltinESMExports();
  }

  filesRead() {
    for (const file of Object.keys(require.cache)) {
      const name = this.inside(file);
      if (name !== null) this.files.add(name);
      // Whether a file is a module, and where a package begins, is read in the folders above it.
      for (let folder = path.dirname(file); name !== null && folder.startsWith(this.root); folder = path.dirname(folder)) {
        const manifest = path.join(folder, 'package.json');
        if (fs.existsSync(manifest)) this.files.add(this.inside(manifest));
      }
    }
    if (fs.existsSync(this.root + 'package.json')) this.files.add('package.json');
    return [...this.files].sort();
  }

  // What stands for the handler: each event says what is to be done with the real one.
  become(handler, start) {
    this.handler = handler;
    const files = this.filesRead();
    return async (event, context) => {
      if (!event || event.step === undefined) return { ...start, files };
      if (event.step === 'files') return { files: this.filesRead() };
      return this[event.step](event, context);
    };
  }

  async run(event, context) {
    const begin = performance.now();
    let failed = null;
    try {
      await new Promise((resolve, reject) => {
        const returned = this.handler(event.event, context, (error) => (error ? reject(error) : resolve()));
        if (returned && typeof returned.then === 'function') returned.then(resolve, reject);
        else if (this.handler.length < 3) resolve();
      });
    } catch (error) {
      failed = String(error);
    }
    return { ms: Math.round((performance.now() - begin) * 1000) / 1000, failed };
  }

  // The first call, with what it requires.
  async first(event, context) {
    const { result, modules } = await this.recorded(() => this.run(event, context), this.root, this.prepare);
    return { ...result, modules: modules.filter((module) => module.depth === 0).slice(0, 12) };
  }

  plain(event, context) {
    return this.run(event, context);
  }

  // A call that is watched. Says what was seen in this one and in all before.
  async trace(event, context) {
    this.watching = new Map();
    const answer = await this.run(event, context);
    const watched = [...this.watching.values()];
    this.watching = null;
    const seen = this.seen === null ? watched : watched.filter((one) => this.seen.some((other) => one.kind === other.kind && one.what === other.what));
    this.seen = seen;
    const order = (one) => (one.kind === 'client' ? Infinity : one.size);
    const finds = [...seen].sort((a, b) => order(b) - order(a)).slice(0, FINDS_AT_MOST);
    return { ...answer, finds: finds.map(({ kind, what }) => ({ kind, what })) };
  }

  // A call in which one find is kept from the call before.
  async keep(event, context) {
    const name = `${event.kind} ${event.what}`;
    if (!this.kept.has(name)) this.kept.set(name, { kind: event.kind, what: event.what, kept: new Map(), parsed: new Map() });
    this.keeping = this.kept.get(name);
    try {
      return await this.run(event, context);
    } finally {
      this.keeping = null;
    }
  }
}

module.exports = { HandlerProfile };
