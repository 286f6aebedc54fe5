'use strict';
// What the handler's module requires and how long each takes, for `cumulet advise`.
// Modules that are imported (ESM) are not seen one by one: their time is in that of the whole.

const Module = require('node:module');
const path = require('node:path');

// Of the modules, the slowest.
const KEPT = 200;

// A package's name, a file of the function as it lies in it, or what was asked for.
function nameOf(request, parent, root) {
  let file;
  try {
    file = Module._resolveFilename(request, parent);
  } catch {
    return request;
  }
  if (!path.isAbsolute(file)) return file;
  const at = file.lastIndexOf('/node_modules/');
  if (at < 0) return path.relative(root, file);
  const inside = file.slice(at + '/node_modules/'.length);
  return /^[./]/.test(request) ? inside : inside.split('/').slice(0, inside.startsWith('@') ? 2 : 1).join('/');
}

// Runs `work` and gives what was required meanwhile, slowest first.
async function recorded(work, root, prepare = (exported) => exported) {
  const open = [];
  const modules = [];
  const original = Module._load;
  Module._load = function (request, parent, isMain) {
    const known = require.cache[request] !== undefined;
    const entry = { name: nameOf(request, parent, root), by: open.length > 0 ? open[open.length - 1].name : '', depth: open.length };
    const begin = performance.now();
    open.push(entry);
    try {
      return prepare(original.call(this, request, parent, isMain), request);
    } finally {
      open.pop();
      entry.ms = Math.round((performance.now() - begin) * 1000) / 1000;
      if (!known && entry.ms >= 0.1) modules.push(entry);
    }
  };
  try {
    const result = await work();
    return { result, modules: modules.sort((a, b) => b.ms - a.ms) };
  } finally {
    Module._load = original;
  }
}

async function measured(load, root) {
  const { HandlerProfile } = require('./handler_profile.cjs');
  const profile = new HandlerProfile(root, recorded);
  const begin = performance.now();
  const { result, modules } = await recorded(load, root, profile.prepare);
  const total = Math.round((performance.now() - begin) * 1000) / 1000;
  return profile.become(result, { total_ms: total, modules: modules.slice(0, KEPT) });
}

module.exports = { measured };
