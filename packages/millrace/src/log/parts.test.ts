// The small parts of the log on their own: slabs, tail, indexes, files held open, memory for readers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError, limits } from '../base/mod.ts';
import { MemoryDisk } from '../os/mod.ts';
import { FileCache } from './file-cache.ts';
import { ReadBuffers } from './read-buffers.ts';
import { ReadGate } from './read-gate.ts';
import { indexIsSane, lastTimeBefore, positionInIndex, SegmentIndex } from './segment-index.ts';
import { SlabPool, type Slab } from './slabs.ts';
import { Tail } from './tail.ts';

const allocate = (bytes: number): Uint8Array => new Uint8Array(bytes);

test('slabs are reused from the oldest on, once written; not while pinned or needed', () => {
  const pool = new SlabPool(allocate, 1 << 20);
  const use = (): Slab => {
    const slab = pool.take(1000)!;
    slab.used = 1000;
    slab.filling = false;
    return slab;
  };
  const slabs = [use(), use(), use(), use()];
  slabs[0]!.unflushedGroups = 1;
  assert.equal(pool.take(1000), null, 'the oldest is not written yet');
  slabs[0]!.unflushedGroups = 0;
  const dropped: number[] = [];
  slabs[1]!.owners.push({ dropTail: () => {} });
  slabs[0]!.owners.push({ dropTail: (sequence) => dropped.push(sequence) });
  pool.pin(slabs[0]!);
  const instead = use();
  assert.ok(!slabs.includes(instead), 'a pinned slab is replaced');
  assert.deepEqual(dropped, [slabs[0]!.sequence]);
  assert.equal(use(), slabs[1]);
  assert.ok(pool.isPinnedTight);
  let freed = 0;
  pool.onFreed = () => { freed++; };
  pool.unpin(slabs[0]!);
  assert.deepEqual([freed, pool.isPinnedTight], [1, false]);
  assert.throws(() => pool.unpin(slabs[0]!), /Invariant/);
  assert.deepEqual(slabs[1]!.owners, [], 'a slab that is used again belongs to nobody yet');
  assert.equal(pool.pinned, 0);
  const exact = new SlabPool(allocate, 1 << 20);
  assert.equal(exact.take(exact.slabBytes)!.isPrivate, false, 'what just fits needs no slab of its own');
  assert.equal(exact.take(exact.slabBytes + 1)!.isPrivate, true);
  const large = pool.take(3 << 20)!;
  assert.ok(large.isPrivate && large.bytes.length >= 3 << 20);
});

test('the tail finds batches by offset and forgets them with their slabs', () => {
  const tail = new Tail();
  const slab = (sequence: number): Slab => ({ sequence }) as Slab;
  for (let index = 0; index < 200; index++) tail.push(index * 10, slab(Math.floor(index / 20)), index, 100);
  for (const offset of [0, 9, 10, 1005, 1999, 5000]) assert.equal(tail.offset(tail.find(offset)), Math.min(1990, Math.floor(offset / 10) * 10));
  tail.drop(4);
  assert.deepEqual([tail.count, tail.firstOffset, tail.start(0), tail.find(1234)], [100, 1000, 100, 23]);
  assert.throws(() => tail.find(999), /L3/);
  tail.drop(100);
  assert.deepEqual([tail.count, tail.firstOffset], [0, Infinity]);
});

test('indexes have an entry for each 4 KiB, and lead to the last entry at or before', () => {
  const index = new SegmentIndex(0, 0, -1);
  for (let batch = 0; batch < 100; batch++) index.note(batch * 10 + 9, batch * 1000, 1000, batch < 50 ? batch * 100 : 0, batch * 10 + 9);
  const { index: bytes, time, indexCount, timeCount } = index.encodePending()!;
  assert.deepEqual([indexCount, timeCount], [19, 9]);
  const entries = new DataView(bytes.buffer);
  assert.deepEqual([entries.getUint32(0), entries.getUint32(4)], [59, 5000]);
  for (const [offset, position] of [[0, 0], [58, 0], [59, 5000], [60, 5000], [109, 10_000], [5000, 95_000]] as const) {
    assert.equal(positionInIndex(entries, indexCount, offset), position);
    assert.equal(Math.max(0, index.findPending(offset)), position);
  }
  const times = new DataView(time.buffer);
  for (const [timestampMs, offset] of [[0, null], [500, null], [501, 59], [1000, 59], [1001, 109], [9999, 459]] as const) {
    assert.equal(lastTimeBefore(times, timeCount, timestampMs)?.offset ?? null, offset);
    assert.equal(index.findPendingTime(timestampMs), offset ?? -1);
  }
  assert.ok(indexIsSane(entries, indexCount, 100_000));
  assert.ok(!indexIsSane(entries, indexCount, 95_000), 'an entry points past the log');
  entries.setUint32(8, 59);
  assert.ok(!indexIsSane(entries, indexCount, 100_000), 'offsets do not rise');
  index.stored(19, 9);
  assert.deepEqual([index.encodePending(), index.indexStored, index.timeStored], [null, 19, 9]);
});

test('files are shared while open, and the least recently used are closed past the limit', async () => {
  const disk = new MemoryDisk();
  const files = new FileCache(disk, 3);
  const leases = await Promise.all(['a', 'b', 'c', 'd'].map((path) => files.acquire(path, true)));
  assert.equal(files.openFiles, 4, 'all are in use');
  leases[0]!.release();
  assert.equal(files.openFiles, 3);
  assert.equal(files.tryAcquire('a'), null);
  const again = files.tryAcquire('b')!;
  assert.equal(again.file, leases[1]!.file);
  files.forget('b');
  leases[1]!.release();
  assert.equal(await again.file.size(), 0, 'still open for its other user');
  again.release();
  await assert.rejects(again.file.size(), (error) => isMillraceError(error, 'closed'));
  assert.throws(() => again.release(), /once/);
  await assert.rejects(files.acquire('missing'), (error) => isMillraceError(error, 'not-found'));
  for (const lease of leases.slice(2)) lease.release();
  await files.close();
  assert.equal(files.openFiles, 0);
});

test('memory for readers is bounded and reused', () => {
  const buffers = new ReadBuffers();
  const first = buffers.take(20_000);
  assert.equal(first.bytes.length, 32_768);
  first.release();
  assert.throws(() => first.release(), /once/);
  const second = buffers.take(30_000);
  assert.equal(second.bytes, first.bytes);
  const large = buffers.take(limits.log.readBytesMax / 2);
  assert.throws(() => buffers.take(limits.log.readBytesMax / 2), (error) => isMillraceError(error, 'overloaded') && error.retry);
  large.release();
  buffers.take(1).release();
  second.release();
  const halves = [buffers.take(limits.log.readBytesMax / 2), buffers.take(limits.log.readBytesMax / 2)]; // exactly all there is
  assert.throws(() => buffers.take(1), (error) => isMillraceError(error, 'overloaded'));
  for (const half of halves) half.release();
  assert.equal(buffers.lentBytes, 0);
});

test('memory lent ahead of a reader counts as a reader\'s once it is claimed', () => {
  const buffers = new ReadBuffers();
  const claimed = buffers.take(20_000, true);
  const dropped = buffers.take(20_000, true);
  assert.deepEqual([buffers.lentBytes, buffers.aheadBytes], [0, 65_536]);
  claimed.claim();
  claimed.claim();
  dropped.release();
  assert.deepEqual([buffers.lentBytes, buffers.aheadBytes], [32_768, 0]);
  claimed.release();
  assert.deepEqual([buffers.lentBytes, buffers.aheadBytes], [0, 0]);
});

test('a read gate lets so many through, the others in the order in which they came, also past one that failed', async () => {
  const gate = new ReadGate(2);
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const reads = [0, 1, 2, 3, 4].map((number) => gate.through(() => new Promise<number>((resolve, reject) => {
    begun.push(number);
    ends[number] = (error) => { if (error === undefined) resolve(number); else reject(error); };
  })));
  const settled = () => new Promise((resolve) => { setImmediate(resolve); });
  await settled();
  assert.deepEqual(begun, [0, 1]);
  ends[1]!(new Error('a bad disk'));
  await assert.rejects(reads[1]!, /a bad disk/);
  assert.deepEqual(begun, [0, 1, 2]);
  ends[0]!();
  ends[2]!();
  await settled();
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
  ends[3]!();
  ends[4]!();
  assert.deepEqual(await Promise.all([reads[0], reads[2], reads[3], reads[4]]), [0, 2, 3, 4]);
  const one = gate.through(async () => 'alone');
  assert.equal(await one, 'alone', 'the gate is open again');
});
