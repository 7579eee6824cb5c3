// broker/group/image.ts - what the offsets topic says, record by record, as far as it was appended.
// Owns: the last value of every key. Never: bytes (records.ts), what it means for members (group.ts).
// I1 The image equals a replay of every record appended so far, durable or not: so a copy of it at the tail makes all that lies
// before superfluous. Cost: one map entry per offset; values are shared with the groups' own tables.
import { ConsumerImage } from './consumer/consumer-record.ts';
import type { GroupRecord, GroupValue } from './effects.ts';
import type { Committed, OffsetTable } from './group.ts';
import { removeOffset, setOffset } from './offset-table.ts';

/** One group's records. */
export interface GroupImage { value: GroupValue | null; readonly consumer: ConsumerImage; readonly offsets: OffsetTable; readonly pending: Map<number, OffsetTable> }

/** Of a group that nothing is known of. */
export function emptyImage(): GroupImage {
  return { value: null, consumer: new ConsumerImage(), offsets: new Map(), pending: new Map() };
}

/** Bytes of a record besides its names and contents, roughly: enough to tell when a topic is mostly superseded. */
const recordOverheadBytes = 48;

/** All groups' records. */
export class Image {
  readonly groups = new Map<string, GroupImage>();

  /** Takes in one record of a group. */
  apply(groupId: string, record: GroupRecord): void {
    if (record.kind === 'forget') {
      this.groups.delete(groupId);
      return;
    }
    const group = this.#groupOf(groupId);
    if (record.kind === 'group') group.value = record.value;
    else if (record.kind === 'consumer') group.consumer.apply(record.record);
    else if (record.kind === 'pending') applyPending(group.pending, record.producerId, record.topic, record.partition, record.value);
    else if (record.value === null) removeOffset(group.offsets, record.topic, record.partition);
    else setOffset(group.offsets, record.topic, record.partition, record.value);
    if (group.value === null && group.consumer.isEmpty && group.offsets.size === 0 && group.pending.size === 0) this.groups.delete(groupId);
  }

  /** Roughly what writing the image takes. Walks all of it: ask seldom. */
  sizeBytes(): number {
    let bytes = 0;
    for (const [groupId, group] of this.groups) bytes += groupBytes(groupId, group);
    return bytes;
  }

  #groupOf(groupId: string): GroupImage {
    let group = this.groups.get(groupId);
    if (group === undefined) this.groups.set(groupId, group = emptyImage());
    return group;
  }
}

function applyPending(pending: Map<number, OffsetTable>, producerId: number, topic: string, partition: number, value: Committed | null): void {
  const table = pending.get(producerId);
  if (value !== null) {
    if (table === undefined) pending.set(producerId, new Map([[topic, new Map([[partition, value]])]]));
    else setOffset(table, topic, partition, value);
  } else if (table !== undefined) {
    removeOffset(table, topic, partition);
    if (table.size === 0) pending.delete(producerId);
  }
}

function groupBytes(groupId: string, { value, consumer, offsets, pending }: GroupImage): number {
  let bytes = consumer.sizeBytes();
  if (value !== null) {
    bytes += recordOverheadBytes + groupId.length;
    for (const member of value.members ?? []) bytes += 2 * recordOverheadBytes + (member.subscription?.length ?? 0) + (member.assignment?.length ?? 0);
  }
  for (const [topic, partitions] of [...offsets, ...[...pending.values()].flatMap((table) => [...table])]) {
    for (const committed of partitions.values()) bytes += recordOverheadBytes + groupId.length + topic.length + committed.metadata.length;
  }
  return bytes;
}
