// tools/light.test.ts - what is not needed is not loaded: importing the package, and starting a node.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository } from './source.ts';

const source = join(repository, 'packages/millrace/src');

/** Our files and the packages that the code loads, in a process of its own. */
function loadedBy(code: string): string[] {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    ${code}
    console.log('LOADED' + JSON.stringify(loaded));
    process.exit();`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: repository, encoding: 'utf8' });
  const urls = JSON.parse(output.slice(output.lastIndexOf('LOADED') + 6)) as string[];
  return urls.filter((url) => url.startsWith('file:')).map((url) => decodeURIComponent(url).split(/packages\/millrace\/src\/|node_modules\//).at(-1)!);
}

test('importing the package or its client loads a few small files, and neither wire, log nor broker', () => {
  for (const door of ['mod.ts', 'client/mod.ts']) {
    const loaded = loadedBy(`await import(${JSON.stringify(join(source, door))});`);
    assert.ok(loaded.length > 0 && loaded.length < 30, `${door} loads ${loaded.length} files`);
    assert.deepEqual(loaded.filter((path) => /^(wire|log|broker|cli|node|testing)\//.test(path)), [], door);
  }
});

test('connecting loads nothing of a node', () => {
  const loaded = loadedBy(`const { connect } = await import(${JSON.stringify(join(source, 'mod.ts'))}); await connect('127.0.0.1:1', { connectTimeoutMs: 200 }).catch(() => {});`);
  assert.ok(loaded.includes('client/client.ts'), 'the client was loaded');
  assert.deepEqual(loaded.filter((path) => /^(log|broker|cli|node|testing)\//.test(path)), []);
});

test('a node loads nothing of the client, of other commands or of the tests', () => {
  const loaded = loadedBy(`
    const { startCommand } = await import(${JSON.stringify(join(source, 'cli/start.ts'))});
    const { startNode } = await import(${JSON.stringify(join(source, 'node/mod.ts'))});
    const node = await startNode();
    await node.close();`);
  assert.ok(loaded.includes('broker/broker.ts') && loaded.includes('cli/start.ts'));
  assert.deepEqual(loaded.filter((path) => /^(client|testing)\/|^cli\/(demo|topics|consume|produce|groups|test|bench|sim)/.test(path) || path.startsWith('typescript/')), []);
});
