// What a reader that catches up will ask for next is read before it asks; nothing is kept for those who do not come.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { limits } from '../base/mod.ts';
import { MemoryDisk, nodeClock, nodeRandom, type DiskFile } from '../os/mod.ts';
import { appendAcked, batchOfSize, readAll, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import type { ColdRead } from './cold-read.ts';
import { ReadAhead } from './read-ahead.ts';
import type { Log, Partition } from './types.ts';

let claimed = 0;
const result = (bytes: number, onRelease: () => void): ColdRead => ({ parts: [new Uint8Array(bytes)], bytes, nextOffset: 9, release: onRelease, claim: () => { claimed++; } });
const turns = async (count: number): Promise<void> => { for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve)); };

test('a stretch is handed out once, to the read that it was made for', async () => {
  const ahead = new ReadAhead(nodeClock());
  let released = 0;
  ahead.begin(1, 5, 100, async () => result(80, () => { released++; }));
  ahead.begin(1, 5, 100, async () => assert.fail('it is under way'));
  assert.equal(ahead.take(2, 5, 100), null);
  assert.equal(ahead.take(1, 6, 100), null);
  assert.equal(ahead.take(1, 5, 99), null);
  const waiting = ahead.take(1, 5, 100);
  assert.ok(waiting instanceof Promise, 'it is being read');
  assert.deepEqual([ahead.take(1, 5, 100), claimed], [null, 0]);
  assert.equal((await waiting)!.bytes, 80);
  assert.equal(claimed, 1);
  ahead.begin(1, 9, 100, async () => result(70, () => { released++; }));
  await turns(1);
  assert.equal(claimed, 1, 'nobody has asked for it');
  const there = ahead.take(1, 9, 100);
  assert.ok(there !== null && !(there instanceof Promise), 'it is there');
  assert.deepEqual([claimed, released], [2, 0], 'who took it releases it');
  await ahead.close();
  assert.equal(released, 0);
});

test('a failure is not told; the reader reads for itself', async () => {
  const ahead = new ReadAhead(nodeClock());
  ahead.begin(1, 5, 100, () => Promise.reject(new Error('the drive is gone')));
  const waiting = ahead.take(1, 5, 100);
  assert.equal(await waiting, null);
  ahead.begin(1, 6, 100, () => Promise.reject(new Error('the drive is gone')));
  await turns(1);
  assert.equal(ahead.take(1, 6, 100), null);
  await ahead.close();
});

test('memory has a bound, counted before anything is read', async () => {
  const ahead = new ReadAhead(nodeClock());
  const half = limits.log.readAheadBytesMax / 2;
  let begun = 0;
  const read = async () => { begun++; return result(10, () => {}); };
  ahead.begin(1, 1, half, read);
  ahead.begin(1, 2, half, read);
  ahead.begin(1, 3, 1, read);
  assert.equal(begun, 2);
  await ahead.take(1, 1, half);
  ahead.begin(1, 3, 1, read);
  assert.equal(begun, 3);
  await ahead.close();
});

test('what nobody asks for is given back soon, and at once when the log closes', async () => {
  const ahead = new ReadAhead(nodeClock());
  let released = 0;
  let finish = (): void => {};
  ahead.begin(1, 1, 100, async () => result(10, () => { released++; }));
  await new Promise((resolve) => setTimeout(resolve, 1300));
  assert.deepEqual([released, ahead.take(1, 1, 100)], [1, null]);
  ahead.begin(1, 2, 100, async () => result(10, () => { released++; }));
  ahead.begin(1, 3, 100, () => new Promise((resolve) => { finish = () => resolve(result(10, () => { released++; })); }));
  await turns(1);
  const closed = ahead.close().then(() => assert.equal(released, 3, 'what was being read is waited for'));
  assert.equal(released, 2);
  finish();
  await closed;
  ahead.begin(1, 4, 100, async () => assert.fail('closed'));
});

/** A disk that counts reads of segments. */
class CountingDisk extends MemoryDisk {
  reads = 0;
  override async open(...args: Parameters<MemoryDisk['open']>): Promise<DiskFile> {
    const file = await super.open(...args);
    const read = file.read.bind(file);
    file.read = (into, position) => { if (args[0].endsWith('.log')) this.reads++; return read(into, position); };
    return file;
  }
}

async function stored(t: TestContext): Promise<{ log: Log; partition: Partition; disk: CountingDisk }> {
  const disk = new CountingDisk();
  const options = { disk, clock: nodeClock(), random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 512 << 10, configOf: () => sampleConfig };
  const before = await openLog(options);
  const written = await before.create('flights-0', sampleConfig);
  for (let index = 0; index < 60; index++) await appendAcked(written, batchOfSize(1, index % 7 === 3 ? 9_000 : 1_000, index));
  await before.close();
  const log = await openLog(options);
  t.after(() => log.close());
  return { log, partition: log.partitions.get('flights-0')!, disk };
}

test('a reader in order gets the same records, and from its third read on without waiting for the disk', async (t) => {
  const { partition, log, disk } = await stored(t);
  const plain = (await readAll(partition, 0, 200_000)).map(({ offset }) => offset);
  assert.deepEqual(plain, Array.from({ length: 60 }, (_, index) => index));
  await turns(3);
  let offset = 0;
  let atOnce = 0;
  const sizes: number[] = [];
  while (offset < partition.highWatermark) {
    disk.reads = 0;
    const reading = partition.read(offset, 4_000, true);
    if (!(reading instanceof Promise)) atOnce++;
    const { bytes, nextOffset, release } = await reading;
    sizes.push(bytes);
    release();
    offset = nextOffset;
    await turns(3);
  }
  assert.ok(atOnce >= sizes.length - 12, `${atOnce} of ${sizes.length} reads were answered at once`);
  assert.equal(log.stats().readBytes, 0, 'what is kept for a reader is not held by one');
});

test('one large batch that was read ahead is not forced on a reader that asked for less', async (t) => {
  const { partition } = await stored(t);
  for (let offset = 0; offset < 10;) { // batch 3 and 10 are large
    const read = await partition.read(offset, 3_500, true);
    read.release();
    offset = read.nextOffset;
    await turns(3);
  }
  const none = await partition.read(10, 3_500, false);
  assert.deepEqual([none.bytes, none.nextOffset], [0, 10]);
  const one = await partition.read(10, 3_500, true);
  assert.deepEqual([one.nextOffset], [11]);
  one.release();
});
