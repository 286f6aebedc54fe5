'use strict';
// Errors as Lambda shows them: to the caller, and in the log.

class Fault extends Error {
  constructor(name, message, stack) {
    super(message);
    this.name = name;
    if (stack) this.stack = stack;
  }
}

function isError(value) {
  return value !== null && typeof value === 'object' && typeof value.message === 'string' && typeof value.name === 'string' &&
         typeof value.stack === 'string';
}

// {errorType, errorMessage, trace}: what the caller of the function gets.
function toReply(error) {
  try {
    if (isError(error)) return { errorType: error.name, errorMessage: error.message, trace: error.stack.split('\n') };
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: 'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack', trace: [] };
  }
}

// The JSON of a line of the log: as toReply, with the error's own further properties.
function toLog(error) {
  try {
    const shown = { errorType: isError(error) ? error.name : typeof error,
                    errorMessage: isError(error) ? error.message : String(error) };
    if (isError(error)) {
      if (error.code !== undefined) shown.code = error.code;
      for (const key of Object.keys(error)) {
        if (!(key in shown) && key !== 'name' && key !== 'stack' && key !== 'message') shown[key] = error[key];
      }
      shown.stack = error.stack.split('\n');
    }
    return '\t' + JSON.stringify(shown);
  } catch {
    return '\t' + JSON.stringify(toReply(error));
  }
}

module.exports = { Fault, toReply, toLog };
