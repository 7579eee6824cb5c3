// testing/sim/node/history.ts - what clients sent, were told and read, for one partition, and the promises that follow.
// Owns: the checks of records. H1 What is read was sent to that partition, and an offset holds one record for ever. H2 An acknowledged
// record is at the offset that was told. H3 An idempotent producer's records are there once and in the order of sending, no gap below
// one that was acknowledged. H4 Offsets of reads and the high watermark only rise, and nothing below the start is missing.
import { expect } from '../log-model.ts';
import type { FoundRecord } from '../sim-batch.ts';

/** A record on its way: `producer` and its count there make the value unique. */
export interface Sent {
  readonly producer: string;
  readonly number: number;
  readonly idempotent: boolean;
  /** Requests that carried it. */
  attempts: number;
  ackedAt: number | null;
}

/** How a partition keeps its promises. */
export type Promised = 'synced' | 'page-cache';

/** One partition's history. */
export class PartitionHistory {
  readonly name: string;
  readonly promised: Promised;
  readonly #sent = new Map<string, Sent>();
  readonly #seen = new Map<number, string>();
  readonly #offsetOf = new Map<string, number>();
  /** Highest start that anybody asked for by deleting records. */
  startAsked = 0;
  /** Highest start that was confirmed. */
  startConfirmed = 0;
  #endSeen = 0;

  constructor(name: string, promised: Promised) {
    this.name = name;
    this.promised = promised;
  }

  /** First offset that nobody has read yet. */
  get endSeen(): number { return this.#endSeen; }
  get sentCount(): number { return this.#sent.size; }
  get ackedCount(): number { return [...this.#sent.values()].filter((sent) => sent.ackedAt !== null).length; }

  /** Offsets of acknowledged records. */
  ackedOffsets(): number[] {
    return [...this.#sent.values()].flatMap((sent) => (sent.ackedAt === null ? [] : [sent.ackedAt]));
  }

  /** Notes a record that is about to be sent, or sent again. */
  sending(value: string, producer: string, number: number, idempotent: boolean): void {
    const sent = this.#sent.get(value);
    if (sent === undefined) this.#sent.set(value, { producer, number, idempotent, attempts: 1, ackedAt: null });
    else sent.attempts++;
  }

  /** Notes that the node said the record is at `offset`; -1 where it did not say (a duplicate that it no longer remembers). */
  acked(value: string, offset: number): void {
    const sent = this.#sent.get(value)!;
    if (offset < 0) return;
    if (sent.idempotent && sent.ackedAt !== null) expect(sent.ackedAt === offset, `${this.name}: ${value} was acknowledged at ${sent.ackedAt} and at ${offset}`);
    sent.ackedAt = offset;
    this.#place(value, offset);
  }

  /** Notes records that a client read. */
  read(records: readonly FoundRecord[]): void {
    for (const { offset, value } of records) {
      expect(this.#sent.has(value), `${this.name}: read at ${offset} what nobody sent there: ${value.slice(0, 40)}`);
      this.#place(value, offset);
      this.#endSeen = Math.max(this.#endSeen, offset + 1);
    }
  }

  /** Page-cache only: a crash may have lost the tail from here on; offsets are given out again. */
  tailLost(from: number): void {
    for (const [offset, value] of this.#seen) {
      if (offset < from) continue;
      this.#seen.delete(offset);
      this.#offsetOf.delete(value);
      const sent = this.#sent.get(value);
      if (sent !== undefined) sent.ackedAt = null;
    }
    this.#endSeen = Math.min(this.#endSeen, from);
  }

  /** The whole partition as read at the end, from its start (H2, H3, H4). */
  checkAll(start: number, end: number, records: readonly FoundRecord[]): void {
    expect(start <= Math.max(this.startAsked, 0), `${this.name}: starts at ${start}, only ${this.startAsked} was asked for`);
    expect(start >= this.startConfirmed, `${this.name}: starts at ${start}, deleting before ${this.startConfirmed} was confirmed`);
    expect(end >= this.#endSeen, `${this.name}: ends at ${end}, but was read up to ${this.#endSeen}`);
    this.read(records);
    const at = new Map(records.map((record) => [record.offset, record.value]));
    for (let offset = start; offset < end; offset++) expect(at.has(offset), `${this.name}: offset ${offset} of ${start}..${end} is missing`);
    for (const [value, sent] of this.#sent) {
      if (sent.ackedAt === null || sent.ackedAt < start) continue;
      expect(at.get(sent.ackedAt) === value, `${this.name}: acknowledged at ${sent.ackedAt} and lost: ${value.slice(0, 40)} (there: ${String(at.get(sent.ackedAt)).slice(0, 40)})`);
    }
    this.#checkOrder(records);
  }

  #place(value: string, offset: number): void {
    const before = this.#seen.get(offset);
    expect(before === undefined || before === value, `${this.name}: offset ${offset} was ${String(before).slice(0, 40)} and is ${value.slice(0, 40)}`);
    const elsewhere = this.#offsetOf.get(value);
    const sent = this.#sent.get(value)!;
    const mayRepeat = !sent.idempotent && sent.attempts > 1;
    expect(elsewhere === undefined || elsewhere === offset || mayRepeat, `${this.name}: ${value.slice(0, 40)} is at ${String(elsewhere)} and at ${offset}`);
    this.#seen.set(offset, value);
    this.#offsetOf.set(value, offset);
  }

  /** H3: numbers of one producer rise, and by one each for idempotent ones. */
  #checkOrder(records: readonly FoundRecord[]): void {
    const last = new Map<string, number>();
    for (const { value, offset } of records) {
      const sent = this.#sent.get(value)!;
      if (!sent.idempotent && sent.attempts > 1) continue;
      const before = last.get(sent.producer);
      if (before !== undefined) {
        expect(sent.number > before, `${this.name}: ${sent.producer} sent ${sent.number} before ${before}, but it is after it, at ${offset}`);
        if (sent.idempotent) expect(sent.number === before + 1, `${this.name}: ${sent.producer}: after ${before} comes ${sent.number} at ${offset}`);
      }
      last.set(sent.producer, sent.number);
    }
  }
}
