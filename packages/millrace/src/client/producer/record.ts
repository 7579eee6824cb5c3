// client/producer/record.ts - what a caller hands to a producer and what comes back.

/** Bytes, or text that is sent as UTF-8. */
export type Bytes = Uint8Array | string;

/** Headers as an object or a list; a list may name a header twice. */
export type HeadersInit = Readonly<Record<string, Bytes | null>> | readonly (readonly [string, Bytes | null])[];

/** A record to produce. */
export interface ProducerRecord {
  readonly topic: string;
  /** Places the record (records of one key stay in order) and is what compaction keeps one of. */
  readonly key?: Bytes | null;
  readonly value?: Bytes | null;
  readonly headers?: HeadersInit;
  /** Milliseconds since 1970; now when left out. */
  readonly timestampMs?: number;
  /** Overrides the partitioner. */
  readonly partition?: number;
}

/** Where a record is now. */
export interface RecordPosition {
  readonly topic: string;
  readonly partition: number;
  /** -1 when the server did not say (acks 0). */
  readonly offset: number;
  /** The one that was stored: the record's own, or the server's where the topic says so. */
  readonly timestampMs: number;
}
