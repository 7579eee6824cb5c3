// base/units.ts - kinds of number are kinds of type; only the doors cast.

/** Position of a record in a partition: 0 .. 2^53-1. */
export type Offset = number & { readonly unit: 'offset' };
/** Milliseconds since 1970-01-01T00:00:00Z. -1 where Kafka says "no timestamp". */
export type TimestampMs = number & { readonly unit: 'timestampMs' };

/** Names a number an offset. Only for doors (decoding, storage); inside a room offsets travel as Offset. */
export const asOffset = (value: number): Offset => value as Offset;
/** Names a number a timestamp. */
export const asTimestampMs = (value: number): TimestampMs => value as TimestampMs;

/** Bytes in a kibibyte, mebibyte, gibibyte. */
export const KiB = 1024;
/** 2^20 bytes. */
export const MiB = 1024 * KiB;
/** 2^30 bytes. */
export const GiB = 1024 * MiB;
