// tools/rooms.test.ts - the repository keeps its rooms, and the check sees what it must.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roomFaults } from './rooms.ts';
import { packageSources, readSource } from './source.ts';

/** What the check says about one planted file; unused exceptions belong to the real tree only. */
const judge = (path: string, text: string) => roomFaults([readSource(path, `// header\n${text}`)]).filter((fault) => !fault.startsWith('tools/'));

test('the package keeps its rooms', () => {
  const sources = packageSources();
  assert.ok(sources.length > 5, 'the package was found');
  assert.deepEqual(roomFaults(sources), []);
});

test('imports go down through the door', () => {
  assert.deepEqual(judge('broker/topic.ts', `import { assert } from '../base/mod.ts';\nimport type { Log } from '../log/mod.ts';`), []);
  assert.match(judge('log/segment.ts', `import { Topic } from '../broker/mod.ts';`).join(), /log\/segment.ts:2: 'log' \(floor 2\) may not import 'broker' \(floor 3\)/);
  assert.match(judge('broker/topic.ts', `import { Segment } from '../log/segment.ts';`).join(), /goes around the door of 'log'/);
  assert.match(judge('task/queue.ts', `import type { Query } from '../query/mod.ts';`).join(), /may not import 'query'/);
  assert.match(judge('log/segment.ts', `export { x } from '../broker/mod.ts';`).join(), /may not import/);
  assert.match(judge('log/segment.ts', `const late = await import('../broker/mod.ts');`).join(), /may not import/);
  assert.match(judge('log/segment.ts', `import { x } from './journal';`).join(), /does not end in .ts/);
  assert.match(judge('elsewhere/x.ts', '').join(), /no floor/);
});

test('the machine is touched behind the doors only', () => {
  for (const line of [
    `import { readFileSync } from 'node:fs';`, 'const now = Date.now();', 'const now = new Date();', 'setTimeout(() => {}, 1);', 'const chance = Math.random();',
    'const id = crypto.randomUUID();', 'const at = performance.now();', 'const folder = process.cwd();', `await fetch('http://localhost');`, `console.log('hello');`,
  ]) assert.equal(judge('log/segment.ts', line).length, 1, line);
  for (const line of [
    `// Date.now() in a comment`, `const text = 'Date.now()';`, 'const text = new Date(ms).toISOString();', 'const text = `${a} setTimeout( ${b}`;', 'clock.setTimeout(1);',
    'interface Process { process: string }', 'const pattern = /Date.now()/;', 'const half = a / 2; // Math.random()',
  ]) assert.deepEqual(judge('log/segment.ts', line), [], line);
  assert.deepEqual(judge('os/node-clock.ts', 'const now = Date.now();'), []);
  assert.equal(judge('log/segment.ts', 'const text = `${Date.now()}`;').length, 1, 'code inside a template is code');
});
