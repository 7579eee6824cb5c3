// client/move/move.ts - moves topics with their records, settings and group positions from one cluster to another, while both serve.
// Owns: the order of a move, what happens after a failure. Never: how records are read (source-reader.ts) and written (exact-target.ts, mapped-target.ts).
// H1 A move may be killed at any point, and so may either side: started again it goes on from what the target says, and copies nothing twice.
// H2 Nothing is changed at the source. H3 The cutover ends a move: it is refused while the source is still written to.
import { isMillraceError, MillraceError, sleep } from '../../base/mod.ts';
import { Admin } from '../admin/admin.ts';
import { openCluster } from '../client.ts';
import type { Cluster } from '../net/cluster.ts';
import { partitionKey, type TopicPartition } from '../partitions.ts';
import { ExactTarget } from './exact-target.ts';
import { MappedTarget } from './mapped-target.ts';
import type { CutoverReport, MoveOptions, MovePlan, MoveProgress, MovedGroup, TopicPlan, VerifyReport } from './options.ts';
import { changeAtCutover, importDone, importKey, kindOf, makePlan, settingsMeanwhile, sourceName } from './plan.ts';
import { SourceReader } from './source-reader.ts';
import type { MoveTarget } from './target.ts';
import { verify, type Stretch } from './verify.ts';

const retryMs = 500;
const progressEveryMs = 1_000;
const quietMs = 1_000;
const quietChecksMax = 30;

interface Place extends TopicPartition { sourceStart: number; sourceEnd: number }

/** One move. `close()` it, or `await using`; what is copied stays, and another Move of the same clusters goes on from there. */
export class Move {
  readonly plan: MovePlan;
  readonly #options: MoveOptions;
  readonly #source: Cluster;
  readonly #target: Cluster;
  readonly #writer: MoveTarget;
  readonly #places: Place[] = [];
  #reader: SourceReader;
  #records = 0;
  #bytes = 0;
  #told = { atMs: 0, records: 0, bytes: 0 };

  private constructor(plan: MovePlan, options: MoveOptions, source: Cluster, target: Cluster, writer: MoveTarget) {
    this.plan = plan;
    this.#options = options;
    this.#source = source;
    this.#target = target;
    this.#writer = writer;
    for (const { topic, partitions, state } of plan.topics) if (state !== 'done' || options.onlyVerify === true) for (let partition = 0; partition < partitions; partition++) this.#places.push({ topic, partition, sourceStart: 0, sourceEnd: 0 });
    this.#reader = this.#newReader();
  }

  /**
   * Connects to both sides and makes the plan; nothing is changed yet. Rejects 'disconnected' or 'timeout' when one does not answer, 'topic-exists' for a topic of
   * the target that this move has not begun, 'invalid-argument' when there is nothing to move or both sides are one cluster.
   */
  static async open(options: MoveOptions): Promise<Move> {
    const source = await openCluster(options.from, { clientId: 'millrace-move', autoCreateTopics: false, waitForServer: false, ...options.fromOptions });
    try {
      const target = await openCluster(options.to, { clientId: 'millrace-move', autoCreateTopics: false, waitForServer: false, ...options.toOptions });
      try {
        return await Move.#between(options, source, target);
      } catch (error) {
        target.close();
        throw error;
      }
    } catch (error) {
      source.close();
      throw error;
    }
  }

  static async #between(options: MoveOptions, source: Cluster, target: Cluster): Promise<Move> {
    const sourceId = source.view.clusterId ?? '';
    if (sourceId === '') throw new MillraceError('unsupported-version', 'Cannot move: the source does not say which cluster it is');
    if (sourceId === target.view.clusterId) throw new MillraceError('invalid-argument', `Cannot move: both sides are cluster ${sourceId}`);
    const kind = await kindOf(target);
    const admin = new Admin(target, target.options.requestTimeoutMs);
    const ids = new Map<string, string>();
    const idOf = (topic: string): string => ids.get(topic) ?? '';
    const mapped = new MappedTarget(target, sourceId, idOf);
    const stateOf = async (topic: string, topicId: string): Promise<TopicPlan['state']> => {
      ids.set(topic, topicId);
      if (kind === 'mapped') return await mapped.hasBegun(topic) ? 'begun' : 'new';
      const [described] = await admin.describeConfigs([{ kind: 'topic', name: topic }], { names: [importKey] });
      const value = described!.configs.find(({ name }) => name === importKey)?.value;
      const name = sourceName(sourceId, topicId);
      return value === name ? 'begun' : value === importDone + name ? 'done' : 'new';
    };
    const plan = await insist(source, () => makePlan({ source, target, sourceId, kind, stateOf }, options));
    for (const { topic, topicId } of plan.topics) ids.set(topic, topicId);
    return new Move(plan, options, source, target, kind === 'exact' ? new ExactTarget(target, (topic) => sourceName(sourceId, idOf(topic))) : mapped);
  }

  /** Creates the topics that are not there yet, and partitions that the source has got since. */
  async prepare(): Promise<void> {
    const admin = this.#admin(this.#target);
    const there = new Set(await admin.listTopics({ internal: true }));
    for (const topic of this.plan.topics) {
      const configs = settingsMeanwhile(topic, this.plan.kind, this.plan.sourceId);
      if (there.has(topic.topic) && topic.state !== 'new') { await this.#widen(topic); continue; }
      let isMade = there.has(topic.topic);
      await insist(this.#target, async () => {
        // One that came to be though the answer was lost is ours, too.
        if (!isMade) await admin.createTopics([{ topic: topic.topic, partitions: topic.partitions, configs }]).catch((error: unknown) => { if (!isMillraceError(error, 'topic-exists')) throw error; });
        else await admin.alterConfigs([{ kind: 'topic', name: topic.topic, set: configs }]);
        isMade = true;
      });
    }
    const fresh = this.plan.topics.filter(({ state }) => state === 'new').map(({ topic }) => topic);
    if (fresh.length > 0) await insist(this.#target, () => this.#writer.claim(fresh));
  }

  /** Copies until the target has all that the source had when it was called. Waits out either side being away; `stop` ends it early. */
  async copy(stop?: AbortSignal): Promise<void> {
    await this.#untilDone('copying', stop, true);
  }

  /** Copies what is there and what comes, until stopped. */
  async follow(stop: AbortSignal): Promise<void> {
    while (!stop.aborted && this.#places.length > 0) await this.#untilDone('following', stop, false);
  }

  /**
   * Ends the move: waits until the source is quiet and all of it copied, verifies, moves group positions, and gives topics the source's settings and to producers. Rejects
   * 'unavailable' while producers still write to the source, 'data-damaged' when the two sides differ (nothing is given over then).
   */
  async cutover(options: { readonly verify?: boolean } = {}): Promise<CutoverReport> {
    await this.#checkSource();
    await this.#untilQuiet();
    await this.#checkSource();
    await this.#writer.finish(this.#places);
    const verified = options.verify === false ? null : await this.verify();
    if (verified !== null && !verified.isEqual) {
      const different = verified.partitions.filter(({ isEqual }) => !isEqual).map(({ topic, partition }) => partitionKey(topic, partition));
      throw new MillraceError('data-damaged', `Cannot cut over: source and target differ in ${different.join(', ')}`, { verified });
    }
    const groups = await this.#moveGroups();
    const admin = this.#admin(this.#target);
    for (const topic of this.plan.topics) {
      if (topic.state === 'done') continue;
      const { set, unset } = changeAtCutover(topic, this.plan.kind, this.plan.sourceId);
      await insist(this.#target, () => admin.alterConfigs([{ kind: 'topic', name: topic.topic, set, unset }]));
    }
    return { groups, verified };
  }

  /** Reads both sides as far as they are copied and compares every record. */
  async verify(): Promise<VerifyReport> {
    await this.#locate();
    const resumed = await this.#writer.progress(this.#places);
    const stretches = this.#places.map(({ topic, partition, sourceStart, sourceEnd }): Stretch => {
      const to = Math.max(sourceStart, Math.min(sourceEnd, resumed.get(partitionKey(topic, partition))!.sourceOffset));
      return { topic, partition, source: { from: sourceStart, to }, target: this.#writer.range({ topic, partition }, sourceStart, to) };
    });
    let left = stretches.reduce((sum, { source }) => sum + source.to - source.from, 0);
    this.#begin();
    return await verify({ source: this.#source, target: this.#target }, stretches, this.plan.kind === 'exact', (offsets) => {
      left -= offsets;
      this.#records += offsets;
      this.#tell('verifying', left);
    });
  }

  async close(): Promise<void> {
    await this.#writer.close().catch(() => {});
    this.#source.close();
    this.#target.close();
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.close(); }

  #admin(cluster: Cluster): Admin { return new Admin(cluster, cluster.options.requestTimeoutMs); }

  #newReader(): SourceReader {
    return new SourceReader(this.#source, 'move', ({ topic, partition }, from, to) => this.#note(`${partitionKey(topic, partition)}: the source has deleted offsets ${from} to ${to} before they were copied`));
  }

  #note(line: string): void { this.#options.onNote?.(line); }

  /** Where the source starts and ends now, for who reads committed records. */
  async #locate(): Promise<void> {
    const admin = this.#admin(this.#source);
    const [starts, ends] = await Promise.all((['earliest', 'latest'] as const).map((at) => admin.listOffsets(this.#places.map(({ topic, partition }) => ({ topic, partition, at })), { isolation: 'read_committed' })));
    this.#places.forEach((place, i) => {
      place.sourceStart = starts![i]!.offset;
      place.sourceEnd = ends![i]!.offset;
    });
  }

  /** One pass to the source's present end; begun again after every failure that may pass (H1). */
  async #untilDone(phase: MoveProgress['phase'], stop: AbortSignal | undefined, ends: boolean): Promise<void> {
    this.#begin();
    for (;;) {
      try {
        await this.#locate();
        const resumed = await this.#writer.resume(this.#places);
        this.#reader = this.#newReader();
        for (const place of this.#places) this.#reader.follow(place, resumed.get(partitionKey(place.topic, place.partition))!.sourceOffset, ends ? place.sourceEnd : Infinity);
        return await this.#rounds(phase, stop, ends);
      } catch (error) {
        if (!isMillraceError(error) || !error.retry) throw error;
        if (stop?.aborted === true) return;
        this.#note(`${error.message}; trying again`);
        await sleep(this.#source.ports, retryMs);
      }
    }
  }

  async #rounds(phase: MoveProgress['phase'], stop: AbortSignal | undefined, ends: boolean): Promise<void> {
    while (stop?.aborted !== true && !(ends && this.#reader.open === 0)) {
      const parts = await this.#reader.round(true);
      const { records, bytes } = await this.#writer.write(parts);
      for (const part of parts) this.#reader.taken(part);
      this.#records += records;
      this.#bytes += bytes;
      if (!ends && this.#isTimeToTell) await this.#locate();
      this.#tell(phase, this.#places.reduce((sum, place) => sum + Math.max(0, place.sourceEnd - this.#reader.position(place)), 0));
    }
  }

  async #widen({ topic, partitions, state }: TopicPlan): Promise<void> {
    const [there] = await this.#admin(this.#target).describeTopics([topic]);
    if (state === 'begun' && there!.partitions.length < partitions) await insist(this.#target, () => this.#admin(this.#target).createPartitions(topic, partitions));
  }

  /** The source's topics are those of the plan: not made again, not wider. */
  async #checkSource(): Promise<void> {
    const moving = this.plan.topics.filter(({ state }) => state !== 'done');
    const now = await insist(this.#source, () => this.#admin(this.#source).describeTopics(moving.map(({ topic }) => topic)));
    moving.forEach(({ topic, topicId, partitions }, i) => {
      if (now[i]!.topicId !== topicId || now[i]!.partitions.length !== partitions) throw new MillraceError('unavailable', `Cannot cut over: topic '${topic}' of the source has changed since the plan was made; make a new one`, { topic });
    });
  }

  /** H3. */
  async #untilQuiet(): Promise<void> {
    for (let check = 0; check < quietChecksMax; check++) {
      await this.copy();
      const before = this.#places.map(({ sourceEnd }) => sourceEnd);
      await sleep(this.#source.ports, quietMs);
      await this.#locate();
      const busy = this.#places.filter(({ sourceEnd }, i) => sourceEnd !== before[i]);
      const ends = await this.#admin(this.#source).listOffsets(this.#places.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const })));
      const open = this.#places.filter(({ sourceEnd }, i) => ends[i]!.offset !== sourceEnd);
      if (busy.length === 0 && open.length === 0) return;
      const where = [...busy, ...open].map(({ topic, partition }) => partitionKey(topic, partition));
      this.#note(`the source is still written to, or a transaction is open, in ${where.slice(0, 5).join(', ')}${where.length > 5 ? ' and others' : ''}`);
    }
    throw new MillraceError('unavailable', 'Cannot cut over: the source is still written to; stop its producers first');
  }

  async #moveGroups(): Promise<MovedGroup[]> {
    const moved: MovedGroup[] = [];
    const places = new Map(this.#places.map((place) => [partitionKey(place.topic, place.partition), place]));
    for (const group of this.plan.groups) {
      const committed = (await this.#admin(this.#source).groupOffsets(group)).filter(({ topic, partition }) => places.has(partitionKey(topic, partition)));
      if (committed.length === 0) continue;
      const offsets = committed.map(({ topic, partition, offset, metadata }) => ({ topic, partition, metadata, offset: this.#writer.translate({ topic, partition }, offset) }));
      try {
        await this.#admin(this.#target).setGroupOffsets(group, offsets);
        moved.push({ group, positions: offsets.length });
      } catch (error) {
        if (!isMillraceError(error)) throw error;
        moved.push({ group, positions: 0, failure: error.message });
      }
    }
    return moved;
  }

  #begin(): void {
    this.#records = this.#bytes = 0;
    this.#told = { atMs: this.#source.ports.clock.monotonicMs(), records: 0, bytes: 0 };
  }

  get #isTimeToTell(): boolean { return this.#source.ports.clock.monotonicMs() - this.#told.atMs >= progressEveryMs; }

  #tell(phase: MoveProgress['phase'], offsetsLeft: number): void {
    if (!this.#isTimeToTell) return;
    const nowMs = this.#source.ports.clock.monotonicMs();
    const seconds = (nowMs - this.#told.atMs) / 1000;
    const recordsPerSecond = (this.#records - this.#told.records) / seconds;
    const bytesPerSecond = (this.#bytes - this.#told.bytes) / seconds;
    this.#told = { atMs: nowMs, records: this.#records, bytes: this.#bytes };
    this.#options.onProgress?.({ phase, records: this.#records, bytes: this.#bytes, recordsPerSecond, bytesPerSecond, offsetsLeft, secondsLeft: recordsPerSecond > 0 ? offsetsLeft / recordsPerSecond : null });
  }
}

const insistMax = 20;

/** Does what may be done again until it is done; a failure that does not pass, or does not pass for ten seconds, is thrown. */
async function insist<T>(cluster: Cluster, act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!isMillraceError(error) || !error.retry || attempt >= insistMax) throw error;
      await sleep(cluster.ports, retryMs);
    }
  }
}
