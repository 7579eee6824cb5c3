// Backups: taken while appends go on, incremental, consistent, and checked on the way back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { MemoryDisk, nodeClock, nodeRandom, type Disk } from '../os/mod.ts';
import { appendPatiently, batchOf, readAll, sampleConfig } from './log-samples.ts';
import { checkFolder, openLog, restore } from './mod.ts';
import type { Log } from './types.ts';

const open = (disk: Disk): Promise<Log> => openLog({ disk, clock: nodeClock(), random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 256 << 10, configOf: () => ({ ...sampleConfig, segmentBytes: 20_000 }) });

async function fill(log: Log, name: string, from: number, to: number): Promise<void> {
  const partition = log.partitions.get(name) ?? (await log.create(name, { ...sampleConfig, segmentBytes: 20_000 }));
  for (let index = from; index < to; index++) await appendPatiently(log, partition, batchOf([`${name}:${index}:${'b'.repeat(900)}`], index));
}

async function restored(backup: Disk): Promise<Log> {
  const target = new MemoryDisk();
  await restore(backup, target);
  const found: unknown[] = [];
  await checkFolder(target, (finding) => found.push(finding));
  assert.deepEqual(found, []);
  return open(target);
}

test('a backup holds what was acknowledged when it was taken, and a restored folder goes on from there', async () => {
  const log = await open(new MemoryDisk());
  await fill(log, 'flights-0', 0, 100);
  await fill(log, 'flights-1', 0, 10);
  await log.partitions.get('flights-0')!.deleteBefore(40);
  const backup = new MemoryDisk();
  const first = await log.backup(backup);
  assert.ok(first.bytesCopied === first.bytes && first.partitions === 2);
  await fill(log, 'flights-0', 100, 120);
  const copy = await restored(backup);
  const partition = copy.partitions.get('flights-0')!;
  assert.deepEqual([partition.logStartOffset, partition.highWatermark], [40, 100]);
  assert.deepEqual((await readAll(partition)).map(({ value }) => value.split(':')[1]), Array.from({ length: 60 }, (_, index) => String(index + 40)));
  await fill(copy, 'flights-0', 100, 105);
  await copy.close();
  await log.close();
});

test('the second backup copies only what is new, and drops what is gone', async () => {
  const log = await open(new MemoryDisk());
  await fill(log, 'flights-0', 0, 200);
  await fill(log, 'gone-0', 0, 50);
  const backup = new MemoryDisk();
  const first = await log.backup(backup);
  const second = await log.backup(backup);
  assert.equal(second.bytesCopied, 0);
  assert.equal(second.bytes, first.bytes);
  await fill(log, 'flights-0', 200, 210);
  await log.remove('gone-0');
  await log.partitions.get('flights-0')!.deleteBefore(100);
  const third = await log.backup(backup);
  assert.ok(third.bytesCopied > 9_000 && third.bytesCopied < 40_000, `${third.bytesCopied} bytes`);
  assert.deepEqual((await backup.list('gone-0')), []);
  const copy = await restored(backup);
  assert.deepEqual([...copy.partitions.keys()], ['flights-0']);
  assert.equal((await readAll(copy.partitions.get('flights-0')!)).length, 110);
  await copy.close();
  await log.close();
});

test('a partition made anew under the same name is copied anew', async () => {
  const log = await open(new MemoryDisk());
  const backup = new MemoryDisk();
  await fill(log, 'flights-0', 0, 50);
  await log.backup(backup);
  await log.remove('flights-0');
  await fill(log, 'flights-0', 500, 560);
  await log.backup(backup);
  const copy = await restored(backup);
  assert.equal((await readAll(copy.partitions.get('flights-0')!))[0]!.value.split(':')[1], '500');
  await copy.close();
  await log.close();
});

test('backups taken while others append, roll, delete and remove restore to what then was', async () => {
  const log = await open(new MemoryDisk());
  const backup = new MemoryDisk();
  let stop = false;
  const busy = (async () => {
    for (let round = 0; !stop; round++) {
      await fill(log, 'flights-0', round * 20, round * 20 + 20);
      await fill(log, 'flights-1', round * 20, round * 20 + 20);
      const partition = log.partitions.get('flights-0')!;
      await partition.deleteBefore(Math.max(0, partition.highWatermark - 50));
      await log.applyRetention();
      if (round % 3 === 2) await log.remove('flights-1');
    }
  })();
  for (let round = 0; round < 12; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    const acked = log.partitions.get('flights-0')?.highWatermark ?? 0;
    await log.backup(backup);
    const copy = await restored(backup);
    const partition = copy.partitions.get('flights-0');
    assert.ok(acked === 0 || partition!.highWatermark >= acked);
    for (const each of copy.partitions.values()) for (const { offset, value } of await readAll(each)) if (each.name === 'flights-0') assert.equal(value.split(':')[1], String(offset));
    await copy.close();
  }
  stop = true;
  await busy;
  await log.close();
});

/** A backup's disk on which something happens when the folder of a partition is about to be filled. */
class Meanwhile extends MemoryDisk {
  act: (folder: string) => Promise<void> = async () => {};

  override async makeFolder(path: string): Promise<void> {
    await super.makeFolder(path);
    await this.act(path);
  }
}

test('a partition all of whose segments are dropped while it is copied is in the backup, empty and at its offset', async (t) => {
  const log = await open(new MemoryDisk());
  t.after(() => log.close());
  await fill(log, 'flights-0', 0, 30);
  const backup = new Meanwhile();
  backup.act = async (folder) => {
    if (folder !== 'flights-0') return;
    await fill(log, 'flights-0', 30, 80);
    await log.partitions.get('flights-0')!.deleteBefore(80);
    await log.checkpoint();
    await log.applyRetention();
  };
  await log.backup(backup);
  const copy = await restored(backup);
  t.after(() => copy.close());
  const partition = copy.partitions.get('flights-0')!;
  assert.deepEqual([partition.logStartOffset, partition.highWatermark], [30, 30]);
});

test('a partition that is removed while it is copied is not in the backup', async (t) => {
  const log = await open(new MemoryDisk());
  t.after(() => log.close());
  await fill(log, 'flights-0', 0, 60);
  await fill(log, 'flights-1', 0, 5);
  const backup = new Meanwhile();
  backup.act = async (folder) => { if (folder === 'flights-0') await log.remove('flights-0'); };
  await log.backup(backup);
  const copy = await restored(backup);
  t.after(() => copy.close());
  assert.deepEqual([...copy.partitions.keys()], ['flights-1']);
});

test('a damaged backup is not restored, a damaged log not backed up, a foreign folder not written to', async () => {
  const disk = new MemoryDisk();
  const log = await open(disk);
  await fill(log, 'flights-0', 0, 60);
  const backup = new MemoryDisk();
  await log.backup(backup);
  const flip = async (where: Disk, path: string, position: number): Promise<void> => {
    const file = await where.open(path);
    const byte = new Uint8Array(1);
    await file.read(byte, position);
    byte[0]! ^= 4;
    await file.write([byte], position);
    await file.close();
  };
  const path = 'flights-0/00000000000000000000.log';
  for (const [file, position] of [[path, 500], [path, 3], ['backup.json', 40], ['format.json', 20], ['manifest-1', 50]] as const) {
    await flip(backup, file, position);
    await assert.rejects(restore(backup, new MemoryDisk()), (error) => isMillraceError(error, 'data-damaged'), `${file} at ${position}`);
    await flip(backup, file, position);
  }
  await (await restored(backup)).close();
  await assert.rejects(restore(backup, backup), (error) => isMillraceError(error, 'invalid-argument'));
  await fill(log, 'flights-0', 60, 100);
  await log.checkpoint();
  const newest = (await disk.list('flights-0')).filter((file) => file.name.endsWith('.log')).at(-2)!;
  await flip(disk, `flights-0/${newest.name}`, newest.bytes - 100);
  await assert.rejects(log.backup(backup), (error) => isMillraceError(error, 'data-damaged') && String(error.data.path).endsWith(newest.name));
  const kept = await restored(backup);
  assert.equal((await readAll(kept.partitions.get('flights-0')!)).length, 60);
  await kept.close();
  const other = await open(new MemoryDisk());
  await assert.rejects(other.backup(backup), (error) => isMillraceError(error, 'invalid-argument'));
  await other.close();
  await log.close();
});
