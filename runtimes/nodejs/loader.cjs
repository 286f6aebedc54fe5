'use strict';
// Finds the handler that `file.export` names, in CommonJS or as a module.

const fs = require('node:fs');
const path = require('node:path');
const { Fault } = require('./errors.cjs');

// The nearest package.json says whether .js is a module.
function isModulePackage(file) {
  for (let folder = path.dirname(file);; folder = path.dirname(folder)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).type === 'module';
    } catch {
      if (folder === path.dirname(folder) || folder === process.env.LAMBDA_TASK_ROOT) return false;
    }
  }
}

async function loadFile(file) {
  const { pathToFileURL } = require('node:url');
  if (file.endsWith('.mjs') || (file.endsWith('.js') && isModulePackage(file))) return import(pathToFileURL(file).href);
  return require('node:module').createRequire(file)(file);
}

async function loadModule(root, name) {
  const stem = path.resolve(root, name);
  for (const candidate of [stem, stem + '.js', stem + '.mjs', stem + '.cjs']) {
    if (fs.existsSync(candidate) && fs.statSync(candidate).isFile()) return loadFile(candidate);
  }
  const { createRequire } = require('node:module');
  return loadFile(createRequire(path.join(root, 'noop.js')).resolve(name.startsWith('/') ? name : './' + name));
}

function named(error, name) {
  if (error instanceof SyntaxError) return new Fault('Runtime.UserCodeSyntaxError', String(error), error.stack);
  const missing = error && (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_MODULE_NOT_FOUND');
  if (!missing) return error;
  return new Fault('Runtime.ImportModuleError', String(error.stack ? `${error.name}: ${error.message}` : error), error.stack);
}

async function loadHandler(root, handler) {
  if (handler.includes('..')) {
    throw new Fault('Runtime.MalformedHandlerName', `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const match = /^([^.]*)\.(.+)$/.exec(path.basename(handler));
  if (!match) throw new Fault('Runtime.MalformedHandlerName', 'Bad handler');
  const folder = handler.slice(0, handler.length - path.basename(handler).length);
  let loaded;
  try {
    loaded = await loadModule(root, path.join(folder, match[1]));
  } catch (error) {
    throw named(error, match[1]);
  }
  const find = (from) => match[2].split('.').reduce((at, key) => (at === undefined || at === null ? undefined : at[key]), from);
  let found = find(loaded);
  // A CommonJS file loaded as a module has its exports below `default`.
  if (found === undefined && loaded && loaded.default) found = find(loaded.default);
  if (found === undefined) throw new Fault('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw new Fault('Runtime.HandlerNotFound', `${handler} is not a function`);
  return found;
}

module.exports = { loadHandler };
