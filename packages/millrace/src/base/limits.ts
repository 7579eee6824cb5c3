// base/limits.ts - every size and count that can grow has its bound here, and the bounds agree with each other.
// Each room adds its own group; defaults that a user may change are named *Default.
import { assert } from './assert.ts';
import { GiB, KiB, MiB } from './units.ts';

/** Bounds of the whole system, grouped by room. Units are in the names. */
export const limits = {
  wire: {
    /** Largest request frame accepted from a socket (socket.request.max.bytes). */
    frameBytesMax: 100 * MiB,
    /** Largest array count or string length is bounded by the frame itself: nothing is allocated beyond it. */
    batchHeaderBytes: 61,
  },
  log: {
    /** Largest batch (max.message.bytes is per topic and at most this). */
    batchBytesMax: 64 * MiB,
    segmentBytesDefault: 1 * GiB,
    /** A group commit closes at this size so that small acks do not wait for large ones. */
    groupBytesMax: 4 * MiB,
    indexIntervalBytes: 4 * KiB,
  },
} as const;

assert(limits.wire.frameBytesMax > limits.log.batchBytesMax, 'a request can carry the largest batch');
