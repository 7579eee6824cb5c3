// test/pack/pack.test.ts - what is published works by itself: installed from the tarball into an empty folder, imported, typed, called.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packPackage } from '../../tools/pack.ts';
import { repository } from '../../tools/source.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-pack-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 60_000, env: { ...process.env, NODE_COMPILE_CACHE: '' } });

before(async () => {
  const tarball = await packPackage();
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'someone-elses-program', private: true, type: 'module' }));
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', tarball], { cwd: folder, stdio: 'pipe', timeout: 300_000 });
});

test('the tarball holds compiled code, declarations and papers, and no source or test', () => {
  const names = readdirSync(join(folder, 'node_modules/millrace'), { recursive: true, encoding: 'utf8' }).filter((name) => !name.startsWith('node_modules'));
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/mod.js', 'dist/mod.d.ts', 'dist/cli/main.js']) assert.ok(names.includes(name), `${name} is there`);
  assert.deepEqual(names.filter((name) => /(?<!\.d)\.ts$|\.test\.|\.fuzz\./.test(name)), []);
});

test('a node and a client in three lines, in memory and on disk', () => {
  writeFileSync(join(folder, 'round-trip.js'), readFileSync(join(import.meta.dirname, 'round-trip.mjs'), 'utf8'));
  assert.equal(run('round-trip.js').trim(), 'memory: hello 0\nrecord-refused\ndisk: hello 0\nrecord-refused');
});

test('the types resolve in a program that checks its libraries too', () => {
  writeFileSync(join(folder, 'program.ts'), readFileSync(join(import.meta.dirname, 'program.mts'), 'utf8'));
  mkdirSync(join(folder, 'types'), { recursive: true });
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions: { target: 'es2024', lib: ['es2024', 'esnext'], module: 'nodenext', strict: true, noEmit: true, skipLibCheck: false, types: ['node'], typeRoots: [join(repository, 'node_modules/@types')] },
    files: ['program.ts'],
  }));
  const output = (() => {
    try { return run(join(repository, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'); } catch (error) { return (error as { stdout: string }).stdout; }
  })();
  assert.equal(output, '');
  assert.equal(run('program.ts').trim(), 'typed: 1');
});

test('the command line is there, in few files', () => {
  const { version } = JSON.parse(readFileSync(join(repository, 'packages/millrace/package.json'), 'utf8')) as { version: string };
  assert.equal(run('node_modules/millrace/dist/cli/main.js', '--version').trim(), version);
  const scripts = readdirSync(join(folder, 'node_modules/millrace/dist/cli'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  assert.ok(scripts.length < 60, `${scripts.length} files`);
  assert.deepEqual(scripts.filter((name) => readFileSync(join(folder, 'node_modules/millrace/dist/cli', name), 'utf8').includes('/node_modules/')), [], 'and none holds code of another package');
});

test('the command line starts a node, and stops it', async () => {
  const child = spawn(process.execPath, ['node_modules/millrace/dist/cli/main.js', 'start', '--data', 'kept', '--port', '0'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const code = await new Promise((resolve) => {
    child.once('exit', resolve);
    child.stdout.on('data', (chunk: Buffer) => { if (chunk.includes('ready at')) child.kill('SIGTERM'); });
  });
  assert.equal(code, 0);
});
