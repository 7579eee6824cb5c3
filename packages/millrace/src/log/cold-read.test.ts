// Reads of what is no longer in memory: how many bytes they give, and what stands in their way.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { MemoryDisk, nodeClock, nodeRandom } from '../os/mod.ts';
import { appendAcked, batchOfSize, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import type { AppendBatch, Log, Partition } from './types.ts';

/** A log whose partition holds the batches in its segment only. */
async function stored(t: TestContext, batches: readonly AppendBatch[]): Promise<{ log: Log; partition: Partition; reports: string[] }> {
  const reports: string[] = [];
  const options = { disk: new MemoryDisk(), clock: nodeClock(), onReport: (line: string) => { reports.push(line); }, random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 512 << 10, configOf: () => sampleConfig };
  const before = await openLog(options);
  const written = await before.create('flights-0', sampleConfig);
  for (const batch of batches) await appendAcked(written, batch);
  await before.close();
  const log = await openLog(options);
  t.after(() => log.close());
  return { log, partition: log.partitions.get('flights-0')!, reports };
}

test('a large batch before the one that holds the offset does not count against the bytes asked for', async (t) => {
  const wanted = batchOfSize(5, 100);
  const { partition } = await stored(t, [batchOfSize(1, 3000), batchOfSize(1, 12_000), wanted]);
  const found = await partition.read(2, wanted.bytes.length, false);
  assert.deepEqual([found.bytes, found.nextOffset], [wanted.bytes.length, 7]);
  found.release();
});

test('the bytes asked for are a bound on the byte, unless one batch at least was asked for', async (t) => {
  const batches = [batchOfSize(1, 500), batchOfSize(2, 500), batchOfSize(1, 20_000), batchOfSize(1, 10)];
  const { log, partition } = await stored(t, batches);
  const read = async (offset: number, bytesMax: number, atLeastOne: boolean): Promise<number[]> => {
    const found = await partition.read(offset, bytesMax, atLeastOne);
    assert.equal(found.bytes, found.parts.reduce((sum, part) => sum + part.length, 0));
    found.release();
    return [found.bytes, found.nextOffset];
  };
  const [one, two, three, four] = batches.map((batch) => batch.bytes.length) as [number, number, number, number];
  assert.deepEqual(await read(0, one, false), [one, 1]);
  assert.deepEqual(await read(0, one - 1, false), [0, 0]);
  assert.deepEqual(await read(0, one - 1, true), [one, 1]);
  assert.deepEqual(await read(0, one + two, false), [one + two, 3]);
  assert.deepEqual(await read(0, one + two - 1, false), [one, 1]);
  assert.deepEqual(await read(2, two, false), [two, 3], 'from the batch that holds the offset');
  assert.deepEqual(await read(3, 100, false), [0, 3], 'a batch longer than one read of the file');
  assert.deepEqual(await read(3, 100, true), [three, 4]);
  assert.deepEqual(await read(3, three + four, true), [three + four, 5]);
  assert.deepEqual(await read(5, 100, true), [0, 5], 'nothing at the end');
  assert.equal(log.stats().readBytes, 0, 'all was given back');
});

test('indexes that are right are believed: nothing is made anew by reading, from wherever', async (t) => {
  const { partition, reports } = await stored(t, Array.from({ length: 40 }, (_, index) => batchOfSize(2, 1000, 1000 + index)));
  for (let offset = 79; offset >= 0; offset--) (await partition.read(offset, 1, true)).release();
  await partition.offsetForTimestamp(1020);
  assert.deepEqual(reports.filter((line) => line.includes('made anew')), []);
});
