// tools/reference.test.ts - the reference parts of the guide are as the code says, and nothing that users can meet is missing there.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { errorCatalogue } from '../packages/millrace/src/base/mod.ts';
import { commands } from '../packages/millrace/src/cli/commands.ts';
import { settings } from '../packages/millrace/src/cli/settings.ts';
import { guidePages } from './guide.ts';
import { refreshed } from './reference.ts';
import { repository } from './source.ts';

const read = (page: string) => readFileSync(join(repository, page), 'utf8');

for (const page of guidePages()) {
  test(`${page} is as the code says (else: node_modules/.bin/node tools/reference.ts)`, async () => {
    assert.equal(await refreshed(page, read(page)), read(page));
  });
}

test('every error code, setting and command is in the guide', () => {
  for (const code of Object.keys(errorCatalogue)) assert.ok(read('docs/guide/errors.md').includes(`\`${code}\``), code);
  for (const { flag, env } of Object.values(settings)) for (const name of [flag, env]) assert.ok(read('docs/guide/configuration.md').includes(`\`${name}\``), name);
  for (const { name } of commands) assert.ok(read('docs/guide/cli.md').includes(`### ${name}`), name);
});

test('links between pages lead somewhere', () => {
  const pagesIn = (folder: string) => readdirSync(join(repository, folder)).filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`);
  const papers = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...pagesIn('docs/decisions'), ...pagesIn('docs/formats'), ...guidePages()];
  const tracked = new Set(papers);
  const broken = papers.flatMap((page) => [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) => ({ page, target: target! })))
    .filter(({ page, target }) => { try { read(normalize(join(dirname(page), target))); return false; } catch (error) { return (error as NodeJS.ErrnoException).code !== 'EISDIR'; } });
  assert.deepEqual(broken, []);
  const linked = new Set(papers.flatMap((page) => [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) => normalize(join(dirname(page), target!)))));
  assert.deepEqual([...tracked].filter((page) => page !== 'README.md' && !linked.has(page)), [], 'every page is linked from another');
});
