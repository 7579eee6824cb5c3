// `start` with a world, `faults`, `move` and schemas from a file, as a person types them.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Node, startNode } from '../node/mod.ts';
import { exitCodes } from './exit-codes.ts';
import { call, type Called } from './test-shell.ts';

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cli-worlds-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const run = (line: string, folder: string, stdin = ''): Promise<Called> => call(line.split(' '), { folder, stdin });

async function ok(line: string, folder: string, stdin = ''): Promise<Called> {
  const called = await run(line, folder, stdin);
  assert.equal(called.code, 0, `${line}\n${called.err}`);
  return called;
}

/** A node as its own process; resolves to the line that says it is ready. */
function start(t: TestContext, ...flags: string[]): Promise<{ child: ChildProcess; ready: Record<string, unknown> }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'start', '--port', '0', '--log-format', 'json', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => { child.kill('SIGKILL'); });
  let out = '';
  return new Promise((resolve, reject) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const ready = out.split('\n').find((line) => line.includes('"event":"ready"') && line.endsWith('}'));
      if (ready !== undefined) resolve({ child, ready: JSON.parse(ready) as Record<string, unknown> });
    });
    child.on('close', (code) => reject(Object.assign(new Error(out), { code })));
  });
}

test('faults: set from a file and from stdin, shown, leaders moved, cleared; the node starts with them, too', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'faults.json'), '{"seed":3,"rules":[{"kind":"error","apis":["Produce"],"error":"NOT_LEADER_OR_FOLLOWER","times":2}]}');
  const { ready } = await start(t, '--data', join(folder, 'data'), '--brokers', '2', '--as-kafka', '3.9', '--faults', join(folder, 'faults.json'));
  const server = `--server ${ready['host']}:${ready['port']}`;
  await ok(`topics create work --partitions 2 ${server}`, folder);
  await ok(`produce work ${server}`, folder, 'a\nb\n');
  const shown = await ok('faults show --data data', folder);
  assert.match(shown.out, /Seed 3, 2 faults so far/);
  assert.match(shown.out, /error +Produce +all +error=NOT_LEADER_OR_FOLLOWER times=2/);
  const moved = await ok('faults move-leader work 1 --to 2 --data data --json', folder);
  assert.equal((moved.json as { injected: number }).injected, 2);
  assert.match((await ok(`topics describe work ${server}`, folder)).out, /1 +2 /);
  await ok('faults move-coordinator group readers --data data', folder);
  await ok('faults set - --data data', folder, '{"rules":[{"kind":"slow","ms":1}]}');
  assert.match((await ok('faults clear --data data', folder)).out, /No faults/);
  for (const line of ['faults set nowhere.json --data data', 'faults set - --data data', 'faults move-leader work x --data data', 'faults move-coordinator member x --data data', 'faults show --data elsewhere']) {
    assert.equal((await run(line, folder, '{')).code, exitCodes.usage.code, line);
  }
  assert.equal((await run('faults set - --data data', folder, '{"rules":[{"kind":"boom"}]}')).code, exitCodes.failed.code);
  assert.equal((await run('faults move-leader nothing 0 --data data', folder)).code, exitCodes.failed.code);
});

test('start: a world that does not exist is a mistake, said before anything is made', async (t) => {
  const folder = temporaryFolder(t);
  for (const flags of [['--as-kafka', '9.9'], ['--brokers', '99'], ['--faults', join(folder, 'none.json')]]) {
    await assert.rejects(start(t, '--data', join(folder, 'data'), ...flags), (error: Error & { code?: number }) => error.code !== 0);
  }
});

test('topics create: schemas from files', async (t) => {
  const folder = temporaryFolder(t);
  await using node = await startNode();
  writeFileSync(join(folder, 'value.json'), '{"type":"object","required":["id"]}');
  writeFileSync(join(folder, 'bad.json'), '{"type":"objekt"}');
  const server = `--server ${node.bootstrap}`;
  await ok(`topics create typed --value-schema value.json ${server}`, folder);
  await ok(`produce typed ${server}`, folder, '{"id":1}\n');
  const refused = await run(`produce typed ${server}`, folder, '{"id":2}\n{}\n');
  assert.equal(refused.code, exitCodes.failed.code);
  assert.match(refused.err, /must have required property 'id'/);
  assert.equal((await run(`topics create other --value-schema bad.json ${server}`, folder)).code, exitCodes.failed.code);
  assert.equal((await run(`topics create other --key-schema none.json ${server}`, folder)).code, exitCodes.usage.code);
});

async function furnished(): Promise<Node> {
  const node = await startNode();
  await ok(`topics create house --partitions 2 --config retention.ms=-1 --server ${node.bootstrap}`, '/');
  await ok(`produce house --server ${node.bootstrap}`, '/', Array.from({ length: 50 }, (_, i) => `line ${i}\n`).join(''));
  await ok(`groups reset readers --topic house:0 --to-offset 3 --server ${node.bootstrap}`, '/');
  return node;
}

test('move: plan, copy, verify, cutover; as text and as JSON', async () => {
  await using source = await furnished();
  await using target = await startNode();
  const line = `move --from ${source.url} --to ${target.url}`;
  const plan = await ok(`${line} --dry-run`, '/');
  assert.match(plan.out, /Offsets stay as they are/);
  assert.match(plan.out, /house +2 +50 +new +retention.ms=-1/);
  assert.match(plan.out, /Positions of 1 group: readers/);
  assert.match(plan.out, /Not moved: .*transactional ids/);
  assert.match((await ok(`topics list --server ${target.bootstrap}`, '/')).err, /No topics yet/, 'a dry run changes nothing');
  assert.match((await ok(`${line} --once`, '/')).err, /Copied what was there/);
  assert.match((await ok(`${line} --verify`, '/')).out, /Equal: 50 records in 2 partitions/);
  const done = (await ok(`${line} --cutover --json`, '/')).out.trim().split('\n').map((one) => JSON.parse(one) as { event: string; groups?: unknown; isEqual?: boolean });
  assert.deepEqual(done.map(({ event }) => event).filter((event) => event !== 'progress'), ['plan', 'verified', 'cutover']);
  assert.deepEqual(done.at(-1)!.groups, [{ group: 'readers', positions: 1 }]);
  await ok(`produce house --server ${target.bootstrap}`, '/', 'the new house\n');
  assert.match((await ok(`${line} --dry-run`, '/')).out, /house +2 +50 +done/);
});

test('move: mistakes', async () => {
  await using source = await furnished();
  await using target = await startNode();
  const line = `move --from ${source.url} --to ${target.url}`;
  for (const flags of ['--once --cutover', '--dry-run --verify', '--no-verify', '--timeout-ms x']) assert.equal((await run(`${line} ${flags}`, '/')).code, exitCodes.usage.code, flags);
  assert.equal((await run('move --to kafka://x:1', '/')).code, exitCodes.usage.code);
  assert.equal((await run(`move --from kafka://127.0.0.1:1 --to ${target.url}`, '/')).code, exitCodes.unreachable.code);
  assert.equal((await run(`${line} --topics nothing`, '/')).code, exitCodes.failed.code);
  assert.equal((await run(`${line} --verify`, '/')).code, exitCodes.failed.code, 'nothing is there to be compared');
});
