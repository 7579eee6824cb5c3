// broker/transaction/stored-transaction.ts - a transactional id as a record.
// Owns: the value's form. Format: docs/formats/metadata-topic.md. Never: when it is written (transactions.ts).
import type { TopicPartition } from '../topics/topic.ts';
import type { Transaction } from './transaction.ts';

type Row = readonly [
  version: 1, producerId: number, producerEpoch: number, formerProducerId: number, timeoutMs: number, updatedMs: number,
  /** 'open' has the rest: when it began, and what was added to it by then. */
  phase: 'empty' | 'open' | 'commit' | 'abort' | 'late', startedMs?: number, partitions?: readonly (readonly [topicId: string, index: number])[], groups?: readonly string[],
];

/** What was open when the record was written. */
export interface StoredOpen { readonly startedMs: number; readonly partitions: readonly (readonly [topicId: string, index: number])[]; readonly groups: readonly string[] }

/** The value of its record. */
export function transactionText({ producerId, producerEpoch, formerProducerId, timeoutMs, updatedMs, phase }: Transaction<TopicPartition>): string {
  const head = [1, producerId, producerEpoch, formerProducerId, timeoutMs, updatedMs] as const;
  const row: Row = phase.kind === 'ongoing'
    ? [...head, 'open', phase.startedMs, [...phase.partitions].map(({ topic, index }) => [topic.id, index] as const), [...phase.groups]]
    : [...head, phase.kind !== 'ended' ? 'empty' : phase.late ? 'late' : phase.result];
  return JSON.stringify(row);
}

/** Reads it back; the phase is set by the caller where something is open. */
export function readTransaction(id: string, text: string): { transaction: Transaction<TopicPartition>; open: StoredOpen | null } {
  const [, producerId, producerEpoch, formerProducerId, timeoutMs, updatedMs, phase, startedMs = 0, partitions = [], groups = []] = JSON.parse(text) as Row;
  const transaction: Transaction<TopicPartition> = {
    id, producerId, producerEpoch, formerProducerId, timeoutMs, updatedMs,
    phase: phase === 'commit' || phase === 'abort' ? { kind: 'ended', result: phase, late: false } : phase === 'late' ? { kind: 'ended', result: 'abort', late: true } : { kind: 'empty' },
  };
  return { transaction, open: phase === 'open' ? { startedMs, partitions, groups } : null };
}
