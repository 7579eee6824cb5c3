// testing/sim/node/profiles.ts - a client that keeps a table in a compacted topic, in transactions, and reads it from the start like one that begins anew.
// Owns: the table as it must be. F1 The last committed value of each key is read, or one whose commit was never answered. F2 Nothing of an aborted
// transaction is read by a reader of committed data, however much of it compaction has seen. F3 Offsets rise.
import { BatchBuilder, EndTxn, errorCodes, Fetch, InitProducerId, ListOffsets, Produce } from '../../../wire/mod.ts';
import { epochMs } from '../../fake-clock.ts';
import { expect } from '../log-model.ts';
import { isMarker, recordsOf, splitBatches, type FoundRecord } from '../sim-batch.ts';
import { Actor, isFault, passes } from './actor.ts';
import type { Stage } from './actor.ts';

const topic = 'profiles';
const keysMax = 6;
/** How a simulated tombstone reads. */
const deleted = '';

/** One key: its committed value, and those that may have been committed after it. */
interface Row { committed: string; maybe: string[] }

/** Writes transactions to the one partition of the topic; nobody else does. */
export class Profiles extends Actor {
  readonly #rows = new Map<string, Row>();
  readonly #aborted = new Set<string>();
  #producer: { id: number; epoch: number } | null = null;
  #number = 0;

  constructor(name: string, stage: Stage) { super(name, stage); }

  protected override async act(): Promise<void> {
    await this.stage.client.connect();
    if (this.#producer === null) return this.#begin();
    if (this.stage.random.chance(0.3)) return this.check();
    await this.#transact();
  }

  /** Reads the table from the start, and compares (F1 to F3). */
  async check(): Promise<void> {
    const rows = await this.#readAll();
    if (rows === null) return;
    for (const [key, { committed, maybe }] of this.#rows) {
      const found = rows.get(key) ?? deleted;
      expect(found === committed || maybe.includes(found), `${topic}: '${key}' is '${found}', and was set to '${committed}'${maybe.length === 0 ? '' : ` or ${maybe.join(' or ')}`}`);
    }
    this.trace(`${rows.size} rows are right`);
  }

  /** A new epoch: what was open is aborted. */
  async #begin(): Promise<void> {
    const { errorCode, producerId, producerEpoch } = await this.stage.client.call(InitProducerId, 5, { transactionalId: this.name, transactionTimeoutMs: 60_000 });
    if (passes(`${this.name}: InitProducerId`, errorCode, [errorCodes.CONCURRENT_TRANSACTIONS]) || errorCode !== 0) return;
    this.#producer = { id: producerId, epoch: producerEpoch };
  }

  async #transact(): Promise<void> {
    const { random } = this.stage;
    const { id, epoch } = this.#producer!;
    this.#producer = null; // unless all goes well
    const changes = new Map(Array.from({ length: random.between(1, 4) }, () => [`p${random.below(keysMax)}`, random.chance(0.2) ? deleted : `${this.#number++}${'.'.repeat(random.pick([0, 30, 3_000]))}`]));
    const commit = random.chance(0.6);
    const note = (): void => { for (const value of changes.values()) if (value !== deleted) this.#aborted.add(value); };
    let asked = false;
    try {
      const records = this.#batch(changes, { producerId: id, producerEpoch: epoch, baseSequence: 0, transactional: true });
      const produced = await this.stage.client.call(Produce, 12, { transactionalId: this.name, acks: -1, timeoutMs: 3000, topicData: [{ name: topic, partitionData: [{ index: 0, records }] }] });
      if (produced.responses[0]!.partitionResponses[0]!.errorCode !== 0) return note();
      asked = commit;
      const ended = await this.stage.client.call(EndTxn, 5, { transactionalId: this.name, producerId: id, producerEpoch: epoch, committed: commit });
      this.trace(`${commit ? 'commit' : 'abort'} ${[...changes.keys()].join(' ')}: ${ended.errorCode}`);
      if (ended.errorCode !== 0) return commit ? this.#maybe(changes) : note();
      this.#producer = { id: ended.producerId, epoch: ended.producerEpoch };
      if (!commit) return note();
      for (const [key, value] of changes) this.#rows.set(key, { committed: value, maybe: [] });
    } catch (error) {
      if (asked) this.#maybe(changes);
      else note();
      if (!isFault(error)) throw error;
    }
  }

  /** Nobody was told how it ended. */
  #maybe(changes: ReadonlyMap<string, string>): void {
    for (const [key, value] of changes) {
      const row = this.#rows.get(key) ?? { committed: deleted, maybe: [] };
      row.maybe.push(value);
      this.#rows.set(key, row);
    }
  }

  #batch(changes: ReadonlyMap<string, string>, producer: { producerId: number; producerEpoch: number; baseSequence: number; transactional: true }): Uint8Array {
    const builder = new BatchBuilder();
    for (const [key, value] of changes) builder.append(epochMs + Math.floor(this.stage.world.time.nowMs), key, value === deleted ? null : value);
    return builder.finish(producer);
  }

  async #readAll(): Promise<Map<string, string> | null> {
    const { client, random } = this.stage;
    const life = this.stage.life();
    const listed = await client.call(ListOffsets, 7, { replicaId: -1, isolationLevel: 1, topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] });
    const { errorCode, offset: end } = listed.topics[0]!.partitions[0]!;
    if (passes('ListOffsets', errorCode)) return null;
    const rows = new Map<string, string>();
    const bytesMax = random.pick([1, 500, 1 << 20]);
    for (let from = 0, before = -1, empty = 0; from < end;) {
      const answer = await client.call(Fetch, 12, {
        maxWaitMs: 0, minBytes: 1, maxBytes: bytesMax, isolationLevel: 1, sessionId: 0, sessionEpoch: -1, topics: [{ topic, partitions: [{ partition: 0, fetchOffset: from, partitionMaxBytes: bytesMax }] }],
      });
      const found = answer.responses[0]?.partitions[0];
      if (found === undefined || passes('Fetch', found.errorCode) || life !== this.stage.life()) return null;
      const batches = splitBatches(new Uint8Array(found.records ?? []));
      for (const record of batches.filter((batch) => !isMarker(batch)).flatMap(recordsOf)) before = this.#see(record, from, before, rows);
      const last = batches.at(-1);
      if (last === undefined) {
        expect(++empty < 20, `${topic}: nothing is read at ${from} of ${end}`);
        await this.sleep(1);
      } else from = last.baseOffset + last.offsetCount;
    }
    return rows;
  }

  #see({ offset, key, value }: FoundRecord, from: number, before: number, rows: Map<string, string>): number {
    if (offset < from) return before;
    expect(offset > before, `${topic}: ${offset} is read after ${before}`);
    expect(!this.#aborted.has(value), `${topic}: the value '${value.slice(0, 20)}' of '${String(key)}' at ${offset} was aborted`);
    rows.set(key!, value);
    return offset;
  }
}
