// The simulator's own checks: each of them can fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../world.ts';
import { openFilesOf } from './backups.ts';
import { Coverage } from './coverage.ts';
import { fileKind } from './fault-plan.ts';
import { LogTruth, PartitionModel, Violation } from './log-model.ts';
import { PartitionHistory } from './node/history.ts';
import { runSeed } from './run-seed.ts';
import { buildBatch, recordsOf, sameBatch, splitBatches } from './sim-batch.ts';

const config = { segmentBytes: 1000, segmentMs: 1000, retentionBytes: -1, retentionMs: -1, durability: 'synced' as const };
const violates = (act: () => void, what: RegExp) => assert.throws(act, (error) => error instanceof Violation && what.test(error.message));

function model(appends: number): PartitionModel {
  const truth = new LogTruth();
  const partition = new PartitionModel('t-0', config);
  for (let i = 0; i < appends; i++) {
    const bytes = buildBatch([{ timestampMs: i, key: null, value: `${i}` }, { timestampMs: i, key: null, value: `${i}'` }]);
    partition.appended(2 * i, [{ bytes, timestampsMs: [i, i] }], truth.nextAppend());
  }
  return partition;
}

test('a lost acknowledged tail is noticed, a lost unacknowledged one is not', () => {
  const kept = model(3);
  kept.keep(4);
  kept.checkAfterCrash(0, 4, 0);
  const lost = model(3);
  lost.keep(4);
  violates(() => lost.checkAfterCrash(0, 2, 0), /lost 2\.\.4/);
});

test('an end inside a batch, or past what was appended, is noticed', () => {
  violates(() => model(2).checkAfterCrash(0, 3, 0), /inside the batch/);
  violates(() => model(2).checkAfterCrash(0, 5, 0), /only 4 were appended/);
});

test('an append that is there in part is noticed', () => {
  const truth = new LogTruth();
  const partition = new PartitionModel('t-0', config);
  const one = { bytes: buildBatch([{ timestampMs: 1, key: null, value: 'x' }]), timestampsMs: [1] };
  partition.appended(0, [one, one], truth.nextAppend());
  violates(() => partition.checkAfterCrash(0, 1, 0), /inside one append/);
});

test('other bytes than were appended, and a hole in a read, are noticed', () => {
  const partition = model(3);
  const other = { baseOffset: 0, offsetCount: 2, bytes: buildBatch([{ timestampMs: 9, key: null, value: 'y' }, { timestampMs: 9, key: null, value: 'y' }]) };
  violates(() => partition.checkRead(0, [other], 2), /not the one that was appended/);
  const found = partition.batches.map((batch) => ({ baseOffset: batch.baseOffset, offsetCount: 2, bytes: batch.bytes }));
  violates(() => partition.checkRead(0, [found[0]!, found[2]!], 6), /gave 4 after 2/);
  partition.checkRead(0, found, 6);
});

test('a start that nobody asked for is noticed', () => {
  violates(() => model(3).checkStart(2, 0), /nobody asked/);
});

test('history: lost, doubled, turned and foreign records are noticed', () => {
  const record = (offset: number, value: string) => ({ offset, key: null, value });
  const history = () => {
    const made = new PartitionHistory('t-0', 'synced');
    for (let i = 0; i < 3; i++) made.sending(`p/${i}`, 'p', i, true);
    return made;
  };
  const lost = history();
  lost.acked('p/0', 0);
  lost.acked('p/1', 1);
  violates(() => lost.checkAll(0, 1, [record(0, 'p/0')]), /acknowledged at 1 and lost/);
  violates(() => history().read([record(0, 'p/0'), record(5, 'p/0')]), /is at 0 and at 5/);
  violates(() => history().checkAll(0, 2, [record(0, 'p/1'), record(1, 'p/0')]), /sent 0 before 1/);
  violates(() => history().checkAll(0, 2, [record(0, 'p/0'), record(1, 'p/2')]), /after 0 comes 2/);
  violates(() => history().read([record(0, 'q/0')]), /nobody sent/);
  violates(() => { const seen = history(); seen.read([record(0, 'p/0')]); seen.read([record(0, 'p/1')]); }, /offset 0 was p\/0 and is p\/1/);
  violates(() => history().checkAll(0, 2, [record(0, 'p/0')]), /offset 1 of 0\.\.2 is missing/);
});

test('batches made by hand are read back, and a flipped bit is noticed', () => {
  const bytes = buildBatch([{ timestampMs: 5, key: 'k', value: 'one' }, { timestampMs: 3, key: null, value: 'two' }], { id: 7, epoch: 1, baseSequence: 4 });
  const [batch] = splitBatches(bytes);
  assert.deepEqual(recordsOf(batch!).map(({ offset, key, value }) => [offset, key, value]), [[0, 'k', 'one'], [1, null, 'two']]);
  const flipped = bytes.slice();
  flipped[flipped.length - 1]! ^= 1;
  assert.throws(() => splitBatches(flipped), /checksum/);
  assert.equal(sameBatch(bytes, flipped), false);
});

test('what a process leaves behind is seen: timers that are set, files that are open', async () => {
  const world = new World(1);
  const { process, machine } = world.start('process', 'host');
  const late = machine.clock.after(1000, () => {});
  machine.clock.after(10, () => {});
  const file = await world.time.settle(machine.disk.open('left', { create: true }));
  assert.deepEqual([process.pending, openFilesOf(machine.disk)], [2, 1]);
  await world.time.advance(20);
  assert.equal(process.pending, 1, 'one has come');
  late.cancel();
  late.cancel();
  await world.time.settle(file.close());
  assert.deepEqual([process.pending, openFilesOf(machine.disk)], [0, 0]);
});

test('coverage names what was never met', () => {
  const coverage = new Coverage();
  coverage.met('power cut', 'write .log');
  assert.deepEqual(coverage.missing({ 'power cut': ['write .log', 'sync journal'] }), ['power cut @ sync journal']);
  assert.equal(fileKind('orders-0/00000000000000000000.log'), '.log');
  assert.equal(fileKind('journal/3.journal'), 'journal');
});

test('one seed leaves one trace, two seeds leave two', async () => {
  const [first, again, other] = [await runSeed('log', 42), await runSeed('log', 42), await runSeed('log', 43)];
  assert.equal(first.failure, null);
  assert.equal(first.traceHash, again.traceHash);
  assert.notEqual(first.traceHash, other.traceHash);
});
