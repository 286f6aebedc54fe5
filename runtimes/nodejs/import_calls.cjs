'use strict';
// `import()` in code that V8 takes from a cache: before Node.js 22 it fails ("A dynamic import callback was not specified"),
// as a script from a cache has lost what tells node's loader where it comes from. So in such files the word is replaced
// by a function that node's loader made, of the same length: every line and column stays.

const vm = require('node:vm');

const WORD = '(_imp)';
const NAME = '_imp';
// What may stand before the word without that the parentheses change what it belongs to.
const BEFORE = /(?:[(,=>?:[;{&|!]|\b(?:await|return|yield|void|else|do|case|default|throw|typeof))\s*$/;

// Whether what stands there is code: text may hold '@', and code not, of which V8 complains in just these words. What comes
// after the line would only take time to parse; what may be open there is closed, or complained of in other words.
function isCode(content, at, head) {
  const end = content.indexOf('\n', at);
  const line = content.slice(at + 1, end < 0 ? content.length : end);
  if (/\\\r?$/.test(line)) return false;
  try {
    return new vm.Script(`${head}${content.slice(0, at)}@${line}\n*/\``) === null;
  } catch (error) {
    return error.message === 'Invalid or unexpected token';
  }
}

// Where the calls are, or null when that is not certain. `head` is what will be compiled before the content.
function importCalls(content, head) {
  const calls = [];
  if (content.includes(NAME) || /\bimport\s*\/[*/]/.test(content)) return null;
  for (const match of content.matchAll(/(?<![\w$#\u0080-\uffff])import\s*\(/g)) {
    const at = match.index;
    const before = content.slice(Math.max(0, at - 100), at);
    if (/\.\s*$/.test(before) && !/\.\.\s*$/.test(before)) continue;  // Somebody's method.
    if (!BEFORE.test(before)) return null;
    // What is in a string may be evaluated.
    if (!isCode(content, at, head)) return null;
    calls.push(at);
  }
  return calls;
}

function replaceCalls(content, calls) {
  let text = '';
  let from = 0;
  for (const at of calls) {
    text += content.slice(from, at) + WORD;
    from = at + WORD.length;
  }
  return text + content.slice(from);
}

module.exports = { importCalls, replaceCalls, NAME };
