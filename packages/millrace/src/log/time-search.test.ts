// The first record at or after a time, to the record, while retention takes what is looked at.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { type DiskFile, MemoryDisk, nodeClock, nodeRandom, type OpenOptions } from '../os/mod.ts';
import { appendAcked, batchOf, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import type { Log, Partition } from './types.ts';

/** A disk on which something happens before a file is opened. */
class BeforeOpen extends MemoryDisk {
  act: (path: string) => Promise<void> = async () => {};

  override async open(path: string, options?: OpenOptions): Promise<DiskFile> {
    await this.act(path);
    return super.open(path, options);
  }
}

/** Segments of 20 batches each, three records a batch, 10 ms apart; nothing in memory. */
async function stored(t: TestContext): Promise<{ disk: BeforeOpen; log: Log; partition: Partition }> {
  const disk = new BeforeOpen();
  const config = { ...sampleConfig, segmentBytes: 20_000 };
  const options = { disk, clock: nodeClock(), random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 512 << 10, configOf: () => config };
  const before = await openLog(options);
  const written = await before.create('flights-0', config);
  for (let index = 0; index < 100; index++) await appendAcked(written, batchOf(['a', 'b', 'x'.repeat(900)], 1000 + 10 * index));
  await before.close();
  const log = await openLog(options);
  t.after(() => log.close());
  return { disk, log, partition: log.partitions.get('flights-0')! };
}

test('every time leads to its record, the one after a gap, or none', async (t) => {
  const { log, partition } = await stored(t);
  for (let timestampMs = 995; timestampMs < 2000; timestampMs += 3) {
    const batch = Math.max(0, Math.floor((timestampMs - 1000) / 10));
    const within = Math.max(0, timestampMs - 1000 - 10 * batch);
    const expected = within <= 2 ? { offset: 3 * batch + within, timestampMs: Math.max(1000, timestampMs) } : batch < 99 ? { offset: 3 * batch + 3, timestampMs: 1010 + 10 * batch } : null;
    assert.deepEqual(await partition.offsetForTimestamp(timestampMs), expected, `at ${timestampMs}`);
  }
  assert.equal(log.stats().readBytes, 0, 'all that was read was given back');
});

test('a record below the start is not found, also where its segment is still there', async (t) => {
  const { partition } = await stored(t);
  await partition.deleteBefore(10);
  assert.deepEqual(await partition.offsetForTimestamp(1000), { offset: 10, timestampMs: 1031 });
});

test('what retention takes during the search is passed over', async (t) => {
  const { disk, log, partition } = await stored(t);
  disk.act = async (path) => {
    if (!path.endsWith('0.timeindex') && !path.endsWith('0.index')) return;
    disk.act = async () => {};
    await partition.deleteBefore(200);
    await log.applyRetention();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => { setImmediate(resolve); });
  };
  assert.deepEqual(await partition.offsetForTimestamp(1095), { offset: 200, timestampMs: 1662 });
});

test('a partition that is removed during the search is no damage', async (t) => {
  const { disk, log, partition } = await stored(t);
  disk.act = async (path) => {
    if (!path.endsWith('.timeindex') && !path.endsWith('.index')) return;
    disk.act = async () => {};
    await log.remove('flights-0');
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => { setImmediate(resolve); });
  };
  await assert.rejects(partition.offsetForTimestamp(1095), (error) => isMillraceError(error, 'topic-not-found') || assert.fail(String(error)));
});
