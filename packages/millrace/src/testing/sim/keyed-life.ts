// testing/sim/keyed-life.ts - compacted partitions beside the others of a simulated log: updates, tombstones, transactions, readers from the start.
// Owns: what is done to them in one life. Never: the truth (keyed-model.ts), faults. Compaction runs by itself, all the time and under every fault.
import { isMillraceError } from '../../base/mod.ts';
import type { CompactionConfig, CompactionFacts, Log, Partition, PartitionConfig } from '../../log/mod.ts';
import { endTransactionBatch } from '../../wire/mod.ts';
import { BatchBuilder } from '../../wire/mod.ts';
import { epochMs } from '../fake-clock.ts';
import type { FakeProcess } from '../fake-process.ts';
import type { FakeRandom } from '../fake-random.ts';
import type { World } from '../world.ts';
import { expect } from './log-model.ts';
import { batchesOf, KeyedModel, keyedProducer, type KeyedAppend } from './keyed-model.ts';
import type { FoundBatch } from './sim-batch.ts';

const names = ['keyed-0', 'keyed-1'];
const keysMax = 12;
const codecs = ['none', 'none', 'none', 'gzip', 'zstd'] as const;

/** True for partitions of this file. */
export const isKeyedName = (name: string): boolean => names.includes(name);

/** What a seed does to its compacted partitions, over all lives. */
export class KeyedTruth {
  readonly models = new Map<string, KeyedModel>();
  readonly #configs = new Map<string, PartitionConfig>();
  readonly #random: FakeRandom;

  constructor(random: FakeRandom) { this.#random = random; }

  /** The configuration a partition is opened with. */
  configOf(name: string): PartitionConfig { return this.#configs.get(name) ?? this.draw(name); }

  /** Draws a new one. */
  draw(name: string): PartitionConfig {
    const random = this.#random;
    const compaction: CompactionConfig = { dirtyRatioMin: random.pick([0, 0.3, 0.6]), lagMsMin: random.pick([0, 0, 50]), lagMsMax: random.pick([Number.MAX_SAFE_INTEGER, 300]), deleteRetentionMs: random.pick([0, 200, 60_000]) };
    const config: PartitionConfig = {
      segmentBytes: random.pick([1_000, 3_000, 20_000]), segmentMs: random.pick([200, 1 << 30]), retentionBytes: -1, retentionMs: -1, durability: 'synced',
      compaction, fileDeleteDelayMs: random.pick([0, 100, 5_000]), indexIntervalBytes: random.pick([200, 4096]), segmentJitterMs: random.pick([0, 100]),
    };
    this.#configs.set(name, config);
    const model = this.models.get(name);
    if (model !== undefined) model.deleteRetentionLeastMs = Math.min(model.deleteRetentionLeastMs, compaction.deleteRetentionMs);
    return config;
  }

  /** A log was opened. */
  opened(log: Log): void {
    for (const [name, model] of this.models) {
      const partition = log.partitions.get(name);
      expect(partition !== undefined || model.keptUntil === 0, `partition '${name}' is gone`);
      model.opened(partition?.endOffset ?? 0);
    }
  }

  /** Compares a restored copy: what it holds is what was there at some moment. */
  async checkCopy(log: Log, nowMs: number): Promise<void> {
    for (const [name, model] of this.models) {
      const partition = log.partitions.get(name);
      if (partition !== undefined) model.check(await readAll(partition), partition.endOffset, nowMs);
    }
  }
}

/** One life of the compacted partitions. */
export class KeyedLife {
  readonly #world: World;
  readonly #process: FakeProcess;
  readonly #log: Log;
  readonly #truth: KeyedTruth;
  readonly #random: FakeRandom;
  #stopped = false;
  #acting = 0;
  readonly #fail: (error: unknown) => void;

  constructor(world: World, process: FakeProcess, log: Log, truth: KeyedTruth, random: FakeRandom, fail: (error: unknown) => void) {
    this.#world = world;
    this.#process = process;
    this.#log = log;
    this.#truth = truth;
    this.#random = random;
    this.#fail = fail;
    log.guideCompaction({ look: (partition) => this.#look(partition), compacted: () => {} });
    log.configureCleaner({
      enabled: true, threads: random.between(1, 2), mapBytes: random.pick([1, 1 << 20]), mapFill: 0.9, bufferBytes: 1, bytesPerSecondMax: random.pick([Number.MAX_VALUE, 1_000_000]), backoffMs: random.pick([10, 100, 500]),
    });
  }

  start(): void { for (let actor = 0; actor < 2; actor++) this.#actLater(); }

  stop(): void { this.#stopped = true; }

  async quiet(): Promise<void> {
    while (this.#acting > 0) await this.#sleep(1);
  }

  /** All that must be there is there. */
  async checkAll(): Promise<void> {
    for (const name of names) if (this.#log.partitions.has(name)) await this.#read(name);
  }

  /** With nothing in the way compaction leaves little more than one record of each key. */
  async compactAll(): Promise<void> {
    for (const name of names) {
      const partition = this.#log.partitions.get(name);
      if (partition === undefined) continue;
      const model = this.#truth.models.get(name)!;
      partition.configure({ ...this.#truth.configOf(name), segmentBytes: 500, segmentMs: 1, compaction: { dirtyRatioMin: 0, lagMsMin: 0, lagMsMax: Number.MAX_SAFE_INTEGER, deleteRetentionMs: 0 } });
      model.deleteRetentionLeastMs = 0;
      if (model.firstOpen() < Infinity) await this.#append(name, 'marker');
      for (let count = 0; count < 3; count++) {
        await this.#append(name, 'records', 5);
        await this.#sleep(10);
      }
      await this.#log.checkpoint();
      await this.#log.applyCompaction();
      await this.#read(name);
      const stored = partition.sizeBytes;
      expect(stored < 6_000, `${name}: ${stored} bytes are left after compaction`);
    }
  }

  /** What a broker would know. */
  #look(partition: Partition): CompactionFacts | null {
    const model = this.#truth.models.get(partition.name);
    if (model === undefined) return { stableOffset: partition.highWatermark, aborted: [], producers: [] };
    const stableOffset = Math.min(partition.highWatermark, model.firstOpen(partition.highWatermark)); // a marker that is not durable decides nothing
    const lastOffset = model.lastOfProducer(model.end);
    return { stableOffset, aborted: model.aborted().filter((range) => range.lastOffset < stableOffset), producers: lastOffset < 0 ? [] : [{ producerId: keyedProducer.id, epoch: keyedProducer.epoch, lastOffset }] };
  }

  #actLater(): void {
    this.#later(this.#random.exponential(8), () => {
      if (this.#stopped) return;
      this.#acting++;
      this.#act().catch((error: unknown) => { if (!isRefusal(error)) this.#fail(error); }).finally(() => {
        this.#acting--;
        this.#actLater();
      });
    });
  }

  async #act(): Promise<void> {
    const name = this.#random.pick(names);
    const partition = this.#log.partitions.get(name);
    if (partition === undefined) return this.#create(name);
    const draw = this.#random.below(100);
    if (draw < 70) return this.#append(name, this.#random.chance(0.25) ? 'marker' : 'records');
    if (draw < 92) return this.#read(name);
    if (draw < 95) partition.configure(this.#truth.draw(name));
    else await this.#log.applyCompaction();
  }

  async #create(name: string): Promise<void> {
    const model = this.#truth.models.get(name) ?? new KeyedModel(name);
    this.#truth.models.set(name, model);
    const config = this.#truth.draw(name);
    this.#world.trace(`create ${name}`);
    await this.#log.create(name, config);
  }

  async #append(name: string, what: 'records' | 'marker', count = this.#random.pick([1, 1, 3, 8])): Promise<void> {
    const partition = this.#log.partitions.get(name)!;
    const model = this.#truth.models.get(name)!;
    if (what === 'marker' && model.firstOpen() === Infinity) return;
    const { bytes, append, maxTimestampMs } = what === 'marker' ? this.#marker(model) : this.#records(model, count);
    await new Promise<void>((resolve, reject) => {
      const { baseOffset, nextOffset } = partition.append([{ bytes, offsetCount: Math.max(1, append.records.length), maxTimestampMs }], (error) => {
        if (error !== null) return reject(error);
        model.keptUntil = Math.max(model.keptUntil, nextOffset);
        resolve();
      });
      model.appended({ ...append, baseOffset, nextOffset });
      this.#world.trace(`append ${name} ${baseOffset}..${nextOffset} ${append.marker ?? (append.transactional ? 'in a transaction' : '')}`);
    });
  }

  #records(model: KeyedModel, count: number): { bytes: Uint8Array; append: Omit<KeyedAppend, 'baseOffset' | 'nextOffset'>; maxTimestampMs: number } {
    const random = this.#random;
    const records = Array.from({ length: count }, () => ({
      key: `k${random.below(keysMax)}`, value: random.chance(0.2) ? null : `${random.uint32().toString(36)}${'v'.repeat(random.pick([0, 40, 200]))}`, timestampMs: this.#nowMs() - random.below(20),
    }));
    const transactional = model.firstOpen() < Infinity ? random.chance(0.6) : random.chance(0.2);
    const builder = new BatchBuilder();
    for (const { key, value, timestampMs } of records) builder.append(timestampMs, key, value);
    const producer = transactional ? { producerId: keyedProducer.id, producerEpoch: keyedProducer.epoch, baseSequence: model.nextSequence, transactional } : {};
    return {
      bytes: builder.finish({ codec: random.pick(codecs), ...producer }), maxTimestampMs: Math.max(...records.map(({ timestampMs }) => timestampMs)),
      append: { records, appendedMs: this.#nowMs(), transactional, marker: null, sequence: transactional ? model.nextSequence : -1 },
    };
  }

  #marker(model: KeyedModel): { bytes: Uint8Array; append: Omit<KeyedAppend, 'baseOffset' | 'nextOffset'>; maxTimestampMs: number } {
    const marker = this.#random.chance(0.5) ? 'abort' : 'commit';
    const nowMs = this.#nowMs();
    const bytes = endTransactionBatch(marker, nowMs, 0, { producerId: keyedProducer.id, producerEpoch: keyedProducer.epoch });
    return { bytes, append: { records: [], appendedMs: nowMs, transactional: true, marker, sequence: model.nextSequence }, maxTimestampMs: nowMs };
  }

  async #read(name: string): Promise<void> {
    const partition = this.#log.partitions.get(name)!;
    const bytesMax = this.#random.pick([1, 300, 2_000, 100_000]);
    const found: FoundBatch[] = [];
    let offset = partition.logStartOffset;
    while (offset < partition.highWatermark) {
      const result = await partition.read(offset, bytesMax, true);
      const batches = batchesOf(result.parts);
      result.release();
      expect(result.nextOffset > offset || batches.length === 0, `${name}: a read at ${offset} goes on`);
      if (batches.length === 0) await this.#sleep(1); // in a gap, while what follows moved
      found.push(...batches);
      offset = Math.max(offset, result.nextOffset);
    }
    const model = this.#truth.models.get(name)!;
    model.check(found, offset, this.#nowMs());
    model.keptUntil = Math.max(model.keptUntil, offset);
    this.#world.trace(`read ${name}: ${found.length} batches up to ${offset}`);
  }

  #nowMs(): number { return epochMs + Math.floor(this.#world.time.nowMs); }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => { this.#later(ms, resolve); });
  }

  #later(ms: number, act: () => void): void {
    this.#world.time.schedule(ms, () => { if (this.#process.alive) act(); });
  }
}

/** Everything that a partition holds. */
async function readAll(partition: Partition): Promise<FoundBatch[]> {
  const found: FoundBatch[] = [];
  for (let offset = partition.logStartOffset; offset < partition.highWatermark;) {
    const result = await partition.read(offset, 100_000, true);
    found.push(...batchesOf(result.parts));
    result.release();
    expect(result.nextOffset > offset, `${partition.name}: a read at ${offset} goes on`);
    offset = result.nextOffset;
  }
  return found;
}

function isRefusal(error: unknown): boolean {
  return isMillraceError(error) && ['disk-full', 'storage-failed', 'overloaded', 'closed', 'topic-exists'].includes(error.code);
}
