// log/read-ahead.ts - the next stretch of old data, read before a reader asks for it.
// Owns: what is read ahead, its bound and its end. Never: how it is read (cold-read.ts), who reads in order (partition.ts).
// A reader that catches up asks for one stretch after the other and does nothing while it waits. Read while it works on the last one, the next
// is there when it asks. R1 What was read ahead is handed out once, to a read at exactly its offset that would have given the same. R2 It holds at
// most limits.log.readAheadBytesMax, and nothing for longer than a moment. R3 A failure is nobody's: the reader reads by itself and is told then.
import { limits } from '../base/mod.ts';
import type { Clock, Timer } from '../os/mod.ts';
import type { ColdRead } from './cold-read.ts';
import type { ReadResult } from './types.ts';

/** What nobody asked for in this time is let go. */
const keptMs = 500;

interface Stretch {
  readonly bytesMax: number;
  readonly beganMs: number;
  readonly reading: Promise<ColdRead | null>;
  /** Null while it is being read. */
  result: ColdRead | null;
  /** Told to its reader when it comes, or given back. */
  end: 'kept' | 'awaited' | 'unwanted';
}

/** Stretches of all partitions, the oldest first. */
export class ReadAhead {
  readonly #clock: Clock;
  readonly #stretches = new Map<string, Stretch>();
  /** What all of them may take. */
  #bytesMax = 0;
  #timer: Timer | null = null;
  #closed = false;
  /** Stretches begun, and those that somebody came for. */
  begun = 0;
  hits = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What a read at `offset` of at most `bytesMax` gives, if it is there or on its way; resolves to null when it could not be read. */
  take(partitionId: number, offset: number, bytesMax: number): ReadResult | Promise<ReadResult | null> | null {
    const key = keyOf(partitionId, offset);
    const stretch = this.#stretches.get(key);
    if (stretch === undefined || stretch.bytesMax !== bytesMax) return null;
    this.#forget(key, stretch);
    stretch.end = 'awaited';
    this.hits++;
    stretch.result?.claim();
    return stretch.result ?? stretch.reading;
  }

  /** Reads on at `offset`, unless that is under way or there is no room for it. */
  begin(partitionId: number, offset: number, bytesMax: number, read: () => Promise<ColdRead>): void {
    const key = keyOf(partitionId, offset);
    if (this.#closed || this.#stretches.has(key) || this.#bytesMax + bytesMax > limits.log.readAheadBytesMax) return;
    const stretch: Stretch = {
      bytesMax, beganMs: this.#clock.monotonicMs(), result: null, end: 'kept',
      reading: read().then((result) => {
        if (stretch.end === 'unwanted') result.release();
        else if (stretch.end === 'awaited') result.claim();
        else stretch.result = result;
        return result;
      }, () => {
        this.#forget(key, stretch);
        return null;
      }),
    };
    this.#stretches.set(key, stretch);
    this.#bytesMax += bytesMax;
    this.begun++;
    this.#timer ??= this.#clock.after(keptMs, () => this.#letGo());
  }

  /** Lets go of everything; resolves when nothing is being read any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const reading = [...this.#stretches.values()].map((stretch) => stretch.reading);
    for (const [key, stretch] of this.#stretches) this.#drop(key, stretch);
    await Promise.all(reading);
  }

  #forget(key: string, stretch: Stretch): void {
    if (this.#stretches.get(key) !== stretch) return;
    this.#stretches.delete(key);
    this.#bytesMax -= stretch.bytesMax;
  }

  #drop(key: string, stretch: Stretch): void {
    this.#forget(key, stretch);
    stretch.end = 'unwanted';
    stretch.result?.release();
  }

  #letGo(): void {
    const beforeMs = this.#clock.monotonicMs() - keptMs;
    for (const [key, stretch] of this.#stretches) if (stretch.beganMs <= beforeMs) this.#drop(key, stretch);
    this.#timer = this.#stretches.size === 0 ? null : this.#clock.after(keptMs, () => this.#letGo());
  }
}

const keyOf = (partitionId: number, offset: number): string => `${partitionId}/${offset}`;
