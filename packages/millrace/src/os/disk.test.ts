// The real disk, the one in memory, and what only the real one does: errors of the system, the lock of a dead process.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { link, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { diskContract } from './disk-contract.ts';
import { MemoryDisk, NodeDisk, RecordingDisk, type LaneStep } from './mod.ts';

const pass = <T>(until: Promise<T>): Promise<T> => until;
const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'millrace-disk-'));

diskContract('node disk', async () => {
  const root = await folder();
  return { disk: new NodeDisk(root), pass, end: () => rm(root, { recursive: true }) };
});
diskContract('memory disk', async () => ({ disk: new MemoryDisk(), pass }));

diskContract('recording disk', async () => {
  const root = await folder();
  return { disk: new RecordingDisk(new NodeDisk(root)), pass, end: () => rm(root, { recursive: true }) };
});

test('recording disk: the trace tells every change in order, with its bytes and its end', async () => {
  const disk = new RecordingDisk(new MemoryDisk());
  const file = await disk.open('a', { create: true });
  const lane = await disk.openLane();
  const memory = disk.allocate(8);
  memory.set([1, 2, 3]);
  await file.write([memory.subarray(0, 1), memory.subarray(1, 3)], 5);
  await new Promise<void>((resolve) => lane.submit([{ kind: 'write', file, position: 0, parts: [memory.subarray(2, 3)] }, { kind: 'sync', file }], () => resolve()));
  disk.mark('acknowledged');
  await disk.rename('a', 'b');
  const told = disk.trace.map((entry) => {
    if (entry.kind === 'mark') return `mark ${entry.mark}`;
    if (entry.kind === 'end') return `end ${entry.id}${entry.failed ? ' failed' : ''}`;
    const { action, id, thread } = entry;
    return `begin ${id} ${thread} ${action.kind} ${action.path}${action.kind === 'write' ? ` ${action.position} [${action.bytes}]` : ''}`;
  });
  assert.deepEqual(told, [
    'begin 1 caller open a', 'end 1', 'begin 2 caller write a 5 [1,2,3]', 'end 2', 'begin 3 1 write a 0 [3]', 'end 3', 'begin 4 1 sync a', 'end 4',
    'mark acknowledged', 'begin 5 caller rename a', 'end 5',
  ]);
  await file.close();
});

async function within(tell: (disk: NodeDisk, root: string) => Promise<void>): Promise<void> {
  const root = await folder();
  try {
    await tell(new NodeDisk(root), root);
  } finally {
    await rm(root, { recursive: true });
  }
}

test('node disk: the first failing step ends its commit and every later one with the same error', { skip: process.platform !== 'linux' }, () => within(async (disk) => {
  const full = new NodeDisk('/dev');
  const lane = await full.openLane();
  const sink = await full.open('full');
  const memory = disk.allocate(4096);
  const codes: (string | null)[] = [];
  const commit = (steps: readonly LaneStep[]): Promise<void> => new Promise((resolve) => lane.submit(steps, (error) => { codes.push(isMillraceError(error) ? error.code : null); resolve(); }));
  await commit([]);
  await commit([{ kind: 'write', file: sink, position: 0, parts: [memory] }, { kind: 'sync', file: sink }]);
  await commit([]);
  assert.deepEqual(codes, [null, 'disk-full', 'disk-full']);
  await sink.close();
  await lane.close();
}));

test('node disk: a lock left by a killed process is taken over, a living one is named', () => within(async (disk, root) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  try {
    const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8').catch(() => null);
    if (stat === null) return;
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const startedAt = `${boot}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
    await writeFile(join(root, 'lock'), JSON.stringify({ pid: child.pid, startedAt }));
    await assert.rejects(disk.lock(), (error) => isMillraceError(error, 'data-folder-locked') && error.data.pid === child.pid);
    await writeFile(join(root, 'lock'), JSON.stringify({ pid: child.pid, startedAt: 'an earlier process of that number' }));
    await (await disk.lock()).release();
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
  await writeFile(join(root, 'lock'), JSON.stringify({ pid: child.pid, startedAt: '' }));
  await (await disk.lock()).release();
  await writeFile(join(root, 'lock'), 'half a lo');
  await (await disk.lock()).release();
}));

test('node disk: a journal file is opened past the page cache where the system can', () => within(async (disk) => {
  const file = await disk.open('journal', { create: true, direct: true });
  assert.equal(typeof (file as unknown as { syncsEachWrite: boolean }).syncsEachWrite, 'boolean');
  if (constants.O_DIRECT === undefined) assert.equal((file as unknown as { syncsEachWrite: boolean }).syncsEachWrite, false);
  await file.close();
}));

test('large files are freed little by little: their names are gone at once, who has them open reads on, and a hard link stays whole', async () => {
  const root = await folder();
  const disk = new NodeDisk(root);
  const large = 40 << 20;
  const make = async (path: string): Promise<void> => {
    const file = await disk.open(path, { create: true });
    await file.write([new Uint8Array(8).fill(7)], large - 8);
    await file.close();
  };
  try {
    await disk.makeFolder('f');
    for (const path of ['read', 'linked', 'f/1', 'f/2', 'renamed']) await make(path);
    await link(join(root, 'linked'), join(root, 'link'));
    const [reader, other] = [await disk.open('read'), await disk.open('renamed')];
    await disk.rename('renamed', 'moved');
    for (const path of ['read', 'linked', 'f', 'moved']) await disk.remove(path);
    assert.deepEqual((await disk.list('.')).map(({ name, bytes }) => [name, bytes]), [['link', large]]);
    // Longer than the freeing of all of it takes.
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    for (const file of [reader, other]) {
      const into = new Uint8Array(8);
      assert.equal(await file.read(into, large - 8), 8);
      assert.deepEqual(into, new Uint8Array(8).fill(7));
      await file.close();
    }
    assert.equal((await readFile(join(root, 'link'))).at(-1), 7);
    if (process.platform === 'linux') {
      const held = async (): Promise<string[]> => (await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))).filter((path) => path.startsWith(root));
      for (let tries = 0; (await held()).length > 0; tries++) {
        assert.ok(tries < 500, 'every removed file is closed in the end');
        await new Promise((resolve) => { setTimeout(resolve, 10); });
      }
    }
  } finally {
    await rm(root, { recursive: true });
  }
});
