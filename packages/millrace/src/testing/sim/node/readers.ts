// testing/sim/node/readers.ts - clients that read: they follow a partition, jump about, and read slowly.
// Owns: fetching and handing records to the history. L1 The high watermark and the start never go back while a node lives.
import { Fetch, ListOffsets, errorCodes } from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { recordsOf, splitBatches } from '../sim-batch.ts';
import type { FoundRecord } from '../sim-batch.ts';
import { Actor, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import type { Target } from './producers.ts';
import type { RawClient } from './raw-client.ts';

const fetchVersion = 12;

/** One partition's answer to a fetch. */
export interface Fetched { readonly errorCode: number; readonly highWatermark: number; readonly start: number; readonly records: readonly FoundRecord[]; readonly next: number }

/** Fetches once from one partition. */
export async function fetchOnce(client: RawClient, { topic, partition }: Target, offset: number, options: { waitMs: number; bytesMax: number }): Promise<Fetched> {
  const answer = await client.call(Fetch, fetchVersion, {
    maxWaitMs: options.waitMs, minBytes: 1, maxBytes: options.bytesMax, isolationLevel: 0, sessionId: 0, sessionEpoch: -1,
    topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: options.bytesMax }] }],
  }, options.waitMs + client.answerMs);
  const found = answer.responses[0]?.partitions[0];
  if (found === undefined) return { errorCode: answer.errorCode, highWatermark: -1, start: -1, records: [], next: offset };
  const bytes = found.records ?? new Uint8Array(0);
  const batches = splitBatches(new Uint8Array(Buffer.concat(Array.isArray(bytes) ? bytes as Uint8Array[] : [bytes as Uint8Array])));
  const records = batches.flatMap(recordsOf);
  return { errorCode: found.errorCode, highWatermark: found.highWatermark, start: found.logStartOffset, records, next: (records.at(-1)?.offset ?? offset - 1) + 1 };
}

/** The earliest (-2) or latest (-1) offset of a partition, or null while a fault lasts. */
export async function listOffset(client: RawClient, { topic, partition }: Target, timestamp: -1 | -2): Promise<number | null> {
  const answer = await client.call(ListOffsets, 7, { replicaId: -1, isolationLevel: 0, topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }] });
  const { errorCode, offset } = answer.topics[0]!.partitions[0]!;
  return passes('ListOffsets', errorCode) ? null : offset;
}

/** Follows partitions and hands what it reads to their histories. */
export class Reader extends Actor {
  readonly #targets: readonly Target[];
  readonly #positions = new Map<Target, number>();
  readonly #watermarks = new Map<Target, { life: number; high: number; start: number }>();

  constructor(name: string, stage: Stage, targets: readonly Target[]) {
    super(name, stage);
    this.#targets = targets;
  }

  protected override async act(): Promise<void> {
    const { random, client } = this.stage;
    const target = random.pick(this.#targets);
    const life = this.stage.life();
    const offset = this.#position(target);
    const fetched = await fetchOnce(client, target, offset, { waitMs: random.pick([0, 50, 500]), bytesMax: random.pick([100, 10_000, 1 << 20]) });
    if (passes(`${this.name}: Fetch`, fetched.errorCode, [errorCodes.OFFSET_OUT_OF_RANGE])) return;
    if (fetched.errorCode === errorCodes.OFFSET_OUT_OF_RANGE) return this.#outOfRange(target, offset);
    this.trace(`${target.history.name} from ${offset}: ${fetched.records.length} records, high watermark ${fetched.highWatermark}`);
    if (life === this.stage.life()) this.#checkRising(target, life, fetched);
    expect(fetched.next <= fetched.highWatermark || fetched.records.length === 0, `${target.history.name}: read to ${fetched.next}, past the high watermark ${fetched.highWatermark}`);
    if (life !== this.stage.life()) return; // an answer of a node that is gone: on a page-cache topic its tail may be too
    target.history.read(fetched.records);
    this.#positions.set(target, Math.max(offset, fetched.next));
  }

  #position(target: Target): number {
    const { random } = this.stage;
    const at = Math.min(this.#positions.get(target) ?? 0, target.history.endSeen);
    return random.chance(0.15) ? random.between(target.history.startConfirmed, Math.max(at, target.history.startConfirmed)) : Math.max(at, target.history.startConfirmed);
  }

  #outOfRange(target: Target, offset: number): void {
    const { history } = target;
    expect(offset < history.startAsked, `${history.name}: ${offset} was out of range, the start is at most ${history.startAsked} and ${history.endSeen} was read`);
    this.#positions.set(target, history.startAsked);
  }

  #checkRising(target: Target, life: number, { highWatermark, start }: Fetched): void {
    const before = this.#watermarks.get(target);
    if (before?.life === life) {
      expect(highWatermark >= before.high, `${target.history.name}: the high watermark went back from ${before.high} to ${highWatermark}`);
      expect(start >= before.start, `${target.history.name}: the start went back from ${before.start} to ${start}`);
    }
    this.#watermarks.set(target, { life, high: highWatermark, start });
  }
}
