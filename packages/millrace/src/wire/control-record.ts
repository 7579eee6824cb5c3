// wire/control-record.ts - the records that end a transaction in a partition.
// Owns: their key (type) and value (coordinator epoch). Source: Kafka's ControlRecordTypeSchema and EndTxnMarker.
import { BatchBuilder, type BatchOptions } from './batch-builder.ts';
import { decodeVersioned, encodeVersioned } from './codec.ts';
import { ControlRecordTypeSchema, EndTxnMarker } from './record-schema/mod.ts';
import type { RecordCursor } from './record-cursor.ts';

/** How a transaction ended; 'other' for control records that data readers skip. */
export type ControlType = 'abort' | 'commit' | 'other';

/** Which control record the cursor stands on. Throws 'invalid-bytes' for a key that is none. */
export function controlType(record: RecordCursor): ControlType {
  const key = record.key();
  if (key === null) return 'other';
  const { value } = decodeVersioned(ControlRecordTypeSchema, key, true);
  return value.type === 0 ? 'abort' : value.type === 1 ? 'commit' : 'other';
}

/** The coordinator epoch of the end marker the cursor stands on. Throws 'invalid-bytes'. */
export function markerCoordinatorEpoch(record: RecordCursor): number {
  return decodeVersioned(EndTxnMarker, record.value() ?? new Uint8Array(0), true).value.coordinatorEpoch;
}

/** A batch with the one marker that ends a transaction of this producer. */
export function endTransactionBatch(
  type: 'abort' | 'commit', timestampMs: number, coordinatorEpoch: number, producer: { producerId: number; producerEpoch: number } & Pick<BatchOptions, 'baseOffset' | 'partitionLeaderEpoch'>,
): Uint8Array {
  const builder = new BatchBuilder(128);
  const key = encodeVersioned(ControlRecordTypeSchema, 0, { type: type === 'abort' ? 0 : 1 });
  builder.append(timestampMs, key, encodeVersioned(EndTxnMarker, 0, { coordinatorEpoch }));
  return builder.finish({ ...producer, transactional: true, control: true });
}
