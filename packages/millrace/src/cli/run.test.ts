// cli/run.test.ts - the frame of the command line: help, mistakes, exit codes, errors for people and for programs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from './commands.ts';
import { exitCodes } from './exit-codes.ts';
import { call } from './test-shell.ts';
import { version } from './version.ts';

test('without a command it shows all of them', async () => {
  for (const args of [[], ['--help'], ['-h'], ['help']]) {
    const { code, out } = await call(args);
    assert.equal(code, 0);
    for (const { name, summary } of commands) assert.ok(out.includes(name) && out.includes(summary), name);
  }
});

test('--version is the version of the package', async () => {
  assert.deepEqual((await call(['--version'])).out, `${version}\n`);
});

test('every command has help with examples, and so has `help COMMAND`', async () => {
  for (const { name } of commands) {
    const { code, out, err } = await call([name, '--help']);
    assert.deepEqual([code, err], [0, ''], name);
    assert.match(out, /Usage: millrace/);
    assert.match(out, /Examples:\n  # /, name);
    assert.equal((await call(['help', name])).out, out);
  }
});

test('a mistyped command names the nearest one and changes nothing', async () => {
  const { code, out, err } = await call(['topcis', 'list']);
  assert.deepEqual([code, out], [exitCodes.usage.code, '']);
  assert.match(err, /did you mean 'topics'\?/);
});

test('wrong flags and arguments end with code 2 and the way to help', async () => {
  for (const args of [['topics', 'list', '--nonsense'], ['topics', 'create'], ['topics', 'nonsense'], ['groups', 'reset', 'g'], ['topics', 'create', 'a', '--partitions', 'many'], ['topics', 'alter', 'a'], ['topics', 'list', '--server', 'a:b:c'], ['bench', 'nothing']]) {
    const { code, out, err } = await call(args);
    assert.deepEqual([code, out], [exitCodes.usage.code, ''], args.join(' '));
    assert.match(err, /error: /, args.join(' '));
  }
});

test('nobody listens: code 3, what to do, and as JSON for programs', async () => {
  const server = ['--server', '127.0.0.1:1', '--timeout-ms', '2000'];
  const forPeople = await call(['topics', 'list', ...server]);
  assert.equal(forPeople.code, exitCodes.unreachable.code);
  assert.match(forPeople.err, /error: Cannot connect to '127.0.0.1:1'.*\n.*millrace start/);
  const forPrograms = await call(['topics', 'list', '--json', ...server]);
  assert.equal(forPrograms.code, exitCodes.unreachable.code);
  assert.equal((JSON.parse(forPrograms.err) as { error: { code: string } }).error.code, 'disconnected');
});

test('what is not a terminal gets no control characters', async () => {
  const { out, err } = await call(['--help']);
  assert.doesNotMatch(out + err, /\x1b/);
});
