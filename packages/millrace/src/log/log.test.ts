// What a log promises its broker, on the memory disk and on the real one.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMillraceError, limits, type ErrorCode } from '../base/mod.ts';
import { MemoryDisk, NodeDisk, nodeClock, nodeRandom, type Disk } from '../os/mod.ts';
import { appendAcked, appendPatiently, batchOf, batchOfSize, readAll, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import type { Log, LogOptions, PartitionConfig } from './types.ts';

type Options = Partial<LogOptions> & { config?: PartitionConfig };
interface Scene { readonly disk: Disk; open(options?: Options): Promise<Log>; readonly reports: string[] }

const kinds: { name: string; make: () => Promise<{ disk: Disk; end: () => Promise<void> }> }[] = [
  { name: 'memory', make: async () => ({ disk: new MemoryDisk(), end: async () => {} }) },
  {
    name: 'node',
    make: async () => {
      const root = await mkdtemp(join(tmpdir(), 'millrace-log-'));
      return { disk: new NodeDisk(root), end: () => rm(root, { recursive: true }) };
    },
  },
];

function story(title: string, tell: (scene: Scene) => Promise<void>): void {
  for (const { name, make } of kinds) {
    test(`${title} (${name} disk)`, async () => {
      const { disk, end } = await make();
      const logs: Log[] = [];
      const reports: string[] = [];
      try {
        await tell({
          disk, reports,
          async open(options = {}) {
            const log = await openLog({
              disk, clock: nodeClock(), random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 512 << 10,
              configOf: () => options.config ?? sampleConfig, onReport: (line) => { reports.push(line); }, ...options,
            });
            logs.push(log);
            return log;
          },
        });
      } finally {
        for (const log of logs) await log.close();
        await end();
      }
    });
  }
}

const fails = (work: () => unknown, code: ErrorCode): Promise<void> => assert.rejects(async () => { await work(); }, (error) => isMillraceError(error, code) || assert.fail(String(error)));

story('offsets follow each other; batches are read whole, from the one that holds the offset', async ({ open }) => {
  const partition = await (await open()).create('flights-0', sampleConfig);
  assert.equal(await appendAcked(partition, batchOf(['a', 'b', 'c'])), 0);
  assert.equal(await appendAcked(partition, batchOf(['d']), batchOf(['e', 'f'])), 3);
  assert.deepEqual([partition.logStartOffset, partition.highWatermark, partition.endOffset], [0, 6, 6]);
  assert.deepEqual((await readAll(partition, 1)).map(({ offset, value }) => `${offset}${value}`), ['1b', '2c', '3d', '4e', '5f']);
  const tight = await partition.read(1, 1, true);
  assert.equal(tight.nextOffset, 3);
  tight.release();
  const none = await partition.read(1, 1, false);
  assert.deepEqual([none.bytes, none.nextOffset], [0, 1]);
  const atEnd = await partition.read(6, 1000, true);
  assert.equal(atEnd.bytes, 0);
  await fails(() => partition.read(7, 1000, true), 'offset-out-of-range');
});

story('what was acknowledged is there after a restart, from segments and indexes', async ({ open }) => {
  const log = await open();
  const partition = await log.create('flights-0', sampleConfig);
  const values = Array.from({ length: 300 }, (_, index) => `${index}:${'v'.repeat(index * 7 % 2000)}`);
  for (let at = 0; at < values.length; at += 3) await appendAcked(partition, batchOf(values.slice(at, at + 3), at * 10));
  await log.close();
  const again = (await open()).partitions.get('flights-0')!;
  assert.deepEqual([again.logStartOffset, again.highWatermark], [0, 300]);
  assert.deepEqual((await readAll(again)).map(({ value }) => value), values);
  for (const from of [299, 150, 1, 77]) assert.equal((await readAll(again, from))[0]!.value, values[from]);
  assert.deepEqual(again.maxTimestamp, { timestampMs: 2972, offset: 299 });
});

story('the tail answers at once, what is older from the segments', async ({ open }) => {
  const log = await open();
  const partition = await log.create('flights-0', { ...sampleConfig, segmentBytes: 1 << 20 });
  for (let index = 0; index < 60; index++) await appendPatiently(log, partition, batchOfSize(10, 5000, index * 10));
  const recent = partition.read(599, 100, true);
  assert.ok(!(recent instanceof Promise));
  recent.release();
  const old = partition.read(0, 100, true);
  assert.ok(old instanceof Promise);
  assert.equal((await old).nextOffset, 10);
  (await old).release();
  assert.equal((await readAll(partition)).length, 600);
  const { tailHits, tailMisses } = log.stats();
  assert.ok(tailHits > 0 && tailMisses > 0);
});

story('readers who hold on to the tail do not stop appends, and what they hold does not change', async ({ open }) => {
  const log = await open();
  const partition = await log.create('flights-0', { ...sampleConfig, segmentBytes: 1 << 24 });
  const held: { bytes: Uint8Array; copy: Uint8Array; release(): void }[] = [];
  for (let index = 0; index < 100; index++) {
    await appendPatiently(log, partition, batchOfSize(1, 40_000, index));
    const read = await partition.read(index, 50_000, true);
    held.push({ bytes: read.parts[0]!, copy: read.parts[0]!.slice(), release: () => read.release() });
  }
  for (const { bytes, copy, release } of held) {
    assert.deepEqual(bytes.slice(), copy);
    release();
  }
});

story('a batch larger than a slab of the tail', async ({ open }) => {
  const log = await open();
  const partition = await log.create('flights-0', { ...sampleConfig, segmentBytes: 1 << 26 });
  const large = batchOfSize(3, 1_000_000);
  await appendPatiently(log, partition, large);
  await appendPatiently(log, partition, batchOf(['after']));
  assert.equal((await readAll(partition)).length, 4);
  await log.close();
  const again = (await open()).partitions.get('flights-0')!;
  const values = (await readAll(again)).map(({ value }) => value.length);
  assert.deepEqual(values, [1_000_000, 1_000_000, 1_000_000, 5]);
});

story('segments roll by size and time; the index of each finds its offsets and times', async ({ open, disk }) => {
  const log = await open();
  const partition = await log.create('flights-0', { ...sampleConfig, segmentBytes: 30_000, segmentMs: 5_000 });
  for (let index = 0; index < 200; index++) await appendAcked(partition, batchOfSize(1, 1000, index < 100 ? index : index * 1000));
  await log.checkpoint();
  const logs = (await disk.list('flights-0')).filter((file) => file.name.endsWith('.log'));
  assert.ok(logs.length >= 4 + 16, `${logs.length} segments`);
  assert.ok(logs.every((file) => file.bytes <= 30_000));
  for (const [timestampMs, offset] of [[0, 0], [55, 55], [100, 100], [150_000, 150], [150_001, 151], [199_000, 199]] as const) {
    assert.equal((await partition.offsetForTimestamp(timestampMs))?.offset, offset);
  }
  assert.equal(await partition.offsetForTimestamp(199_001), null);
});

story('deleting before an offset hides it at once, frees whole segments, and is remembered', async ({ open, disk }) => {
  const log = await open();
  const partition = await log.create('flights-0', { ...sampleConfig, segmentBytes: 10_000 });
  for (let index = 0; index < 50; index++) await appendAcked(partition, batchOfSize(1, 1000, index));
  assert.equal(await partition.deleteBefore(25), 25);
  assert.equal(await partition.deleteBefore(10), 25);
  await fails(() => partition.read(24, 1000, true), 'offset-out-of-range');
  await fails(() => partition.deleteBefore(51), 'offset-out-of-range');
  assert.equal((await readAll(partition)).length, 25);
  await log.close();
  const log2 = await open();
  const again = log2.partitions.get('flights-0')!;
  assert.deepEqual([again.logStartOffset, again.highWatermark], [25, 50]);
  await log2.applyRetention();
  await log2.close();
  const left = (await disk.list('flights-0')).filter((file) => file.name.endsWith('.log')).map((file) => Number.parseInt(file.name, 10));
  assert.ok(left[0]! > 10 && left[0]! <= 25, `first segment left: ${left[0]}`);
});

story('retention drops whole segments by size and by the time of their records, the active one too when all of it is old', async ({ open }) => {
  const log = await open();
  const bySize = await log.create('size-0', { ...sampleConfig, segmentBytes: 10_000, retentionBytes: 25_000 });
  const byTime = await log.create('time-0', { ...sampleConfig, segmentBytes: 10_000, retentionMs: 60_000 });
  const now = Date.now();
  for (let index = 0; index < 60; index++) {
    await appendAcked(bySize, batchOfSize(1, 1000, index));
    await appendAcked(byTime, batchOfSize(1, 1000, index < 40 ? 1000 + index : now));
  }
  await log.checkpoint();
  await log.applyRetention();
  assert.ok(bySize.sizeBytes >= 25_000 && bySize.sizeBytes < 36_000, `${bySize.sizeBytes} bytes`);
  assert.ok(byTime.logStartOffset > 30 && byTime.logStartOffset <= 40, `starts at ${byTime.logStartOffset}`);
  byTime.configure({ ...byTime.config, retentionMs: 0 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (let round = 0; round < 3; round++) {
    await log.applyRetention();
    await log.checkpoint();
  }
  assert.deepEqual([byTime.logStartOffset, byTime.sizeBytes], [60, 0]);
  await appendAcked(byTime, batchOf(['next']));
  assert.equal((await readAll(byTime))[0]!.offset, 60);
});

story('a removed partition is gone with its data; the name can be used again', async ({ open, disk }) => {
  const log = await open();
  const partition = await log.create('flights-0', sampleConfig);
  await fails(() => log.create('flights-0', sampleConfig), 'topic-exists');
  await fails(() => log.create('../flights-0', sampleConfig), 'invalid-argument');
  await appendAcked(partition, batchOf(['old']));
  await log.checkpoint();
  await log.remove('flights-0');
  await fails(() => log.remove('flights-0'), 'topic-not-found');
  await fails(() => partition.read(0, 1, true), 'topic-not-found');
  await fails(() => appendAcked(partition, batchOf(['x'])), 'topic-not-found');
  const second = await log.create('flights-0', sampleConfig);
  assert.equal(second.highWatermark, 0);
  await appendAcked(second, batchOf(['new']));
  await log.close();
  const log2 = await open();
  assert.deepEqual((await readAll(log2.partitions.get('flights-0')!)).map(({ value }) => value), ['new']);
  await log2.remove('flights-0');
  await log2.close();
  assert.deepEqual((await disk.list('.')).filter((entry) => entry.name.startsWith('flights')), []);
});

story('page-cache partitions are acknowledged and readable at once, and kept over a clean restart', async ({ open }) => {
  const log = await open();
  const partition = await log.create('fast-0', { ...sampleConfig, durability: 'page-cache' });
  let told = 0;
  partition.onAdvance(() => { told++; });
  let acked = 0;
  partition.append([batchOf(['a'])], () => { acked++; });
  partition.append([batchOf(['b'])], () => { acked++; });
  assert.deepEqual([partition.highWatermark, acked, told], [2, 0, 0]);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual([acked, told], [2, 1]);
  assert.equal((await readAll(partition)).length, 2);
  await log.close();
  assert.equal((await readAll((await open()).partitions.get('fast-0')!)).length, 2);
});

story('appends of one turn share a group; watchers hear once per partition', async ({ open }) => {
  const log = await open();
  const partitions = await Promise.all([0, 1, 2, 3].map((index) => log.create(`flights-${index}`, sampleConfig)));
  const before = log.stats().groupsCommitted;
  let told = 0;
  for (const partition of partitions) partition.onAdvance(() => { told++; });
  await Promise.all(partitions.flatMap((partition) => Array.from({ length: 20 }, (_, index) => appendAcked(partition, batchOf([String(index)])))));
  assert.equal(log.stats().groupsCommitted - before, 1);
  assert.equal(told, 4);
});

story('past its memory the log says overloaded, and tells when there is room', async ({ open }) => {
  const log = await open();
  const partition = await log.create('flights-0', { ...sampleConfig, segmentBytes: 1 << 26 });
  const batch = batchOfSize(1, 100_000);
  let sent = 0;
  let acked = 0;
  await assert.rejects(async () => {
    for (;;) {
      partition.append([batch], (error) => { assert.equal(error, null); acked++; });
      sent++;
    }
  }, (error) => isMillraceError(error, 'overloaded') && error.retry);
  assert.equal(partition.endOffset, sent);
  await new Promise<void>((resolve) => log.whenRoom(resolve));
  for (let tries = 0; ; tries++) {
    try {
      await appendAcked(partition, batch);
      break;
    } catch (error) {
      assert.ok(isMillraceError(error, 'overloaded') && tries < 100);
      await new Promise<void>((resolve) => log.whenRoom(resolve));
    }
  }
  assert.equal(acked, sent);
  assert.equal(partition.highWatermark, sent + 1);
});

story('a second log on the folder is refused, a newer folder too, and a closed log takes nothing', async ({ open, disk }) => {
  const log = await open();
  const partition = await log.create('flights-0', sampleConfig);
  await fails(() => open(), 'data-folder-locked');
  const last = appendAcked(partition, batchOf(['last']));
  const closing = log.close();
  await fails(() => appendAcked(partition, batchOf(['x'])), 'closed');
  await Promise.all([closing, log.close()]);
  assert.equal(await last, 0, 'what was appended before is acknowledged');
  await fails(() => appendAcked(partition, batchOf(['x'])), 'closed');
  const file = await disk.open('format.json', { create: true });
  const text = new TextEncoder().encode('{"format":"millrace","version":99}');
  await file.write([text], 0);
  await file.truncate(text.length);
  await file.close();
  await fails(() => open(), 'data-folder-newer');
});

story('the journal goes round in few files, whatever passes through', async ({ open, disk }) => {
  const log = await open();
  const partition = await log.create('flights-0', { ...sampleConfig, segmentBytes: 1 << 20, retentionBytes: 2 << 20 });
  for (let index = 0; index < 300; index++) {
    await appendPatiently(log, partition, batchOfSize(1, 50_000, index));
    if (index % 50 === 0) await log.applyRetention();
  }
  const files = await disk.list('journal');
  assert.ok(files.length <= limits.log.journalFilesMax, `${files.length} journal files`);
  assert.ok(log.stats().deviceBytesWritten < 2.3 * log.stats().bytesAppended, 'written twice, and little more');
});

story('a journal whose files are all needed waits for checkpoints, not for ever', async ({ open, disk }) => {
  const log = await open({ journalFileBytes: 256 << 10 });
  const partitions = await Promise.all(Array.from({ length: 200 }, (_, index) => log.create(`many-${index}`, sampleConfig)));
  for (let round = 0; round < 12; round++) {
    await Promise.all(partitions.map((partition) => appendPatiently(log, partition, batchOfSize(1, 3000, round))));
  }
  assert.ok(partitions.every((partition) => partition.highWatermark === 12));
  assert.ok((await disk.list('journal')).length <= limits.log.journalFilesMax);
});

test('a trickle goes to its segments without a lane of its own; a load starts one', async () => {
  let lanes = 0;
  const disk = new class extends MemoryDisk {
    override openLane(): ReturnType<MemoryDisk['openLane']> {
      lanes++;
      return super.openLane();
    }
  }();
  const log = await openLog({ disk, clock: nodeClock(), random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 512 << 10, configOf: () => sampleConfig });
  const partition = await log.create('flights-0', sampleConfig);
  await appendAcked(partition, batchOf(['a']));
  await log.checkpoint();
  assert.equal(log.stats().unflushedBytes, 0);
  assert.equal(lanes, 1, 'the journal has a lane');
  await appendAcked(partition, batchOfSize(20, 1000));
  await log.checkpoint();
  assert.equal(lanes, 2, 'and so have the segments now');
  assert.equal((await readAll(partition)).length, 21);
  await log.close();
});
