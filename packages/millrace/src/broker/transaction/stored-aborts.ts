// broker/transaction/stored-aborts.ts - a partition's aborted transactions as records beside its snapshot of producers: pieces of 500, so that a
// snapshot writes only what is new. Format: docs/formats/metadata-topic.md.
// Owns: keys and values. Never: when they are written (produce/producer-store.ts).
import type { KeyedRecord } from '../keyed-log.ts';
import type { AbortedTransaction, PartitionTransactions } from './partition-transactions.ts';

/** Places of aborted transactions, counted over the partition's life: from `from` to before `to`. */
export interface AbortedPlaces { readonly from: number; readonly to: number }

type Row = readonly [producerId: number, firstOffset: number, lastOffset: number, stableAfter: number];
/** A piece: place of its first row, and the rows. */
type Piece = readonly [version: 1, first: number, rows: readonly Row[]];

const pieceSize = 500;
const pieceOf = (place: number): number => Math.floor(place / pieceSize);
const keyOfPiece = (partitionKey: string, piece: number): string => `${partitionKey}/aborted/${piece}`;

/** Records that bring what is stored up to what is there: the pieces with new rows, and null for those of which nothing is left. */
export function abortedRecords(partitionKey: string, transactions: PartitionTransactions, stored: AbortedPlaces): KeyedRecord[] {
  const { abortedFrom: from, abortedTo: to, aborted } = transactions;
  const records: KeyedRecord[] = [];
  for (let piece = pieceOf(stored.from); piece <= pieceOf(stored.to - 1) && piece < pieceOf(from); piece++) records.push({ key: keyOfPiece(partitionKey, piece), value: null });
  for (let piece = pieceOf(Math.max(stored.to, from)); piece * pieceSize < to; piece++) {
    const first = Math.max(piece * pieceSize, from);
    const rows = aborted.slice(first - from, (piece + 1) * pieceSize - from).map(({ producerId, firstOffset, lastOffset, stableAfter }): Row => [producerId, firstOffset, lastOffset, stableAfter]);
    if (rows.length > 0 && first + rows.length > stored.to) records.push({ key: keyOfPiece(partitionKey, piece), value: JSON.stringify([1, first, rows] satisfies Piece) });
  }
  return records;
}

/** Reads them back, in order. */
export function readAborted(values: ReadonlyMap<string, string>, partitionKey: string, from: number, to: number): AbortedTransaction[] {
  const found: AbortedTransaction[] = [];
  for (let piece = pieceOf(from); piece * pieceSize < to; piece++) {
    const text = values.get(keyOfPiece(partitionKey, piece));
    if (text === undefined) continue;
    const [, first, rows] = JSON.parse(text) as Piece;
    for (const [index, [producerId, firstOffset, lastOffset, stableAfter]] of rows.entries()) {
      if (first + index >= from && first + index < to) found.push({ producerId, firstOffset, lastOffset, stableAfter });
    }
  }
  return found;
}

/** Keys of what is stored. */
export function abortedKeys(partitionKey: string, stored: AbortedPlaces): string[] {
  const keys: string[] = [];
  for (let piece = pieceOf(stored.from); piece * pieceSize < stored.to; piece++) keys.push(keyOfPiece(partitionKey, piece));
  return keys;
}
