// The partition of share groups: made by the first group, read back whole, kept short, and no dead letter without its change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLog, type Log } from '../../log/mod.ts';
import { MemoryDisk, nodeClock, nodeRandom } from '../../os/mod.ts';
import { batchOf } from '../fixture.ts';
import { ShareLog } from './share-log.ts';

const sizes = { batchBytesTarget: 200, snapshotBytesMin: 2_000, snapshotFactor: 2 };
const config = { segmentBytes: 1 << 20, segmentMs: 1e12, retentionBytes: -1, retentionMs: -1, durability: 'synced' } as const;

async function opened(disk = new MemoryDisk()): Promise<{ log: Log; share: ShareLog; found: Map<string, string>; disk: MemoryDisk }> {
  const log = await openLog({ disk, clock: nodeClock(), random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 1 << 20 });
  const found = new Map<string, string>();
  const share = await ShareLog.open(log, nodeClock(), (line) => assert.fail(line), (key, value) => { if (value === null) found.delete(key); else found.set(key, value); }, sizes);
  return { log, share, found, disk };
}

const write = (share: ShareLog, key: string, value: string | null): Promise<void> => new Promise((resolve, reject) => {
  share.append({ key, value: () => value, deadLetters: [], done: (error) => (error === null ? resolve() : reject(error)) });
});

test('there is no partition before the first group; what was written is read back, in order', async () => {
  const { log, share, disk } = await opened();
  assert.deepEqual([share.isReady, log.partitions.size], [false, 0]);
  await Promise.all([share.ready(), share.ready()]);
  await Promise.all([write(share, 'a', '1'), write(share, 'b', '2'), write(share, 'a', '3'), write(share, 'b', null), write(share, 'ä', 'ö')]);
  share.close();
  await assert.rejects(write(share, 'late', '1'), { code: 'closed' });
  await log.close();
  const again = await opened(disk);
  assert.deepEqual([...again.found], [['a', '3'], ['ä', 'ö']]);
  await again.log.close();
});

test('the partition is kept short, and nothing is lost by that', async () => {
  const { log, share, disk } = await opened();
  await share.ready();
  const values = new Map<string, string>();
  share.onShorten(() => values);
  for (let round = 0; round < 200; round++) {
    const key = `key ${round % 10}`;
    values.set(key, `value ${round}`);
    await write(share, key, `value ${round}`);
  }
  const partition = log.partitions.get('__millrace_share-0')!;
  assert.ok(partition.logStartOffset > 100, `it begins at ${partition.logStartOffset}`);
  share.close();
  await log.close();
  const again = await opened(disk);
  assert.deepEqual(new Map([...again.found].sort()), new Map([...values].sort()));
  await again.log.close();
});

test('a record and its dead letters are one append', async () => {
  const { log, share } = await opened();
  await share.ready();
  const dead = await log.create('dead-0', config);
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    share.append({
      key: 'a', value: () => { order.push('value'); return '1'; }, deadLetters: [{ partition: dead, batches: [{ bytes: batchOf(['letter']), offsetCount: 1, maxTimestampMs: 0 }] }],
      begin: () => order.push('begin'), appended: () => order.push(`appended, ${dead.endOffset} letter`), done: () => { order.push('done'); resolve(); },
    });
  });
  assert.deepEqual(order, ['begin', 'value', 'appended, 1 letter', 'done']);
  share.close();
  await log.close();
});

test('a record whose dead letters have nowhere to go fails alone', async () => {
  const { log, share } = await opened();
  await share.ready();
  const dead = await log.create('dead-0', config);
  await log.remove('dead-0');
  const ends: string[] = [];
  const write = (key: string, deadLetters: Parameters<ShareLog['append']>[0]['deadLetters']) => new Promise<void>((resolve) => {
    share.append({ key, value: () => '1', deadLetters, done: (error) => { ends.push(`${key} ${(error as { code?: string } | null)?.code ?? 'written'}`); resolve(); } });
  });
  await Promise.all([write('a', []), write('b', [{ partition: dead, batches: [{ bytes: batchOf(['letter']), offsetCount: 1, maxTimestampMs: 0 }] }]), write('c', [])]);
  assert.deepEqual(ends.sort(), ['a written', 'b topic-not-found', 'c written']);
  share.close();
  await log.close();
});
