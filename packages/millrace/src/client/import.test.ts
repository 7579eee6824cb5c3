// Importing the client stays light: what connect() needs is loaded by connect().
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** Modules loaded by importing `specifier` in a fresh process. */
function loadedBy(specifier: string): string[] {
  const script = `
    const { registerHooks } = process.getBuiltinModule('node:module');
    const urls = [];
    registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
    await import(${JSON.stringify(specifier)});
    console.log(JSON.stringify(urls));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })) as string[];
}

test('importing the client loads one file and nothing native', () => {
  const urls = loadedBy(import.meta.resolve('./mod.ts'));
  assert.deepEqual(urls.map((url) => url.slice(url.lastIndexOf('/src/'))), ['/src/client/mod.ts']);
});

test('importing the package loads at most twenty files', () => {
  const urls = loadedBy(import.meta.resolve('../mod.ts'));
  assert.ok(urls.length <= 20, urls.join('\n'));
});
