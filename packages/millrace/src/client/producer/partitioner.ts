// client/producer/partitioner.ts - which partition a record goes to.
// Owns: the choice. Order: an explicit partition, else the key's hash, else the topic's sticky partition, which changes after a
// batch worth of bytes so that records without a key fill batches and still spread evenly (KIP-794's idea), past partitions without a leader.
import { MillraceError } from '../../base/mod.ts';
import { partitionOfKey, partitionOfText } from './murmur2.ts';

const utf8 = new TextEncoder();

/** Chooses among `partitionCount` partitions; gets the key's bytes or null. Must return a whole number 0 .. partitionCount - 1. */
export type Partitioner = (topic: string, key: Uint8Array | null, partitionCount: number) => number;

/** The sticky state of one topic. */
export class StickyPartition {
  readonly #stickyBytes: number;
  readonly #uint32: () => number;
  readonly #hasLeader: (partition: number) => boolean;
  #current = -1;
  #bytesLeft = 0;

  /** Moves on after `stickyBytes` bytes; `uint32` is the chance that picks the next among those that have a leader, if any has. */
  constructor(stickyBytes: number, uint32: () => number, hasLeader: (partition: number) => boolean = () => true) {
    this.#hasLeader = hasLeader;
    this.#stickyBytes = stickyBytes;
    this.#uint32 = uint32;
  }

  /** The partition for a record of `bytes` without a key. */
  next(partitionCount: number, bytes: number): number {
    if (this.#current < 0 || this.#current >= partitionCount || this.#bytesLeft <= 0) this.#move(partitionCount);
    this.#bytesLeft -= bytes;
    return this.#current;
  }

  /** Leaders may have changed: moves on at the next record if the current partition has none. */
  review(): void {
    if (this.#current >= 0 && !this.#hasLeader(this.#current)) this.#bytesLeft = 0;
  }

  /** Any partition but the current one, all with the same chance. */
  #move(partitionCount: number): void {
    const before = this.#current;
    if (before < 0 || before >= partitionCount || partitionCount === 1) this.#current = this.#uint32() % partitionCount;
    else this.#current = (before + 1 + (this.#uint32() % (partitionCount - 1))) % partitionCount;
    for (let i = 0; i < partitionCount && !this.#hasLeader(this.#current); i++) this.#current = (this.#current + 1) % partitionCount;
    this.#bytesLeft = this.#stickyBytes;
  }
}

/** The partition of a record that has a key or names its partition; -1 leaves the choice to the sticky partition. Throws 'invalid-argument'. */
export function choosePartition(topic: string, key: Uint8Array | string | null, explicit: number | undefined, partitionCount: number, custom: Partitioner | undefined): number {
  if (explicit !== undefined) return checked(topic, explicit, partitionCount);
  if (custom) return checked(topic, custom(topic, typeof key === 'string' ? utf8.encode(key) : key, partitionCount), partitionCount);
  if (key === null) return -1;
  return typeof key === 'string' ? partitionOfText(key, partitionCount) : partitionOfKey(key, partitionCount);
}

function checked(topic: string, partition: number, partitionCount: number): number {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitionCount) return partition;
  throw new MillraceError('invalid-argument', `Cannot produce to partition '${partition}' of '${topic}': it has ${partitionCount} partitions`, { topic, partition, partitionCount });
}
