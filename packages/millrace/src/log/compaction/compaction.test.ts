// Compaction of a log that is open: what readers see before, meanwhile and after, across restarts, backups, checks and full disks.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MiB } from '../../base/mod.ts';
import { memoryMachine, MemoryDisk, nodeClock, NodeDisk, nodeRandom, nodeThreads, type Disk } from '../../os/mod.ts';
import { BatchCursor, RecordCursor, type BatchOptions } from '../../wire/mod.ts';
import { appendPatiently } from '../log-samples.ts';
import { checkFolder, openLog, restore } from '../mod.ts';
import type { CleanerConfig, CompactionConfig, Finding, Log, LogOptions, Partition, PartitionConfig } from '../types.ts';
import { keyedBatch, markerBatch } from './cleaner-samples.ts';

const compaction: CompactionConfig = { dirtyRatioMin: 0, lagMsMin: 0, lagMsMax: Number.MAX_SAFE_INTEGER, deleteRetentionMs: 0 };
const config: PartitionConfig = { segmentBytes: 2000, segmentMs: 1e15, retentionBytes: -1, retentionMs: -1, durability: 'synced', compaction };
const cleaner: CleanerConfig = { enabled: true, threads: 1, mapBytes: 1 * MiB, mapFill: 0.9, bufferBytes: 4096, bytesPerSecondMax: Number.MAX_VALUE, backoffMs: 1e9 };

interface Opened { readonly log: Log; readonly reports: string[] }

async function open(t: TestContext, disk: Disk, options: Partial<LogOptions> = {}, how: Partial<CleanerConfig> = {}): Promise<Opened> {
  const reports: string[] = [];
  const log = await openLog({ disk, clock: nodeClock(), random: nodeRandom(), tailBytes: 1 * MiB, journalFileBytes: 1 * MiB, configOf: () => config, onReport: (line) => reports.push(line), ...options });
  log.configureCleaner({ ...cleaner, ...how });
  t.after(() => log.close());
  return { log, reports };
}

const batch = (records: readonly string[], options: BatchOptions = {}) => ({ bytes: keyedBatch(records, options), offsetCount: records.length, maxTimestampMs: 999 + records.length });

/** Rounds of updates: key k<number> gets the round's number; a padding makes segments roll. */
async function update(log: Log, partition: Partition, rounds: number, keys = 10, options: BatchOptions = {}): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await appendPatiently(log, partition, batch(Array.from({ length: keys }, (_, key) => `k${key}=${round}.${'x'.repeat(20)}`), options));
  }
}

/** All that a reader sees from the start: 'offset key=value'. */
async function read(partition: Partition, bytesMax = 700): Promise<string[]> {
  const seen: string[] = [];
  const text = new TextDecoder();
  for (let offset = partition.logStartOffset; offset < partition.highWatermark;) {
    const result = await partition.read(offset, bytesMax, true);
    const bytes = new Uint8Array(Buffer.concat(result.parts));
    result.release();
    const batches = new BatchCursor(bytes);
    while (batches.next()) {
      const records = new RecordCursor().open(bytes, batches.at);
      if (records.batch.isControl) continue;
      while (records.next()) if (records.offset >= offset) seen.push(`${records.offset} ${text.decode(records.key()!.slice())}=${text.decode(records.value()?.slice()).split('.')[0]}`);
    }
    assert.ok(result.nextOffset > offset, `a read at ${offset} goes on`);
    offset = result.nextOffset;
  }
  return seen;
}

/** The last value of each key, and that offsets rise. */
function lastOf(seen: readonly string[]): Record<string, string> {
  const last: Record<string, string> = {};
  let before = -1;
  for (const line of seen) {
    const [offset, record] = line.split(' ') as [string, string];
    assert.ok(Number(offset) > before, `${line} comes after ${before}`);
    before = Number(offset);
    const [key, value] = record.split('=') as [string, string];
    last[key] = value;
  }
  return last;
}

async function compact(log: Log): Promise<void> {
  await log.checkpoint(); // segments are written
  await log.applyCompaction();
  await forgetTail(log);
}

/** Memory gives way to newer appends, so that what is read next comes from segments. */
async function forgetTail(log: Log): Promise<void> {
  const other = log.partitions.get('filler-0') ?? await log.create('filler-0', { ...config, segmentBytes: 1 * MiB, compaction: undefined } as never);
  other.configure({ ...other.config, retentionBytes: 0 });
  for (let count = 0; count < 25; count++) await appendPatiently(log, other, batch([`k=${'x'.repeat(100_000)}`]));
}

async function findings(disk: Disk): Promise<Finding[]> {
  const found: Finding[] = [];
  await checkFolder(disk, (finding) => found.push(finding));
  return found;
}

test('of many updates the last ones stay, at their offsets; a start and a check agree', async (t) => {
  const disk = new MemoryDisk();
  const { log } = await open(t, disk);
  const partition = await log.create('t-0', config);
  await update(log, partition, 50);
  const before = partition.sizeBytes;
  await compact(log);
  const seen = await read(partition);
  assert.deepEqual(lastOf(seen), Object.fromEntries(Array.from({ length: 10 }, (_, key) => [`k${key}`, '49'])));
  assert.ok(partition.sizeBytes < before / 4, `${partition.sizeBytes} of ${before} bytes are left`);
  assert.deepEqual([partition.logStartOffset, partition.endOffset], [0, 500]);
  assert.ok(log.stats().compactions === 1 && log.stats().recordsDropped > 400);
  await log.close();
  assert.deepEqual(await findings(disk), []);
  const again = (await open(t, disk)).log;
  assert.deepEqual(await read(again.partitions.get('t-0')!), seen);
  await update(again, again.partitions.get('t-0')!, 20, 5);
  await compact(again);
  assert.deepEqual(lastOf(await read(again.partitions.get('t-0')!)), Object.fromEntries(Array.from({ length: 10 }, (_, key) => [`k${key}`, key < 5 ? '19' : '49'])));
  await again.close();
  assert.deepEqual(await findings(disk), []);
});

test('what was appended just now is seen compacted, too, though memory had it as it was', async (t) => {
  const { log } = await open(t, new MemoryDisk(), { tailBytes: 64 * MiB });
  const partition = await log.create('t-0', config);
  await update(log, partition, 50);
  await log.checkpoint();
  assert.equal((await read(partition)).length, 500);
  await log.applyCompaction();
  const seen = await read(partition);
  assert.ok(seen.length < 100, `${seen.length} records are seen`);
  assert.deepEqual(lastOf(seen), Object.fromEntries(Array.from({ length: 10 }, (_, key) => [`k${key}`, '49'])));
});

test('a reader at any offset is given the next batch that is left, from the tail or from the disk', async (t) => {
  for (const tailBytes of [1 * MiB, 64 * MiB]) {
    const { log } = await open(t, new MemoryDisk(), { tailBytes });
    const partition = await log.create('t-0', config);
    await update(log, partition, 60);
    await compact(log);
    if (tailBytes === MiB) assert.ok((await read(partition)).length < 100);
    const all = (await read(partition)).map((line) => Number(line.split(' ')[0]));
    for (let offset = 0; offset < partition.highWatermark; offset += 7) {
      const result = await partition.read(offset, 1, true);
      const batches = new BatchCursor(new Uint8Array(Buffer.concat(result.parts)));
      assert.ok(batches.next() && batches.lastOffset >= offset, `at ${offset}`);
      assert.equal(result.nextOffset, batches.lastOffset + 1);
      const next = all.find((each) => each >= offset)!;
      assert.ok(batches.baseOffset <= next, `from ${offset} the batch at ${batches.baseOffset} passes over ${next}`);
      result.release();
    }
    await log.close();
  }
});

test('readers that are under way see the old segments or the new ones, and all that they hold stays as it was', async (t) => {
  const { log } = await open(t, new MemoryDisk(), { tailBytes: 1 * MiB });
  const partition = await log.create('t-0', { ...config, segmentBytes: 8000 });
  for (let round = 0; round < 8; round++) {
    await update(log, partition, 40, 20);
    const held = await partition.read(partition.logStartOffset, 5000, true);
    const copy = Buffer.concat(held.parts);
    await log.checkpoint();
    const compacting = log.applyCompaction();
    const readers = Array.from({ length: 5 }, (_, index) => read(partition, 300 + index * 400));
    for (const seen of await Promise.all(readers)) assert.deepEqual(lastOf(seen), Object.fromEntries(Array.from({ length: 20 }, (_, key) => [`k${key}`, '39'])));
    await compacting;
    assert.deepEqual(Buffer.concat(held.parts), copy);
    held.release();
  }
  await log.close();
});

test('tombstones stay for their delay and go after it', async (t) => {
  let nowMs = 1_000_000;
  const clock = { ...nodeClock(), nowMs: () => nowMs };
  const slow = { ...config, compaction: { ...compaction, deleteRetentionMs: 5000 } };
  const { log } = await open(t, new MemoryDisk(), { clock });
  const partition = await log.create('t-0', slow);
  await update(log, partition, 20, 3);
  await appendPatiently(log, partition, batch(['k1!']));
  await update(log, partition, 30, 1);
  await compact(log);
  const deleted = async () => (await read(partition)).filter((line) => line.endsWith(' k1='));
  assert.equal((await deleted()).length, 1);
  nowMs += 4999;
  await update(log, partition, 30, 1);
  await compact(log);
  assert.equal((await deleted()).length, 1);
  nowMs += 1;
  await update(log, partition, 30, 1);
  await compact(log);
  assert.deepEqual((await read(partition)).filter((line) => line.includes(' k1=')), []);
  await log.close();
});

test('keys that do not fit into memory take several passes', async (t) => {
  const { log } = await open(t, new MemoryDisk(), {}, { mapBytes: 1 });
  const partition = await log.create('t-0', { ...config, segmentBytes: 100_000 });
  for (let round = 0; round < 3; round++) {
    for (let from = 0; from < 6000; from += 100) await appendPatiently(log, partition, batch(Array.from({ length: 100 }, (_, index) => `key-${from + index}=${round}`)));
  }
  await update(log, partition, 500, 10);
  await compact(log);
  assert.ok(log.stats().compactions > 3, `${log.stats().compactions} passes`);
  const last = lastOf(await read(partition, 100_000));
  assert.equal(Object.keys(last).length, 6010);
  for (let key = 0; key < 6000; key++) assert.equal(last[`key-${key}`], '2');
  await log.close();
});

test('the ratio, the lags and the stable offset say when and how far', async (t) => {
  let nowMs = 10_000;
  const clock = { ...nodeClock(), nowMs: () => nowMs };
  const { log } = await open(t, new MemoryDisk(), { clock });
  const partition = await log.create('t-0', { ...config, compaction: { ...compaction, dirtyRatioMin: 0.9 } });
  await update(log, partition, 30);
  await compact(log);
  assert.equal(log.stats().compactions, 1, 'nothing was compacted before: all of it is dirty');
  await update(log, partition, 5);
  await compact(log);
  assert.equal(log.stats().compactions, 1, 'too little is dirty');
  partition.configure({ ...config, compaction: { ...compaction, dirtyRatioMin: 0.9, lagMsMax: 1000 } });
  await compact(log);
  assert.equal(log.stats().compactions, 2, 'what is dirty is too old');
  await update(log, partition, 30);
  partition.configure({ ...config, compaction: { ...compaction, lagMsMin: 9_500 } });
  await compact(log);
  assert.equal(log.stats().compactions, 2, 'what is dirty is too young');
  nowMs = 10_600;
  log.guideCompaction({ look: () => ({ stableOffset: 0, aborted: [], producers: [] }), compacted: () => {} });
  await compact(log);
  assert.equal(log.stats().compactions, 2, 'nothing is decided yet');
  log.guideCompaction({ look: () => null, compacted: () => {} });
  await compact(log);
  assert.equal(log.stats().compactions, 2, 'nobody knows');
  const told: number[] = [];
  log.guideCompaction({ look: ({ highWatermark }) => ({ stableOffset: highWatermark, aborted: [], producers: [] }), compacted: (_, offset) => told.push(offset) });
  await compact(log);
  assert.equal(log.stats().compactions, 3);
  assert.equal(told.length, 1);
  await log.close();
});

test('a quiet segment that is too old ends, so that it is compacted, too', async (t) => {
  const { log } = await open(t, new MemoryDisk());
  const partition = await log.create('t-0', { ...config, compaction: { ...compaction, lagMsMax: 1 } });
  await update(log, partition, 2);
  await compact(log);
  assert.equal(log.stats().compactions, 0, 'its segment is being filled');
  await compact(log);
  assert.equal(log.stats().compactions, 1);
  assert.equal((await read(partition)).length, 10);
  await log.close();
});

test('compact and delete: old segments go by their age, and compaction goes on behind them', async (t) => {
  let nowMs = 5000;
  const clock = { ...nodeClock(), nowMs: () => nowMs };
  const disk = new MemoryDisk();
  const { log } = await open(t, disk, { clock });
  const partition = await log.create('t-0', { ...config, retentionMs: 10_000 });
  await update(log, partition, 40);
  await compact(log);
  nowMs = 50_000;
  for (let turn = 0; turn < 3; turn++) { // drops, rolls, and drops the rest
    await log.applyRetention();
    await log.checkpoint();
  }
  assert.equal(partition.logStartOffset, partition.endOffset);
  await update(log, partition, 40);
  await compact(log);
  assert.deepEqual(lastOf(await read(partition)), Object.fromEntries(Array.from({ length: 10 }, (_, key) => [`k${key}`, '39'])));
  await log.close();
  assert.deepEqual(await findings(disk), []);
});

test('transactions: what was aborted is gone, what is known of producers stays', async (t) => {
  const { log } = await open(t, new MemoryDisk());
  const partition = await log.create('t-0', config);
  const append = (bytes: Uint8Array, offsetCount: number) => appendPatiently(log, partition, { bytes, offsetCount, maxTimestampMs: 2000 });
  await update(log, partition, 10);
  const firstOffset = partition.endOffset;
  await append(keyedBatch(['k1=aborted', 'k2=aborted'], { producerId: 4, producerEpoch: 0, baseSequence: 0, transactional: true }), 2);
  await append(markerBatch('abort', 4, 0), 1);
  await update(log, partition, 10, 1);
  await append(keyedBatch(['k3=last'], { producerId: 5, producerEpoch: 1, baseSequence: 8 }), 1);
  const last = partition.endOffset - 1;
  await update(log, partition, 100, 1);
  await update(log, partition, 1);
  await update(log, partition, 40, 1);
  log.guideCompaction({
    look: ({ highWatermark }) => ({ stableOffset: highWatermark, aborted: [{ producerId: 4, firstOffset, lastOffset: firstOffset + 2 }], producers: [{ producerId: 5, epoch: 1, lastOffset: last }] }),
    compacted: () => {},
  });
  await compact(log);
  const seen = await read(partition);
  assert.deepEqual(seen.filter((line) => line.includes('aborted')), []);
  assert.equal(lastOf(seen)['k3'], '0');
  const kept = await partition.read(last, 1, true);
  const batches = new BatchCursor(new Uint8Array(Buffer.concat(kept.parts)));
  assert.ok(batches.next());
  assert.deepEqual([batches.lastOffset, batches.recordCount, batches.producerId, batches.producerEpoch, batches.baseSequence], [last, 0, 5, 1, 8]);
  kept.release();
  await log.close();
});

test('times are found in what is left', async (t) => {
  const { log } = await open(t, new MemoryDisk());
  const partition = await log.create('t-0', config);
  for (let round = 0; round < 40; round++) {
    const records = keyedBatch([`a=${round}`, `b${round % 7}=${'y'.repeat(80)}`]);
    new DataView(records.buffer, records.byteOffset).setBigInt64(27, BigInt(1000 + round * 10)); // base timestamp
    new DataView(records.buffer, records.byteOffset).setBigInt64(35, BigInt(1001 + round * 10));
    const { stampCrc } = await import('../../wire/mod.ts');
    stampCrc(records, 0);
    await appendPatiently(log, partition, { bytes: records, offsetCount: 2, maxTimestampMs: 1001 + round * 10 });
  }
  await compact(log);
  const left = await read(partition);
  for (const timestampMs of [0, 1100, 1205, 1391, 1392]) {
    const found = await partition.offsetForTimestamp(timestampMs);
    const expected = left.map((line) => Number(line.split(' ')[0])).find((offset) => 1000 + Math.floor(offset / 2) * 10 + (offset % 2) >= timestampMs);
    assert.equal(found?.offset, expected, `at ${timestampMs}`);
  }
  assert.deepEqual(partition.maxTimestamp, { timestampMs: 1391, offset: 79 });
  await log.close();
});

test('a backup while segments are swapped is whole, and the next one copies what replaced them', async (t) => {
  const disk = new MemoryDisk();
  const backup = new MemoryDisk();
  const { log } = await open(t, disk);
  const partition = await log.create('t-0', config);
  for (let round = 0; round < 4; round++) {
    await update(log, partition, 40);
    await log.checkpoint();
    const [summary] = await Promise.all([log.backup(backup), log.applyCompaction()]);
    assert.ok(summary.bytesCopied > 0);
    assert.deepEqual(await findings(backup), [], `after ${round}`);
    const copy = new MemoryDisk();
    await restore(backup, copy);
    const restored = (await open(t, copy)).log;
    const there = restored.partitions.get('t-0')!;
    assert.equal(there.endOffset, partition.endOffset);
    assert.deepEqual(lastOf(await read(there)), lastOf(await read(partition)));
    await restored.close();
  }
  const before = await log.backup(backup);
  const { bytesCopied } = await log.backup(backup);
  assert.ok(bytesCopied < before.bytes / 10, `${bytesCopied} bytes of ${before.bytes} are copied again though nothing changed`);
  await log.close();
});

test('a batch of an unknown codec: the partition is told of and left alone, others are compacted', async (t) => {
  const { log, reports } = await open(t, new MemoryDisk());
  const bad = await log.create('bad-0', config);
  const good = await log.create('good-0', config);
  const { stampCrc } = await import('../../wire/mod.ts');
  const odd = keyedBatch(['a=1']);
  odd[22] = 6;
  stampCrc(odd, 0);
  await appendPatiently(log, bad, { bytes: odd, offsetCount: 1, maxTimestampMs: 1000 });
  for (const partition of [bad, good]) await update(log, partition, 30);
  await compact(log);
  await compact(log);
  assert.equal(reports.filter((line) => /bad-0 is not compacted any more until the next start/.test(line)).length, 1, reports.join('\n'));
  assert.ok((await read(good)).length < 100);
  assert.equal(log.state.kind, 'open');
  await log.close();
});

test('a disk without room for a copy: nothing is compacted, nothing is lost', async (t) => {
  class Small extends MemoryDisk {
    full = true;
    override async freeBytes(): Promise<number> { return this.full ? 1000 : 1e12; }
  }
  const disk = new Small();
  const { log, reports } = await open(t, disk);
  const partition = await log.create('t-0', config);
  await update(log, partition, 30);
  await compact(log);
  assert.match(reports.join('\n'), /t-0 could not be compacted now/);
  assert.equal((await read(partition)).length, 300);
  disk.full = false;
  await compact(log);
  assert.ok((await read(partition)).length < 100);
  await log.close();
});

test('files of a compaction that a crash interrupted are cleared by the next one, and told by a check', async (t) => {
  const disk = new MemoryDisk();
  const { log } = await open(t, disk);
  const partition = await log.create('t-0', config);
  await update(log, partition, 30);
  await log.checkpoint();
  const left = await disk.open('t-0/00000000000000000000.7.log', { create: true });
  await left.write([new Uint8Array(10)], 0);
  await left.close();
  await log.applyCompaction();
  assert.equal((await disk.list('t-0')).some(({ name }) => name.includes('.7.')), false);
  const stray = await disk.open('t-0/00000000000000000000.9.log', { create: true });
  await stray.close();
  await log.close();
  assert.deepEqual((await findings(disk)).map(({ kind, what }) => `${kind}: ${what}`), ['note: a segment of a compaction that did not come to its end, or that was replaced']);
});

test('a partition that is removed, made again, or no longer compacted ends its compaction', async (t) => {
  const { log } = await open(t, new MemoryDisk());
  for (let round = 0; round < 5; round++) {
    const partition = await log.create('t-0', { ...config, segmentBytes: 20_000 });
    await update(log, partition, 100, 20);
    await log.checkpoint();
    const compacting = log.applyCompaction();
    if (round % 2 === 0) partition.configure({ ...config, compaction: undefined } as never);
    await log.remove('t-0');
    await compacting;
  }
  const partition = await log.create('t-0', config);
  await update(log, partition, 30);
  await compact(log);
  assert.ok((await read(partition)).length < 100);
  await log.close();
});

test('on a real disk, with threads, delayed deletion and a rate that is kept', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-compaction-'));
  try {
    const delayed = { ...config, fileDeleteDelayMs: 60_000 };
    const { log, reports } = await open(t, new NodeDisk(folder), { threads: nodeThreads() }, { threads: 2, bytesPerSecondMax: 1e8, bufferBytes: 256 * 1024 });
    const partitions = await Promise.all(['a-0', 'b-0', 'c-0'].map((name) => log.create(name, delayed)));
    for (const partition of partitions) await update(log, partition, 60, 10, { codec: 'zstd' });
    await compact(log);
    assert.deepEqual(reports.filter((line) => /compact/.test(line)), []);
    assert.equal(log.stats().compactions, 3);
    for (const partition of partitions) assert.deepEqual(lastOf(await read(partition)), Object.fromEntries(Array.from({ length: 10 }, (_, key) => [`k${key}`, '59'])));
    const disk = new NodeDisk(folder);
    assert.ok((await disk.list('a-0')).filter(({ name }) => /^\d+\.log$/.test(name)).length > 2, 'replaced files wait');
    await log.close();
    assert.deepEqual(await findings(new NodeDisk(folder)), [], 'files that wait are known');
    const again = (await open(t, new NodeDisk(folder))).log;
    assert.ok((await disk.list('a-0')).filter(({ name }) => /^\d+\.log$/.test(name)).length <= 2, 'a start deletes what waited');
    assert.deepEqual(lastOf(await read(again.partitions.get('a-0')!)), lastOf(await read(again.partitions.get('b-0')!)));
    await again.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a folder of the first format is read, and is of the new one from then on', async (t) => {
  const { disk } = memoryMachine();
  const { log } = await open(t, disk);
  await update(log, await log.create('t-0', config), 30);
  await log.close();
  const { encodeFormat, parseFormat } = await import('../recovery.ts');
  const { readWhole, replaceFile } = await import('../manifest.ts');
  const format = parseFormat('', (await readWhole(disk, 'format.json'))!);
  assert.equal(format.version, 2);
  await replaceFile(disk, 'format.json', encodeFormat({ ...format, version: 1 }));
  const again = (await open(t, disk)).log;
  assert.equal((await read(again.partitions.get('t-0')!)).length, 300);
  await again.close();
  assert.equal(parseFormat('', (await readWhole(disk, 'format.json'))!).version, 2);
});

test('a rate of next to nothing does not hold up the end of a partition, or of the log', async (t) => {
  const { log } = await open(t, new MemoryDisk(), {}, { bytesPerSecondMax: 1 });
  for (const name of ['t-0', 'u-0']) await update(log, await log.create(name, config), 30);
  await log.checkpoint();
  const compacting = log.applyCompaction();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await log.remove('t-0');
  await log.create('t-0', config); // its folder is gone
  await log.close();
  await compacting;
});

test('a segment whose file is missing: its partition is told of, and left alone', async (t) => {
  const disk = new MemoryDisk();
  const { log, reports } = await open(t, disk);
  const partition = await log.create('t-0', config);
  await update(log, partition, 30);
  await log.close();
  await disk.remove('t-0/00000000000000000000.log');
  const again = await open(t, disk);
  await again.log.applyCompaction();
  assert.match(again.reports.join('\n'), /t-0 is not compacted any more until the next start: .*the file is missing/);
  assert.equal(reports.length, 0);
});
