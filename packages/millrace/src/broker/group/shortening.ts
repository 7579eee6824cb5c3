// broker/group/shortening.ts - the groups' partition made short: a fresh copy at its tail, what lies before deleted.
// Owns: that procedure. Never: when it is due (group-log.ts).
// S1 What lies before is deleted once all of the copy is durable: a crash in between leaves more records, never fewer. S2 The copy is
// written slice by slice between other appends; a slice holds whole groups as the image has them when it is appended (image I1), so
// it repeats no older value over a newer one.
import type { Clock } from '../../os/mod.ts';
import { BatchBuilder } from '../../wire/mod.ts';
import type { GroupImage, Image } from './image.ts';
import type { GroupStorage } from './ports.ts';
import { addRecord } from './records.ts';

/** Copies the image to the tail and deletes what lies before. Rejects with what the log refuses; then nothing was deleted. */
export async function shorten(storage: GroupStorage, clock: Clock, image: Image, sliceBytesTarget: number): Promise<void> {
  const start = storage.endOffset;
  // The iterator goes on over groups that come and go meanwhile.
  const groups = image.groups.entries();
  while (await appendSlice(storage, clock, groups, sliceBytesTarget));
  if (storage.endOffset > start) await storage.deleteBefore(start);
}

/** Appends whole groups up to about the target; false when there were none left. Resolves once they are durable. */
function appendSlice(storage: GroupStorage, clock: Clock, groups: Iterator<[string, GroupImage]>, sliceBytesTarget: number): Promise<boolean> {
  const nowMs = clock.nowMs();
  const builder = new BatchBuilder(sliceBytesTarget);
  while (builder.sizeBytes < sliceBytesTarget) {
    const next = groups.next();
    if (next.done) break;
    addGroup(builder, nowMs, next.value[0], next.value[1]);
  }
  const offsetCount = builder.recordCount;
  if (offsetCount === 0) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    storage.append([{ bytes: builder.finish(), offsetCount, maxTimestampMs: nowMs }], (error) => (error === null ? resolve(true) : reject(error)));
  });
}

function addGroup(builder: BatchBuilder, nowMs: number, groupId: string, { value, consumer, offsets, pending }: GroupImage): void {
  for (const record of consumer.records()) addRecord(builder, nowMs, groupId, { kind: 'consumer', record });
  if (value !== null) addRecord(builder, nowMs, groupId, { kind: 'group', value });
  for (const [topic, partitions] of offsets) {
    for (const [partition, committed] of partitions) addRecord(builder, nowMs, groupId, { kind: 'offset', topic, partition, value: committed });
  }
  for (const [producerId, table] of pending) {
    for (const [topic, partitions] of table) {
      for (const [partition, value] of partitions) addRecord(builder, nowMs, groupId, { kind: 'pending', producerId, topic, partition, value });
    }
  }
}
