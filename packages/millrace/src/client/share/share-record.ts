// client/share/share-record.ts - a record that a share group has handed to this consumer, and what may be said of it.
// Owns: its fate as seen from here. Never: telling the server (share-broker.ts).
// S1 Something final is said of a record once: accepted, released or rejected.
import { MillraceError } from '../../base/mod.ts';
import type { RecordCursor } from '../../wire/mod.ts';
import { ConsumedRecord, type RecordBatch } from '../consumer/record-batch.ts';

/** Kafka's kinds of acknowledgement. */
export const acknowledgeType = { gap: 0, accept: 1, release: 2, reject: 3, renew: 4 } as const;

/** Whoever holds the records of one answer. */
export interface RecordHolder {
  /** Says something of a record. */
  say(record: ShareRecord, type: number): void;
}

/** One record of a share consumer: it is held for this consumer until something final is said of it, or its lock expires. */
export class ShareRecord extends ConsumedRecord {
  /** How often it has been handed out, this time included. */
  readonly deliveryCount: number;
  readonly #holder: RecordHolder;
  #lockedUntilMs: number;
  #fate: 'held' | 'accepted' | 'released' | 'rejected' = 'held';

  constructor(of: RecordBatch, at: RecordCursor, deliveryCount: number, lockedUntilMs: number, holder: RecordHolder) {
    super(of, at);
    this.deliveryCount = deliveryCount;
    this.#lockedUntilMs = lockedUntilMs;
    this.#holder = holder;
  }

  /** What was said of it. */
  get fate(): 'held' | 'accepted' | 'released' | 'rejected' { return this.#fate; }
  /** When its lock expires, on the client's monotonic clock (performance.now() of a client on the machine's own clock); it may have been a little earlier on the server. */
  get lockedUntilMs(): number { return this.#lockedUntilMs; }

  /** It is done: no member of the group gets it again. Throws 'invalid-argument' when something else was said of it. */
  accept(): void { this.#decide('accepted', acknowledgeType.accept); }
  /** Not now: it comes again, here or to another member, until it was handed out as often as the group allows. Throws as accept() does. */
  release(): void { this.#decide('released', acknowledgeType.release); }
  /** Never: it cannot be processed. It goes to the group's dead letters, if the group has a topic for them. Throws as accept() does. */
  reject(): void { this.#decide('rejected', acknowledgeType.reject); }

  /** It takes longer: holds it for another whole lock duration, from when the server hears of it. Servers from Kafka 4.2 on. Throws as accept() does. */
  renew(): void {
    if (this.#fate !== 'held') throw this.#said('renew');
    this.#holder.say(this, acknowledgeType.renew);
  }

  /** The server holds it until then. Of share-broker.ts. */
  extend(lockedUntilMs: number): void { this.#lockedUntilMs = lockedUntilMs; }

  #decide(fate: 'accepted' | 'released' | 'rejected', type: number): void {
    if (this.#fate === fate) return;
    if (this.#fate !== 'held') throw this.#said(fate);
    this.#fate = fate;
    this.#holder.say(this, type);
  }

  #said(wish: string): MillraceError {
    return new MillraceError('invalid-argument', `Cannot say '${wish}' of record ${this.offset} of '${this.topic}-${this.partition}': it was ${this.#fate} already`, { topic: this.topic, partition: this.partition, offset: this.offset });
  }
}
