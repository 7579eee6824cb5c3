// cli/folder.test.ts - a node in the foreground as its own process, and what one does with its folder: stop, check, back up, restore.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { connect } from '../client/mod.ts';
import { askNode } from './control.ts';
import { exitCodes } from './exit-codes.ts';
import { call } from './test-shell.ts';

interface Started { readonly child: ChildProcess; readonly server: string; readonly lines: () => Record<string, unknown>[]; readonly stop: (signal?: NodeJS.Signals) => Promise<{ code: number | null; err: string }> }

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-folder-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts `millrace start` as a process; rejects with what it said when it ends instead. */
function start(t: TestContext, data: string, ...flags: string[]): Promise<Started> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'start', '--data', data, '--port', '0', '--log-format', 'json', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => { child.kill('SIGKILL'); });
  let [out, err] = ['', ''];
  const ended = new Promise<{ code: number | null; err: string }>((resolve) => child.on('close', (code) => resolve({ code, err })));
  const lines = () => out.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => { child.kill(signal); return ended; };
  return new Promise((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => { err += chunk.toString(); });
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const ready = /"event":"ready".*\n/.test(out) ? lines().find((line) => line['event'] === 'ready') : undefined;
      if (ready !== undefined) resolve({ child, server: `${ready['host']}:${ready['port']}`, lines, stop });
    });
    void ended.then(({ code }) => reject(Object.assign(new Error(err), { code })));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function ok(args: string[], stdin?: string) {
  const called = await call(args, { folder: tmpdir(), ...(stdin === undefined ? {} : { stdin }) });
  assert.equal(called.code, 0, `${args.join(' ')}\n${called.err}`);
  return called;
}

test('start: ready when clients can connect, one node to a folder, a clean stop', async (t) => {
  const data = join(temporaryFolder(t), 'data');
  const node = await start(t, data, '--set', 'num.partitions=3');
  await ok(['produce', 'clicks', '--create', '--server', node.server], 'a\nb\n');
  assert.equal(((await ok(['topics', 'describe', 'clicks', '--json', '--server', node.server])).json as [{ partitions: unknown[] }])[0].partitions.length, 3);
  await assert.rejects(start(t, data), (error: Error & { code: number }) => {
    assert.match(error.message, /process \d+ is running on this folder[^]*name another folder with: --data/);
    return error.code === exitCodes.failed.code;
  });
  assert.deepEqual(await node.stop(), { code: 0, err: '' });
  assert.equal(node.lines().at(-1)!['event'], 'stopped');
  assert.deepEqual(readdirSync(data).filter((name) => name.startsWith('control')), []);
  const again = await start(t, data);
  assert.equal((await ok(['consume', 'clicks', '--server', again.server])).out.split('\n').length, 3);
  await again.stop('SIGINT');
});

test('start: an address beyond loopback is refused, or warned about when it is insecure by word, one for everybody needs a name, a taken port is named', async (t) => {
  const folder = temporaryFolder(t);
  const node = await start(t, join(folder, 'a'), '--insecure', '--host', '0.0.0.0', '--advertise', '127.0.0.1:9');
  assert.match(JSON.stringify(node.lines()), /"level":"warn","component":"broker","message":"listening on 0.0.0.0:0 INSECURE/);
  await assert.rejects(start(t, join(folder, 'b'), '--host', '0.0.0.0', '--advertise', '127.0.0.1:9'), /without authentication/);
  await assert.rejects(start(t, join(folder, 'b'), '--host', '0.0.0.0'), (error: Error & { code: number }) => /--advertise/.test(error.message) && error.code === exitCodes.usage.code);
  const taken = await start(t, join(folder, 'c'));
  await assert.rejects(start(t, join(folder, 'd'), '--port', taken.server.split(':')[1]!), /Cannot listen on '127.0.0.1:\d+'/);
  await assert.rejects(start(t, join(folder, 'd'), '--set', 'no.such.key=1'), /no such node configuration/);
  await Promise.all([node.stop(), taken.stop()]);
});

test('start: each listener tells clients its own address', async (t) => {
  const port = await freePort();
  const node = await start(t, temporaryFolder(t), '--listen', `127.0.0.1:${port}=bus.example:4711`);
  const told = async (server: string) => {
    await using client = await connect(server);
    return (await client.admin().describeCluster()).brokers.map((broker) => `${broker.host}:${broker.port}`);
  };
  assert.deepEqual(await told(node.server), [node.server]);
  assert.deepEqual(await told(`127.0.0.1:${port}`), ['bus.example:4711']);
  await node.stop();
});

test('backup of a running node, then of what is new, then restored and checked', async (t) => {
  const folder = temporaryFolder(t);
  const [data, backup, restored] = [join(folder, 'data'), join(folder, 'backup'), join(folder, 'restored')];
  const node = await start(t, data);
  await ok(['produce', 'clicks', '--create', '--server', node.server], 'a\nb\n');
  assert.match((await ok(['backup', backup, '--data', data])).out, /Backed up .*: \d+ partitions, \d+ files/);
  assert.equal(statSync(join(data, 'control.sock')).mode & 0o777, 0o700 & ~0o077, 'only the owner may ask');
  await ok(['produce', 'clicks', '--server', node.server], 'c\n');
  const second = (await ok(['backup', backup, '--data', data, '--json'])).json as { bytes: number; bytesCopied: number };
  assert.ok(second.bytesCopied > 0 && second.bytesCopied < second.bytes, JSON.stringify(second));
  assert.equal((await call(['check', data])).code, exitCodes.failed.code, 'a node runs on it');
  await ok(['produce', 'clicks', '--server', node.server], 'not in the backup\n');
  await node.stop();
  await ok(['restore', backup, '--data', restored]);
  assert.equal((await call(['restore', backup, '--data', restored])).code, exitCodes.failed.code, 'it is not empty any more');
  assert.match((await ok(['check', restored])).out, /No damage/);
  const again = await start(t, restored);
  assert.equal((await ok(['consume', 'clicks', '--server', again.server])).out, 'a\nb\nc\n');
  await again.stop();
  assert.match((await ok(['backup', join(folder, 'offline'), '--data', data])).out, /Backed up/, 'also of a stopped node');
});

test('a running node says how it is when asked, and once more when it stops', async (t) => {
  const data = join(temporaryFolder(t), 'data');
  assert.equal(await askNode(data, { do: 'status' }), undefined, 'nobody is there');
  const node = await start(t, data);
  const status = (await askNode(data, { do: 'status' }))!;
  assert.deepEqual(status.connections, { open: 0, evicted: 0 });
  assert.ok(status.stalls.count >= 0);
  await assert.rejects(askNode(data, { do: 'dance' } as unknown as { do: 'status' }), (error) => isMillraceError(error, 'invalid-argument'));
  await node.stop();
  const stopped = node.lines().find((line) => line['event'] === 'stopped')!;
  assert.deepEqual(Object.keys(stopped['stalls'] as object), Object.keys(status.stalls));
});

test('backup of a running node whose folder has a long path, and after one that was killed there', async (t) => {
  const data = join(temporaryFolder(t), 'a-folder-with-a-long-name'.repeat(4), 'data');
  const killed = await start(t, data);
  await ok(['produce', 'clicks', '--create', '--server', killed.server], 'a\n');
  await killed.stop('SIGKILL');
  const node = await start(t, data);
  assert.match((await ok(['backup', join(data, '../backup'), '--data', data])).out, /Backed up/);
  await node.stop();
});

test('check names damage and ends with code 4', async (t) => {
  const data = join(temporaryFolder(t), 'data');
  const node = await start(t, data);
  await ok(['produce', 'clicks', '--create', '--server', node.server], `${'x'.repeat(500)}\n`.repeat(20));
  await node.stop();
  assert.match((await ok(['check', data])).out, /2\d records[^]*No damage/);
  const segment = readdirSync(data, { recursive: true, encoding: 'utf8' }).map((name) => join(data, name)).find((path) => /clicks-0.*\.log$/.test(path))!;
  const at = Math.floor(statSync(segment).size / 2);
  const byte = readFileSync(segment)[at]!;
  writeSync(openSync(segment, 'r+'), Buffer.from([byte ^ 1]), 0, 1, at);
  const damaged = await call(['check', data]);
  assert.equal(damaged.code, exitCodes.damaged.code);
  assert.match(damaged.out, /damage {2}clicks-0\/\d+\.log.*\n[^]*damaged place/);
  const json = (await call(['check', data, '--json'])).json as { damage: number; findings: { kind: string; path: string }[] };
  assert.ok(json.damage > 0 && json.findings.some((finding) => finding.kind === 'damage' && finding.path.startsWith('clicks-0/')));
  assert.equal((await call(['check', join(data, 'missing')])).code, exitCodes.usage.code);
});
