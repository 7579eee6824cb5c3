// client/move/verify.ts - reads both sides and compares: how many records, and a checksum over all that they are.
// Owns: what is in the checksum. Never: which offsets are compared (move.ts).
// F1 Offset (where it is kept), time, key, value and headers of every committed record count, in their order; null and empty differ.
import { crc32c } from '../../base/mod.ts';
import { writeInt, writeLong, type RecordCursor } from '../../wire/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import { partitionKey, type TopicPartition } from '../partitions.ts';
import type { PartitionCheck, VerifyReport } from './options.ts';
import { SourceReader } from './source-reader.ts';

/** Offsets of one partition that must be the same on both sides. */
export interface Stretch extends TopicPartition { readonly source: { readonly from: number; readonly to: number }; readonly target: { readonly from: number; readonly to: number } }

interface Sum { records: number; checksum: number }

/** Reads and compares. `withOffsets`: they must be the same, too. `onRead` is told of offsets that were read. */
export async function verify(sides: { readonly source: Cluster; readonly target: Cluster }, stretches: readonly Stretch[], withOffsets: boolean, onRead: (offsets: number) => void): Promise<VerifyReport> {
  const [source, target] = await Promise.all([
    sums(sides.source, stretches.map(({ topic, partition, source: of }) => ({ topic, partition, ...of })), withOffsets, onRead),
    sums(sides.target, stretches.map(({ topic, partition, target: of }) => ({ topic, partition, ...of })), withOffsets, () => {}),
  ]);
  const partitions = stretches.map(({ topic, partition }): PartitionCheck => {
    const key = partitionKey(topic, partition);
    const mine = source.get(key)!;
    const theirs = target.get(key)!;
    const isEqual = mine.records === theirs.records && mine.checksum === theirs.checksum;
    return { topic, partition, records: mine.records, checksum: hex(mine.checksum), isEqual, ...(isEqual ? {} : { targetRecords: theirs.records, targetChecksum: hex(theirs.checksum) }) };
  });
  return { partitions, records: partitions.reduce((sum, { records }) => sum + records, 0), isEqual: partitions.every(({ isEqual }) => isEqual) };
}

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');

async function sums(cluster: Cluster, stretches: readonly (TopicPartition & { readonly from: number; readonly to: number })[], withOffsets: boolean, onRead: (offsets: number) => void): Promise<Map<string, Sum>> {
  const found = new Map<string, Sum>();
  const ends = new Map<string, number>();
  const reader = new SourceReader(cluster, 'verify', () => {});
  for (const { topic, partition, from, to } of stretches) {
    found.set(partitionKey(topic, partition), { records: 0, checksum: 0 });
    ends.set(partitionKey(topic, partition), to);
    if (from < to) reader.follow({ topic, partition }, from, to);
  }
  while (reader.open > 0) {
    for (const part of await reader.round(true)) {
      const key = partitionKey(part.topic, part.partition);
      add(found.get(key)!, part.reader(), ends.get(key)!, withOffsets);
      onRead(part.nextOffset - part.fromOffset);
      reader.taken(part);
    }
  }
  return found;
}

const facts = new Uint8Array(32);

/** F1. */
function add(sum: Sum, records: RecordCursor, end: number, withOffsets: boolean): void {
  while (records.next()) {
    if (records.offset >= end) return;
    writeLong(facts, 0, withOffsets ? records.offset : 0);
    writeLong(facts, 8, records.timestampMs);
    writeInt(facts, 16, records.keyLength);
    writeInt(facts, 20, records.valueLength);
    writeInt(facts, 24, records.headerCount);
    let checksum = crc32c(facts, sum.checksum);
    if (records.keyLength > 0) checksum = crc32c(records.key()!, checksum);
    if (records.valueLength > 0) checksum = crc32c(records.value()!, checksum);
    if (records.headerCount > 0) for (const { key, value } of records.headers()) checksum = crc32c(new TextEncoder().encode(`${key.length} ${key} ${value === null ? 'null' : value.length} `), value === null ? checksum : crc32c(value, checksum));
    sum.records++;
    sum.checksum = checksum;
  }
}
