// broker/group/group-log.test.ts - the groups' partition: short however much is committed, whole after any crash, honest about what it cannot read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import { openLog, type Partition, type PartitionConfig } from '../../log/mod.ts';
import { World } from '../../testing/mod.ts';
import { BatchBuilder, errorCodes, zeroUuid } from '../../wire/mod.ts';
import type { Committed } from './group.ts';
import { GroupLog } from './group-log.ts';

const config: PartitionConfig = { segmentBytes: 64 * 1024, segmentMs: 1 << 30, retentionBytes: -1, retentionMs: -1, durability: 'synced' };
const sizes = { recordsPerBatchMax: 100, batchBytesTarget: 4_000, snapshotBytesMin: 20_000, snapshotFactor: 4 };

const committed = (offset: number, expireTimestampMs = -1): Committed => ({ offset, leaderEpoch: -1, metadata: '', commitTimestampMs: 1, expireTimestampMs, topicId: zeroUuid });

/** A groups' partition on a simulated drive, over its lives. */
class Folder {
  readonly world = new World(3);
  readonly #device = this.world.device('drive');
  readonly reports: string[] = [];
  partition!: Partition;
  log!: GroupLog;
  #process: { kill(): void } | null = null;

  async open(): Promise<void> {
    this.#process?.kill();
    const { process, machine } = this.world.start('node', 'host', this.#device);
    this.#process = process;
    await this.world.time.settle((async () => {
      const log = await openLog({ ...machine, configOf: () => config });
      this.partition = log.partitions.get('__consumer_offsets-0') ?? await log.create('__consumer_offsets-0', config);
      this.log = await GroupLog.open(this.partition, machine.clock, (line) => this.reports.push(line), sizes);
    })());
  }

  append(groupId: string, offset: Committed | null, partition = 0): Promise<number> {
    return new Promise((resolve) => this.log.append(groupId, [{ kind: 'offset', topic: 'work', partition, value: offset }], resolve));
  }
}

/** All that an image says, as text. */
function told(log: GroupLog): string[] {
  return [...log.image.groups].flatMap(([id, { value, offsets }]) => [
    ...value === null ? [] : [`${id} generation ${value.generation}`],
    ...[...offsets].flatMap(([topic, partitions]) => [...partitions].map(([partition, { offset }]) => `${id} ${topic}-${partition} ${offset}`)),
  ]).sort();
}

test('a hundred thousand commits leave a partition of some batches, and the same offsets after a restart', async () => {
  const folder = new Folder();
  await folder.open();
  for (let round = 0; round < 200; round++) {
    const answers: Promise<number>[] = [];
    for (let i = 0; i < 500; i++) answers.push(folder.append(`group-${i % 50}`, committed(round * 1_000 + i), i % 7));
    assert.deepEqual(new Set(await folder.world.time.settle(Promise.all(answers))), new Set([errorCodes.NONE]));
  }
  await folder.world.time.advance(1_000);
  const kept = folder.partition.endOffset - folder.partition.logStartOffset;
  assert.ok(folder.partition.endOffset > 100_000, 'all were written');
  assert.ok(kept < 5_000, `${kept} records are kept`);
  const before = told(folder.log);
  assert.equal(before.length, 350);
  await folder.open();
  assert.deepEqual(told(folder.log), before);
});

test('forgetting a group is one batch of tombstones, also for what was appended just before', async () => {
  const folder = new Folder();
  await folder.open();
  const done: string[] = [];
  const note = (what: string) => (errorCode: number) => { done.push(`${what} ${errorCode}`); };
  folder.log.append('g', [{ kind: 'offset', topic: 'work', partition: 0, value: committed(1) }, { kind: 'offset', topic: 'work', partition: 1, value: committed(2) }], note('commit'));
  folder.log.append('g', [{ kind: 'forget' }], note('forget'));
  folder.log.append('g', [{ kind: 'offset', topic: 'work', partition: 2, value: committed(3) }], note('commit anew'));
  await folder.world.time.advance(1_000);
  assert.deepEqual(done, ['commit 0', 'forget 0', 'commit anew 0']);
  assert.equal(folder.partition.endOffset, 2 + 3 + 1, 'two offsets, tombstones of both and of the group, one offset');
  assert.deepEqual(told(folder.log), ['g work-2 3']);
  await folder.open();
  assert.deepEqual(told(folder.log), ['g work-2 3']);
});

test('an end of life that an old client asked for is kept', async () => {
  const folder = new Folder();
  await folder.open();
  await folder.world.time.settle(folder.append('g', committed(1, 77_000)));
  await folder.open();
  assert.deepEqual(folder.log.image.groups.get('g')!.offsets.get('work')!.get(0), committed(1, 77_000));
});

test('records of kinds that are not known are reported; records that do not decode keep the node from starting', async () => {
  const folder = new Folder();
  await folder.open();
  const append = async (key: Uint8Array, value: string | null) => {
    const builder = new BatchBuilder();
    builder.append(1, key, value);
    const bytes = builder.finish();
    await folder.world.time.settle(new Promise<void>((resolve) => folder.partition.append([{ bytes, offsetCount: 1, maxTimestampMs: 1 }], () => resolve())));
  };
  await append(Uint8Array.of(0, 10, 0, 1, 0x67), 'a share group');
  await folder.open();
  assert.deepEqual(folder.reports, ["record of unknown kind 10 at offset 0 of the groups' partition is not read"]);
  await append(Uint8Array.of(0, 2, 0, 1, 0x67), 'no value of a group');
  await assert.rejects(folder.open(), (error) => isMillraceError(error, 'data-damaged') && /at offset 1/.test((error as Error).message));
});

test('while the partition is being shortened it is not shortened again', async () => {
  const folder = new Folder();
  await folder.open();
  let under = 0;
  let most = 0;
  const { partition } = folder;
  const deleteBefore = partition.deleteBefore.bind(partition);
  partition.deleteBefore = async (offset) => {
    most = Math.max(most, ++under);
    await new Promise<void>((resolve) => { folder.world.time.schedule(50, resolve); });
    const start = await deleteBefore(offset);
    under--;
    return start;
  };
  const answers: Promise<number>[] = [];
  for (let round = 0; round < 60; round++) {
    for (let i = 0; i < 100; i++) answers.push(folder.append(`group-${i % 10}`, committed(round * 100 + i), i % 7));
    await folder.world.time.advance(2);
  }
  await folder.world.time.settle(Promise.all(answers));
  await folder.world.time.advance(1_000);
  assert.equal(most, 1);
});
