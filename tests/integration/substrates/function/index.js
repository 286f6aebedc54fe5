exports.handler = async (event) => ({ hello: event.name, version: process.version });
