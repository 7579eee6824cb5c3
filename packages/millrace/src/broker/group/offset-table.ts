// broker/group/offset-table.ts - offsets by topic and partition.
// Owns: putting in and taking out. Never: whose they are.
import type { Committed, OffsetTable } from './group.ts';

/** Puts an offset into a table. */
export function setOffset(table: OffsetTable, topic: string, partition: number, value: Committed): void {
  const partitions = table.get(topic);
  if (partitions === undefined) table.set(topic, new Map([[partition, value]]));
  else partitions.set(partition, value);
}

/** Takes an offset out of a table, and its topic when that was the last one. */
export function removeOffset(table: OffsetTable, topic: string, partition: number): void {
  const partitions = table.get(topic);
  if (partitions?.delete(partition) && partitions.size === 0) table.delete(topic);
}
