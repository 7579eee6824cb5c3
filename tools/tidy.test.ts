// tools/tidy.test.ts - the repository is tidy, and the check sees what it must.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageSources, readSource } from './source.ts';
import { cycles, tidyFaults } from './tidy.ts';

test('the package is tidy', () => {
  assert.deepEqual(tidyFaults(packageSources()), []);
});

test('every export has a docstring', () => {
  const judge = (text: string) => tidyFaults([readSource('log/x.ts', `// header\n${text}`)]);
  assert.deepEqual(judge('/** Says. */\nexport const a = 1;\n/** Does. */\nexport async function b() {}\n/** Is. */\nexport interface C {}'), []);
  assert.deepEqual(judge('export const a = 1;'), [`log/x.ts:2: 'a' is exported without a docstring`]);
  assert.equal(judge('/** One. */\nexport type A = 1;\nexport type B = 2;').length, 1);
  assert.deepEqual(judge('/** Both. */\nexport function a(x: string): string;\nexport function a(x: number): number;\nexport function a(x: unknown): unknown { return x; }'), []);
});

test('every file says what it is', () => {
  assert.equal(tidyFaults([readSource('log/x.ts', 'const a = 1;')]).length, 1);
});

test('a cycle of values is found, a cycle of types is not one', () => {
  const file = (path: string, text: string) => readSource(path, text);
  const a = file('log/a.ts', `import { b } from './b.ts';`);
  const b = file('log/b.ts', `import { c } from './c.ts';`);
  assert.deepEqual(cycles([a, b, file('log/c.ts', `import { a } from './a.ts';`)]), [['log/a.ts', 'log/b.ts', 'log/c.ts']]);
  assert.deepEqual(cycles([a, b, file('log/c.ts', `import type { a } from './a.ts';`)]), []);
});
