// testing/sim/log-life.ts - what is done to a log during one life, and the checks that hold at every moment of it.
// Owns: the actors (appends, reads, structure), each action an event of its own. L1 done() once per append. L2 The high watermark
// never goes back, and nothing above it is read. L3 What was read stays as it was until it is released.
import { isMillraceError } from '../../base/mod.ts';
import type { Log, Partition, PartitionConfig, ReadResult } from '../../log/mod.ts';
import { epochMs } from '../fake-clock.ts';
import type { FakeProcess } from '../fake-process.ts';
import type { FakeRandom } from '../fake-random.ts';
import type { World } from '../world.ts';
import { PartitionModel, expect } from './log-model.ts';
import type { LogTruth, ModelAppend } from './log-model.ts';
import type { SimBackups } from './backups.ts';
import { buildBatch, splitBatches } from './sim-batch.ts';

const actors = 4;
const partitionsMax = 6;

/** One life of a log. */
export class LogLife {
  /** The first broken promise, when there is one. */
  violation: Error | null = null;
  readonly #world: World;
  readonly #process: FakeProcess;
  readonly #log: Log;
  readonly #truth: LogTruth;
  readonly #random: FakeRandom;
  readonly #backups: SimBackups;
  readonly #watermarks = new Map<string, number>();
  #stopped = false;
  #unanswered = 0;
  #acting = 0;

  constructor(world: World, process: FakeProcess, log: Log, truth: LogTruth, backups: SimBackups, random: FakeRandom) {
    this.#world = world;
    this.#process = process;
    this.#log = log;
    this.#truth = truth;
    this.#backups = backups;
    this.#random = random;
  }

  /** Lets the actors act until stop(), or the process dies. */
  start(): void {
    this.#watchState();
    for (let i = 0; i < actors; i++) this.#actLater();
  }

  stop(): void { this.#stopped = true; }

  /** A log fails once, and after that only closes; a closed one stays closed. */
  #watchState(): void {
    let last = this.#log.state.kind;
    this.#log.onState(({ kind }) => this.#guard(() => {
      const follows = kind !== last && last !== 'closed' && (last !== 'failed' || kind === 'closed');
      expect(follows, `the log is told to be ${kind} after ${last}`);
      last = kind;
    }));
  }

  /** Resolves when no action is under way: what readers held is given back then. */
  async quiet(): Promise<void> {
    while (this.#acting > 0) await this.#sleep(1);
  }

  /** Looks for many times in every partition. */
  async lookUpAll(): Promise<void> {
    for (const model of this.#live()) for (let count = 0; count < 5; count++) await this.#lookUp(model);
  }

  /** Once the log is closed, every append has been answered, one way or the other. */
  expectAnswered(): void {
    expect(this.#unanswered === 0, `${this.#unanswered} appends were never answered`);
  }

  /** Reads every partition from its start to its end. A damaged one may end in 'data-damaged', never in wrong bytes. Gives what was damaged. */
  async readAll(options: { damaged?: boolean } = {}): Promise<string[]> {
    const damaged: string[] = [];
    for (const [name, partition] of this.#log.partitions) {
      const model = this.#truth.models.get(name);
      if (model === undefined) continue;
      try {
        await this.#readThrough(partition, model);
      } catch (error) {
        if (!options.damaged || !isMillraceError(error, 'data-damaged')) throw error;
        this.#world.trace(`${name}: ${error.message}`);
        damaged.push(error.message);
      }
    }
    return damaged;
  }

  /** Once everything is old, retention by time leaves nothing, and retention by size no more than a segment above its bound. */
  async retainAll(): Promise<void> {
    await this.#sleep(5000);
    for (let turn = 0; turn < 4; turn++) {
      await this.#log.applyRetention();
      await this.#sleep(1500);
    }
    for (const model of this.#live()) {
      const partition = this.#partition(model);
      const { retentionMs, retentionBytes, segmentBytes } = model.config;
      model.checkStart(partition.logStartOffset, this.#nowMs());
      if (retentionMs >= 0) expect(partition.logStartOffset === partition.endOffset, `${model.name}: everything is older than ${retentionMs} ms, and ${partition.logStartOffset}..${partition.endOffset} is kept`);
      const most = retentionBytes + Math.max(segmentBytes, model.segmentBytesMost) + model.batchBytesMost;
      if (retentionBytes >= 0) expect(partition.sizeBytes <= most, `${model.name}: ${partition.sizeBytes} bytes are kept, ${retentionBytes} were asked for`);
    }
  }

  /** Appends and waits for each ack. */
  async appendSome(count: number): Promise<void> {
    if (this.#live().length === 0) await this.#create();
    for (let i = 0; i < count; i++) {
      const model = this.#random.pick(this.#live());
      await new Promise<void>((resolve, reject) => { this.#append(model, (error) => (error === null ? resolve() : reject(error))); });
    }
  }

  #actLater(): void {
    this.#later(this.#random.exponential(5), () => {
      if (this.#stopped || this.violation !== null) return;
      this.#acting++;
      this.#act().catch((error: unknown) => this.#failed(error)).finally(() => {
        this.#acting--;
        this.#actLater();
      });
    });
  }

  async #act(): Promise<void> {
    const live = this.#live();
    if (live.length === 0 || (live.length < partitionsMax && this.#random.chance(0.02))) return this.#create();
    const model = this.#random.pick(live);
    const draw = this.#random.below(100);
    if (draw < 60) return this.#append(model, () => {});
    if (draw < 86) return this.#read(model);
    if (draw < 89) return this.#deleteBefore(model);
    if (draw < 93) return this.#lookUp(model);
    if (draw < 95) return this.#configure(model);
    if (draw < 97) return this.#allowed(this.#log.applyRetention());
    if (draw < 98) return this.#allowed(this.#log.checkpoint());
    if (draw < 99 && live.length > 2) return this.#remove(model);
    if (this.#random.chance(0.5)) return this.#allowed(this.#backups.take(this.#process, this.#log));
    return this.#askWrongly(model);
  }

  #live(): PartitionModel[] {
    return [...this.#truth.models.values()].filter((model) => model.life === 'live');
  }

  async #create(): Promise<void> {
    const name = this.#truth.nextName((removed) => (removed.length > 0 && this.#random.chance(0.4) ? this.#random.pick(removed) : null));
    this.#watermarks.delete(name);
    const model = new PartitionModel(name, this.#config());
    this.#truth.models.set(name, model);
    this.#world.trace(`create ${name} ${model.config.durability} segments of ${model.config.segmentBytes}`);
    const partition = await this.#allowed(this.#log.create(name, model.config));
    if (partition === undefined) return;
    model.life = 'live';
    this.#watch(model, partition);
  }

  async #remove(model: PartitionModel): Promise<void> {
    model.life = 'removing';
    this.#world.trace(`remove ${model.name}`);
    const done = await this.#allowed(this.#log.remove(model.name).then(() => true));
    if (done === undefined) return;
    model.life = 'removed';
    expect(!this.#log.partitions.has(model.name), `${model.name} is still there after its removal`);
  }

  async #configure(model: PartitionModel): Promise<void> {
    const config = { ...this.#config(), durability: model.config.durability };
    model.configure(config);
    this.#partition(model).configure(config);
  }

  async #append(model: PartitionModel, told: (error: Error | null) => void): Promise<void> {
    const batches = Array.from({ length: this.#random.chance(0.8) ? 1 : this.#random.between(2, 4) }, () => this.#batch(model));
    const append = this.#truth.nextAppend();
    let end = 0;
    let calls = 0;
    try {
      const appended = this.#partition(model).append(batches, (error) => {
        expect(++calls === 1, `${model.name}: an append was answered twice`);
        this.#answered(model, append, end, error);
        told(error);
      });
      this.#unanswered++;
      model.appended(appended.baseOffset, batches, append);
      end = appended.nextOffset;
      expect(end === model.end, `${model.name}: an append ended at ${end} and not at ${model.end}`);
      expect(calls === 0, `${model.name}: an append was answered inside the call`);
      this.#world.trace(`append ${model.name} ${appended.baseOffset}..${end}`);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#world.trace(`append ${model.name} refused: ${error.code}`);
      told(error);
    }
  }

  #answered(model: PartitionModel, append: ModelAppend, end: number, error: Error | null): void {
    this.#unanswered--;
    append.fate = error === null ? 'acked' : 'failed';
    this.#world.trace(`${append.fate} ${model.name} ..${end}`);
    if (error !== null) return this.#guard(() => expect(isRefusal(error), `${model.name}: an append failed with ${String(error)}`));
    if (model.synced && model.life === 'live') this.#truth.keepBefore(append);
    this.#guard(() => {
      if (model.life === 'live') expect(this.#partition(model).highWatermark >= end, `${model.name}: acknowledged ${end} but readable only to ${this.#partition(model).highWatermark}`);
    });
  }

  async #read(model: PartitionModel): Promise<void> {
    const partition = this.#partition(model);
    const { logStartOffset, highWatermark } = partition;
    const offset = this.#random.chance(0.5) ? this.#random.between(Math.max(logStartOffset, highWatermark - 20), highWatermark) : this.#random.between(logStartOffset, highWatermark);
    const exact = model.bytesFrom(offset, this.#random.between(1, 3));
    const bytesMax = this.#random.pick([1, 500, 10_000, 1 << 20, Math.max(1, exact), Math.max(1, exact - 1)]);
    const atLeastOne = this.#random.chance(0.7);
    const result = await this.#allowed(Promise.resolve(this.#readNow(partition, offset, bytesMax, atLeastOne)));
    if (result === undefined) return;
    this.#checkRead(model, partition, offset, result, bytesMax, atLeastOne);
    if (bytesMax === exact && offset < highWatermark && offset >= model.start && model.life === 'live') expect(result.bytes > 0, `${model.name}: a read of ${exact} bytes from ${offset} of ${highWatermark} gave nothing`);
    const copy = Buffer.concat(result.parts).toString('latin1');
    await this.#sleep(this.#random.exponential(10));
    expect(Buffer.concat(result.parts).toString('latin1') === copy, `${model.name}: bytes changed before they were released`);
    result.release();
  }

  #readNow(partition: Partition, offset: number, bytesMax: number, atLeastOne: boolean): ReadResult | Promise<ReadResult> {
    try {
      return partition.read(offset, bytesMax, atLeastOne);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  #checkRead(model: PartitionModel, partition: Partition, offset: number, result: ReadResult, bytesMax: number, atLeastOne = true): void {
    if (model.life === 'removed' || model.life === 'removing') return;
    const found = splitBatches(new Uint8Array(Buffer.concat(result.parts)));
    expect(result.nextOffset <= partition.highWatermark, `${model.name}: read to ${result.nextOffset}, past the high watermark ${partition.highWatermark}`);
    expect(result.bytes === result.parts.reduce((sum, part) => sum + part.length, 0), `${model.name}: a read says ${result.bytes} bytes, and gave others`);
    expect(result.bytes <= bytesMax || found.length === 1 && atLeastOne, `${model.name}: read ${result.bytes} bytes where ${bytesMax} were asked for`);
    if (offset < model.start) return; // dropped while it was read
    model.checkRead(offset, found, result.nextOffset);
    if (model.synced) model.keep(result.nextOffset);
  }

  async #readThrough(partition: Partition, model: PartitionModel): Promise<void> {
    const end = partition.highWatermark;
    for (let offset = partition.logStartOffset; offset < end;) {
      const result = await partition.read(offset, 100_000, true);
      this.#checkRead(model, partition, offset, result, 100_000);
      expect(result.nextOffset > offset, `${model.name}: a read from ${offset} of ${end} gave nothing`);
      offset = result.nextOffset;
      result.release();
    }
  }

  async #deleteBefore(model: PartitionModel): Promise<void> {
    const partition = this.#partition(model);
    const offset = this.#random.between(partition.logStartOffset, partition.highWatermark);
    model.startAsked = Math.max(model.startAsked, offset);
    const start = await this.#allowed(partition.deleteBefore(offset));
    if (start === undefined) return;
    expect(start >= offset, `${model.name}: deleted before ${offset} but starts at ${start}`);
    model.checkStart(partition.logStartOffset, this.#nowMs());
  }

  async #lookUp(model: PartitionModel): Promise<void> {
    const partition = this.#partition(model);
    const timestampMs = this.#random.chance(0.5) ? this.#nowMs() - this.#random.below(2000) : model.someTimestamp(this.#random) + this.#random.pick([-1, 0, 0, 1]);
    const before = this.#answerAt(model, partition, timestampMs);
    const found = await this.#allowed(partition.offsetForTimestamp(timestampMs).then((answer) => ({ answer })));
    if (found === undefined || model.life !== 'live') return;
    const after = this.#answerAt(model, partition, timestampMs);
    const offset = found.answer?.offset ?? null;
    expect(offset === before || offset === after, `${model.name}: first record at or after ${timestampMs} is ${String(after)}, not ${String(offset)}`);
  }

  /** What is refused for a reason of its own, whatever the drive does. */
  async #askWrongly(model: PartitionModel): Promise<void> {
    const partition = this.#partition(model);
    const { logStartOffset, endOffset, highWatermark } = partition;
    const wrong: [string, () => Promise<unknown>, string][] = [
      ['a read before its start', () => Promise.resolve(this.#readNow(partition, logStartOffset - 1, 100, true)), 'offset-out-of-range'],
      ['a read past its end', () => Promise.resolve(this.#readNow(partition, endOffset + 1, 100, true)), 'offset-out-of-range'],
      ['deleting past the high watermark', () => partition.deleteBefore(highWatermark + 1), 'offset-out-of-range'],
      ['deleting before -1', () => partition.deleteBefore(-1), 'offset-out-of-range'],
      ['making it again', () => this.#log.create(model.name, model.config), 'topic-exists'],
      ['a partition without a number', () => this.#log.create('no number', model.config), 'invalid-argument'],
      ['removing what is not there', () => this.#log.remove('nobody-0'), 'topic-not-found'],
    ];
    const [what, ask, code] = this.#random.pick(wrong);
    const told = await ask().then(() => 'done', (error: unknown) => (isMillraceError(error) ? error.code : String(error)));
    expect(told === code, `${model.name}: ${what} (${logStartOffset}..${highWatermark}..${endOffset}) was answered '${told}'`);
  }

  #answerAt(model: PartitionModel, partition: Partition, timestampMs: number): number | null {
    return model.offsetForTimestamp(timestampMs, partition.logStartOffset, partition.highWatermark);
  }

  /** Waits for something that may be refused because of a fault. Undefined when it was. */
  async #allowed<T>(promise: Promise<T>): Promise<T | undefined> {
    try {
      return await promise;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#world.trace(`refused: ${error.code}`);
      return undefined;
    }
  }

  #watch(model: PartitionModel, partition: Partition): void {
    partition.onAdvance(() => this.#guard(() => {
      const last = this.#watermarks.get(model.name) ?? 0;
      expect(partition.highWatermark >= last, `${model.name}: the high watermark went back from ${last} to ${partition.highWatermark}`);
      expect(partition.logStartOffset <= partition.highWatermark && partition.highWatermark <= partition.endOffset, `${model.name}: start, high watermark and end are in order`);
      this.#watermarks.set(model.name, partition.highWatermark);
      model.checkStart(partition.logStartOffset, this.#nowMs());
    }));
  }

  #partition(model: PartitionModel): Partition {
    const partition = this.#log.partitions.get(model.name);
    expect(partition !== undefined, `partition '${model.name}' is gone`);
    return partition;
  }

  #batch(model: PartitionModel): { bytes: Uint8Array; offsetCount: number; maxTimestampMs: number; timestampsMs: number[] } {
    const count = this.#random.pick([1, 1, 2, 5, 20]);
    const size = this.#random.pick([10, 10, 100, 1000]) * (this.#random.chance(0.03) ? 100 : 1);
    const timestampsMs = Array.from({ length: count }, () => this.#nowMs() - this.#random.below(200));
    const filler = this.#random.uint32().toString(36);
    const bytes = buildBatch(timestampsMs.map((timestampMs, index) => ({ timestampMs, key: null, value: `${model.name} ${index} ${filler.repeat(Math.ceil(size / filler.length))}` })));
    return { bytes, offsetCount: count, maxTimestampMs: Math.max(...timestampsMs), timestampsMs };
  }

  #config(): PartitionConfig {
    const keeps = this.#random.chance(0.5);
    return {
      segmentBytes: this.#random.pick([4_000, 50_000, 1 << 20]),
      segmentMs: this.#random.pick([100, 1000, 1 << 30]),
      retentionBytes: keeps ? -1 : this.#random.pick([0, 10_000, 200_000]),
      retentionMs: keeps || this.#random.chance(0.5) ? -1 : this.#random.pick([100, 1000]),
      durability: this.#random.chance(0.75) ? 'synced' : 'page-cache',
    };
  }

  #nowMs(): number { return epochMs + Math.floor(this.#world.time.nowMs); }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => { this.#later(ms, resolve); });
  }

  /** The simulation's own event, which ends with the process and does not count as one of its timers. */
  #later(ms: number, act: () => void): void {
    this.#world.time.schedule(ms, () => { if (this.#process.alive) act(); });
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.violation ??= error instanceof Error ? error : new Error(String(error));
  }
}

/** Failures that a caller of a log under faults must expect. */
function isRefusal(error: unknown): error is Error & { code: string } {
  return isMillraceError(error) && ['disk-full', 'storage-failed', 'overloaded', 'closed', 'topic-not-found', 'offset-out-of-range', 'topic-exists'].includes(error.code);
}
