// tools/bundle.test.ts - the command line runs from a bundle only while that is the bundle of these very sources, and works from it as from them.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connect } from '../packages/millrace/src/client/mod.ts';
import { repository } from './source.ts';

const mainPath = 'packages/millrace/src/cli/main.ts';
const wordPath = 'packages/millrace/src/cli/word.ts';

/** A checkout whose command line is small: it prints a word and where it runs from, and a thread of it prints where that runs from. */
function smallCheckout(t: TestContext): { home: string; run(env?: Record<string, string>): { word: string; from: string; thread: string }; word(text: string): void; settled(): Promise<void> } {
  const home = mkdtempSync(join(tmpdir(), 'millrace bundle '));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  for (const folder of ['tools', '.millrace', 'packages/millrace/src/cli', 'packages/millrace/src/os', 'packages/millrace/src/log/compaction']) mkdirSync(join(home, folder), { recursive: true });
  for (const name of ['launch.mjs', 'bundle.ts', 'source.ts']) copyFileSync(join(repository, 'tools', name), join(home, 'tools', name));
  for (const name of ['package-lock.json', 'package.json', 'packages/millrace/package.json']) copyFileSync(join(repository, name), join(home, name));
  symlinkSync(join(repository, 'node_modules'), join(home, 'node_modules'));
  writeFileSync(join(home, mainPath), `const { word, place, thread } = await import('./word.ts');\nconsole.log(JSON.stringify({ word, from: new Error().stack?.includes('.millrace/bundle/') ? 'bundle' : 'sources', place, thread: await thread() }));\n`);
  writeFileSync(join(home, 'packages/millrace/src/os/lane-thread.ts'), `import { parentPort } from 'node:worker_threads';\nconst from: string = new Error().stack?.includes('.millrace/bundle/') ? 'bundle' : 'sources';\nparentPort!.postMessage(from);\n`);
  writeFileSync(join(home, 'packages/millrace/src/os/node-lane.ts'), `import { Worker } from 'node:worker_threads';\nexport const thread = () => new Promise((resolve) => new Worker(new URL(\`./lane-thread\${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}\`, import.meta.url)).once('message', resolve));\n`);
  writeFileSync(join(home, 'packages/millrace/src/log/compaction/compaction-thread.ts'), 'export {};\n');
  const word = (text: string) => writeFileSync(join(home, wordPath), `import { join } from 'node:path';\nexport { thread } from '../os/node-lane.ts';\nexport const word: string = '${text}';\nexport const place = [join(import.meta.dirname, 'x'), join(import.meta.filename), new URL('./y', import.meta.url).pathname].join();\n`);
  word('one');
  return {
    home, word,
    settled: () => sleep(150), // past the grain of the file system's clock: before that, a bundle is not trusted
    run(env = {}) {
      const told = JSON.parse(execFileSync(process.execPath, [join(home, 'tools/launch.mjs')], { encoding: 'utf8', stdio: 'pipe', env: { ...process.env, ...env } })) as { word: string; from: string; thread: string; place: string };
      const cli = join(home, 'packages/millrace/src/cli');
      assert.equal(told.place, [join(cli, 'x'), join(cli, 'word.ts'), encodeURI(join(cli, 'y'))].join(), 'a module knows its own place');
      return { word: told.word, from: told.from, thread: told.thread };
    },
  };
}

const bundled = (word: string) => ({ word, from: 'bundle', thread: 'bundle' });
const fromSources = (word: string) => ({ word, from: 'sources', thread: 'sources' });

test('the first call bundles; later ones run the same bundle, threads included', async (t) => {
  const place = smallCheckout(t);
  await place.settled();
  assert.deepEqual(place.run(), bundled('one'));
  const made = readFileSync(join(place.home, '.millrace/bundle/current.json'), 'utf8');
  assert.deepEqual(place.run(), bundled('one'));
  assert.equal(readFileSync(join(place.home, '.millrace/bundle/current.json'), 'utf8'), made);
  assert.deepEqual(place.run({ MILLRACE_BUNDLE: 'off' }), fromSources('one'));
});

test('no change goes unseen: not one of equal size and time, not one by renaming, and not one a moment ago', async (t) => {
  const place = smallCheckout(t);
  await place.settled();
  place.run();
  const path = join(place.home, wordPath);
  const { atime, mtime } = statSync(path);
  place.word('two');
  utimesSync(path, atime, mtime);
  assert.equal(place.run().word, 'two');
  place.word('six');
  assert.equal(place.run().word, 'six');
  writeFileSync(`${path}.new`, readFileSync(path, 'utf8').replace('six', 'ten'));
  utimesSync(`${path}.new`, atime, mtime);
  renameSync(`${path}.new`, path);
  assert.equal(place.run().word, 'ten');
  await place.settled();
  assert.deepEqual(place.run(), bundled('ten'), 'and what has come to rest is bundled');
});

test('without a bundle the sources run: no bundler, no folder for it; a damaged stamp is no bundle', async (t) => {
  const place = smallCheckout(t);
  await place.settled();
  rmSync(join(place.home, 'node_modules'));
  assert.deepEqual(place.run(), fromSources('one'));
  symlinkSync(join(repository, 'node_modules'), join(place.home, 'node_modules'));
  await place.settled();
  assert.deepEqual(place.run(), bundled('one'));
  writeFileSync(join(place.home, '.millrace/bundle/current.json'), '{"name":"../../..","files":');
  assert.deepEqual(place.run(), bundled('one'), 'made again');
  rmSync(join(place.home, '.millrace'), { recursive: true });
  assert.deepEqual(place.run(), fromSources('one'));
  writeFileSync(join(place.home, '.millrace'), 'not a folder');
  assert.deepEqual(place.run(), fromSources('one'));
});

test('several first calls at the same time all work, and leave one bundle', async (t) => {
  const place = smallCheckout(t);
  await place.settled();
  const outputs = await Promise.all([1, 2, 3].map(() => promisify(execFile)(process.execPath, [join(place.home, 'tools/launch.mjs')])));
  for (const { stdout } of outputs) assert.equal((JSON.parse(stdout) as { word: string }).word, 'one');
  assert.deepEqual(place.run(), bundled('one'));
  assert.equal(readdirSync(join(place.home, '.millrace/bundle')).length, 2, 'the bundle and its stamp');
});

test('a source that does not parse is complained about as itself', async (t) => {
  const place = smallCheckout(t);
  await place.settled();
  place.run();
  writeFileSync(join(place.home, wordPath), 'export const = ;');
  assert.throws(() => place.run(), (error) => /word\.ts/.test((error as { stderr: string }).stderr));
});

test('a copied checkout does not run the code of the one it was copied from', async (t) => {
  const place = smallCheckout(t);
  await place.settled();
  place.run();
  const copy = `${place.home} copy`;
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(place.home, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  await sleep(150);
  writeFileSync(join(copy, wordPath), readFileSync(join(copy, wordPath), 'utf8').replace('one', 'two'));
  assert.match(execFileSync(process.execPath, [join(copy, 'tools/launch.mjs')], { encoding: 'utf8' }), /"word":"two"/);
});

test('bundles do not pile up, and the present one is never taken away', async (t) => {
  const place = smallCheckout(t);
  for (let number = 10; number < 22; number++) {
    place.word(`n${number}`);
    await place.settled();
    assert.deepEqual(place.run(), bundled(`n${number}`));
  }
  assert.equal(readdirSync(join(place.home, '.millrace/bundle'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).length, 8);
});

test('the script runs a whole node from its bundle: a record is kept over a restart', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'millrace-bundled-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  for (const expected of [0, 1]) {
    const child = spawn(join(repository, 'millrace'), ['start', '--data', data, '--port', '0', '--log-format', 'json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const ready = await new Promise<{ url: string }>((resolve, reject) => {
        child.once('exit', (code) => reject(new Error(`the node ended with code ${code}`)));
        child.stdout.on('data', (chunk: Buffer) => { for (const line of chunk.toString().split('\n')) if (line.includes('"ready"')) resolve(JSON.parse(line) as { url: string }); });
      });
      await using client = await connect(ready.url);
      await using producer = client.producer();
      assert.equal((await producer.send({ topic: 'kept', value: 'x' })).offset, expected);
    } finally {
      child.kill('SIGTERM');
      await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(null)));
    }
  }
  assert.ok(existsSync(join(repository, '.millrace/bundle/current.json')));
});
