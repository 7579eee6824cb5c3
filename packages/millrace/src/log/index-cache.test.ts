// Indexes of segments as readers get them: as stored, made anew where they cannot be right, and no more in memory than allowed.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { MemoryDisk, nodeClock, nodeRandom } from '../os/mod.ts';
import { FileCache } from './file-cache.ts';
import { IndexCache } from './index-cache.ts';
import { appendAcked, batchOfSize, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import { segmentPath } from './names.ts';
import type { PartitionLog } from './partition.ts';
import type { Segment } from './segment.ts';

/** Four segments, their indexes stored by a clean close. */
async function stored(t: TestContext): Promise<{ disk: MemoryDisk; files: FileCache; segments: readonly Segment[] }> {
  const disk = new MemoryDisk();
  const options = { disk, clock: nodeClock(), random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 512 << 10, configOf: () => sampleConfig };
  const before = await openLog(options);
  const partition = await before.create('flights-0', sampleConfig);
  for (let index = 0; index < 100; index++) await appendAcked(partition, batchOfSize(2, 1000, 1000 + 10 * index));
  await before.close();
  const log = await openLog(options);
  const files = new FileCache(disk, 10);
  t.after(async () => { await files.close(); await log.close(); });
  return { disk, files, segments: (log.partitions.get('flights-0') as PartitionLog).segments };
}

async function fileBytes(disk: MemoryDisk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, { readOnly: true });
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  return bytes;
}

const bytesOf = (view: DataView, bytes: number): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, bytes);

test('what is made anew from the log is what was stored, entry by entry, in memory and in the files', async (t) => {
  const { disk, files, segments } = await stored(t);
  assert.ok(segments.length >= 4);
  const cache = new IndexCache(files);
  for (const segment of segments.slice(0, -1)) {
    const paths = (['index', 'timeindex'] as const).map((kind) => segmentPath('flights-0', segment, kind));
    const before = [await fileBytes(disk, paths[0]!), await fileBytes(disk, paths[1]!)];
    assert.ok(before[0]!.length > 0 && before[1]!.length > 0);
    for (const path of paths) {
      const file = await disk.open(path);
      await file.write([new Uint8Array(200).fill(0xff)], 0);
      await file.close();
    }
    const loaded = await cache.rebuild('flights-0', segment);
    assert.deepEqual([bytesOf(loaded.index, loaded.indexCount * 8), bytesOf(loaded.time, loaded.timeCount * 12)], before);
    assert.deepEqual([await fileBytes(disk, paths[0]!), await fileBytes(disk, paths[1]!)], before);
  }
});

test('an index is read once; one that cannot be right is made anew, and said so', async (t) => {
  const { disk, files, segments } = await stored(t);
  const cache = new IndexCache(files);
  const anew: string[] = [];
  cache.onRebuilt = (path) => anew.push(path);
  const first = await cache.load('flights-0', segments[0]!);
  assert.equal(await cache.load('flights-0', segments[0]!), first);
  assert.deepEqual(anew, []);
  const path = segmentPath('flights-0', segments[1]!, 'index');
  const file = await disk.open(path);
  await file.write([new Uint8Array(8).fill(0xff)], 0);
  await file.close();
  const rebuilt = await cache.load('flights-0', segments[1]!);
  assert.deepEqual([anew, rebuilt.indexCount > 0], [[path], true]);
});

test('indexes that were used longest ago go when there are too many bytes of them, and those of a segment that is gone', async (t) => {
  const { files, segments } = await stored(t);
  const one = await new IndexCache(files).load('flights-0', segments[0]!);
  const bytes = one.index.byteLength + one.time.byteLength;
  const cache = new IndexCache(files, 2 * bytes);
  const loaded = [];
  for (const segment of segments.slice(0, 3)) {
    loaded.push(await cache.load('flights-0', segment));
    assert.ok(cache.bytes <= 2 * bytes, `${cache.bytes} bytes are kept, ${2 * bytes} are allowed`);
  }
  assert.equal(await cache.load('flights-0', segments[2]!), loaded[2], 'the newest is kept');
  assert.notEqual(await cache.load('flights-0', segments[0]!), loaded[0], 'the oldest went');
  cache.forget(segments[0]!);
  cache.forget(segments[0]!);
  cache.forget(segments[2]!);
  assert.equal(cache.bytes, 0);
  const small = new IndexCache(files, 1);
  const only = await small.load('flights-0', segments[0]!);
  assert.equal(await small.load('flights-0', segments[0]!), only, 'one is kept, however large');
});
