// broker/group/consumer/consumer-record.ts - what a consumer group keeps in its partition, record by record.
// Owns: the kinds of records, and the last value of each as the partition says. Never: bytes (codec.ts), what they mean to members (restore.ts).
import type {
  ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataValue, ConsumerGroupMetadataValue, ConsumerGroupRegularExpressionValue, ConsumerGroupTargetAssignmentMemberValue,
  ConsumerGroupTargetAssignmentMetadataValue, ValueInit,
} from '../../../wire/mod.ts';

/** Values in Kafka's own forms. */
export interface ConsumerValues {
  readonly epoch: ValueInit<typeof ConsumerGroupMetadataValue>;
  readonly member: ValueInit<typeof ConsumerGroupMemberMetadataValue>;
  readonly 'assignment-epoch': ValueInit<typeof ConsumerGroupTargetAssignmentMetadataValue>;
  readonly target: ValueInit<typeof ConsumerGroupTargetAssignmentMemberValue>;
  readonly current: ValueInit<typeof ConsumerGroupCurrentMemberAssignmentValue>;
  readonly pattern: ValueInit<typeof ConsumerGroupRegularExpressionValue>;
}

/** One kind of record. */
export type ConsumerRecordName = keyof ConsumerValues;

/** One record; `of` is a member id or a pattern, '' for what the group has once. A null value takes it back. */
export type ConsumerRecord = { readonly [Name in ConsumerRecordName]: { readonly name: Name; readonly of: string; readonly value: ConsumerValues[Name] | null } }[ConsumerRecordName];

/** Kinds in the order in which a group's records are written out: members before what they have. */
export const consumerRecordNames: readonly ConsumerRecordName[] = ['epoch', 'member', 'pattern', 'target', 'assignment-epoch', 'current'];

/** Bytes of a record besides its names and lists, roughly. */
const recordOverheadBytes = 48;

/** The last value of every record of one consumer group. */
export class ConsumerImage {
  readonly #values = new Map<ConsumerRecordName, Map<string, ConsumerRecord>>();

  get isEmpty(): boolean { return this.#values.size === 0; }

  apply(record: ConsumerRecord): void {
    const values = this.#values.get(record.name);
    if (record.value !== null) {
      if (values === undefined) this.#values.set(record.name, new Map([[record.of, record]]));
      else values.set(record.of, record);
    } else if (values?.delete(record.of) === true && values.size === 0) {
      this.#values.delete(record.name);
    }
  }

  /** Everything, in the order of consumerRecordNames. */
  *records(): Iterable<ConsumerRecord> {
    for (const name of consumerRecordNames) yield* this.#values.get(name)?.values() ?? [];
  }

  /** What takes everything back: the reverse order. */
  tombstones(): ConsumerRecord[] {
    return [...this.records()].reverse().map((record) => ({ ...record, value: null }) as ConsumerRecord);
  }

  /** One value; undefined when there is none. */
  value<Name extends ConsumerRecordName>(name: Name, of: string): ConsumerValues[Name] | undefined {
    return this.#values.get(name)?.get(of)?.value as ConsumerValues[Name] | undefined;
  }

  /** Members or patterns that have such a record. */
  keys(name: ConsumerRecordName): Iterable<string> {
    return this.#values.get(name)?.keys() ?? [];
  }

  /** Roughly what writing all of it takes. */
  sizeBytes(): number {
    let bytes = 0;
    for (const record of this.records()) bytes += recordOverheadBytes + record.of.length + sizeOf(record);
    return bytes;
  }
}

const uuidBytes = 16;
const partitionBytes = 4;

function sizeOf(record: ConsumerRecord): number {
  switch (record.name) {
    case 'member': return (record.value?.subscribedTopicNames ?? []).reduce((sum, name) => sum + name.length, 0);
    case 'pattern': return (record.value?.topics ?? []).reduce((sum, name) => sum + name.length, 0);
    case 'target': return listBytes(record.value?.topicPartitions ?? []);
    case 'current': return 2 * listBytes([...record.value?.assignedPartitions ?? [], ...record.value?.partitionsPendingRevocation ?? []]);
    default: return 0;
  }
}

function listBytes(lists: readonly { readonly partitions?: readonly number[] }[]): number {
  return lists.reduce((sum, { partitions }) => sum + uuidBytes + partitionBytes * (partitions?.length ?? 0), 0);
}
