// What the Node.js client takes for a call of import() in a file that it compiles itself.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const { importCalls, replaceCalls } = createRequire(import.meta.url)('../../../runtimes/nodejs/import_calls.cjs');
const HEAD = '(function (_imp) { return (function (exports) {\n';

function replaced(content) {
  const calls = importCalls(content, HEAD);
  if (calls === null) return null;
  const text = replaceCalls(content, calls);
  assert.equal(text.length, content.length);
  return text;
}

test('calls are found where they are', () => {
  for (const [content, expected] of [
    ['const a = 1;', 'const a = 1;'],
    ['x = import("a");', 'x = (_imp)("a");'],
    ['f(async () => { await import("a"); return import(b) });', 'f(async () => { await (_imp)("a"); return (_imp)(b) });'],
    ['g = () => import ( "a" );\nh = [import("b"), import("c")];', 'g = () => (_imp) ( "a" );\nh = [(_imp)("b"), (_imp)("c")];'],
    ['t = `${ import("a") }`;', 't = `${ (_imp)("a") }`;'],
    ['async function f() { await\n  import("a") }', 'async function f() { await\n  (_imp)("a") }'],
    ['a.import("x"); a . import("y"); a?.import("z"); important("w"); $import("v");',
      'a.import("x"); a . import("y"); a?.import("z"); important("w"); $import("v");'],
    ['s = "import x from y"; o = { import: 1 };', 's = "import x from y"; o = { import: 1 };'],
  ]) assert.equal(replaced(content), expected);
});

test('where it is not certain, nothing is done', () => {
  for (const content of [
    '// x = import("a")',
    '/* x,\n import("a")\n */ y = 1;',
    's = "x = import(a)";',
    "s = 'x = import(a)'; t = `\n`;",
    's = "x = \\\n = import(\\\n";',
    't = `x\n = import(a)\n`;',
    'r = /x=import(a)/; u = 1 /* more\n */;',
    'new Function("a", "return import(a)");',
    'f()\nimport("a")',
    'if (x) { }\nimport("a")',
    'x = [...import("a")]',
    'x = import/* webpackIgnore */("a")',
    '_imp = 1; x = import("a")',
    'o = { async import(a) { } }',
  ]) assert.equal(replaced(content), null, content);
});

test('a method of that name makes a file that does not compile, and node compiles it itself', () => {
  assert.throws(() => new Function(replaced('o = { import(a) { } }')), SyntaxError);
});
