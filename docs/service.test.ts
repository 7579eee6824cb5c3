// docs/millrace.service: what it starts is what the command line takes, and it stops as it says.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { call } from '../packages/millrace/src/cli/test-shell.ts';
import { repository } from '../tools/source.ts';

const text = readFileSync(join(repository, 'docs/millrace.service'), 'utf8');
const checkout = '/opt/millrace';

/** All values of a key, in order. */
const valuesOf = (key: string): string[] => [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1]!);
function valueOf(key: string): string {
  const values = valuesOf(key);
  assert.equal(values.length, 1, `${key} is there once`);
  return values[0]!;
}

const environment = Object.fromEntries(valuesOf('Environment').flatMap((line) => line.split(' ')).map((pair) => pair.split('=') as [string, string]));
const [program, ...args] = valueOf('ExecStart').split(' ') as [string, ...string[]];

test('its command and its environment are settings of this version, and its folders are those that systemd makes', async () => {
  assert.equal(program, `${checkout}/millrace`);
  const shown = await call([...args, '--show-settings'], { env: environment });
  assert.equal(shown.code, 0, shown.err);
  const settings = shown.out.split('\n').map((line) => line.split(/ {2,}/));
  const origins = Object.fromEntries(settings.map(([name, value, from]) => [name, `${value} ${from}`]));
  assert.equal(origins['data'], `${environment['MILLRACE_DATA']} environment`);
  assert.equal(origins['logFormat'], 'json environment');
  const read = settings.filter(([, , from]) => from === 'environment').length;
  assert.equal(read, Object.keys(environment).filter((name) => name.startsWith('MILLRACE_')).length, `every variable is read:\n${shown.out}`);
  assert.ok(environment['MILLRACE_DATA']!.startsWith(`/var/lib/${valueOf('StateDirectory')}/`));
  assert.equal(environment['NODE_COMPILE_CACHE'], `/var/cache/${valueOf('CacheDirectory')}`);
  assert.equal(valueOf('Documentation'), `file:${checkout}/docs/guide/running.md`);
});

test('what it starts says ready in its format, and its signal ends it cleanly', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-service-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // As systemd starts it: nothing of this process's environment but the path; other folders and a free port.
  const env = { PATH: process.env['PATH'], ...environment, MILLRACE_DATA: join(folder, 'data'), NODE_COMPILE_CACHE: join(folder, 'cache'), MILLRACE_PORT: '0' };
  const node = spawn(program.replace(checkout, repository), args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => node.kill('SIGKILL'));
  let out = '';
  const ready = new Promise<void>((resolve) => {
    node.stdout.on('data', (chunk: Buffer) => { out += chunk.toString(); if (out.includes('"event":"ready"')) resolve(); });
  });
  const ended = new Promise<string>((resolve) => { node.on('close', (code, signal) => resolve(`code ${code}, signal ${signal}`)); });
  assert.equal(await Promise.race([ready, ended]), undefined, out);
  const signal = valueOf('KillSignal') as NodeJS.Signals;
  assert.ok(signal in constants.signals);
  node.kill(signal);
  assert.equal(await ended, 'code 0, signal null', 'systemd would count anything else as a failure, and start it again');
  const events = out.trim().split('\n').map((line) => (JSON.parse(line) as { event?: string }).event);
  assert.equal(events.at(-1), 'stopped');
});

test('systemd takes it', (t) => {
  if (spawnSync('systemd-analyze', ['--version']).error !== undefined) return t.skip('systemd-analyze is not on this machine');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-service-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'millrace.service'), text.replaceAll(checkout, repository)); // it wants the program to be there
  const { status, stderr, stdout } = spawnSync('systemd-analyze', ['verify', join(folder, 'millrace.service')], { encoding: 'utf8' });
  assert.deepEqual([status, stderr + stdout], [0, '']);
});
