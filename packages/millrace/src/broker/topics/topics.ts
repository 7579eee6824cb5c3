// broker/topics/topics.ts - the topics of a node: carries out what step.ts decides, and serves lookups.
// Owns: the order of I/O for topics, the maps by name and id. Never: requests.
// Records: one per topic under the key 'topic/<name>' of the metadata partition.
import { assert, limits, MillraceError, type Report } from '../../base/mod.ts';
import type { Log } from '../../log/mod.ts';
import type { Random } from '../../os/mod.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { resolveTopicSettings } from '../config/topic-config.ts';
import { uuidText } from '../../wire/mod.ts';
import type { KeyedLog } from '../keyed-log.ts';
import { emptyTopics, refusalOfCreate, replay, step, type TopicEffect, type TopicEvent, type TopicRecord, type TopicRefusal } from './step.ts';
import { hiddenPrefix, isInternalTopic, partitionName } from './topic-name.ts';
import { Topic, TopicPartition } from './topic.ts';

const keyPrefix = 'topic/';
/** Partitions made or removed together: they share the journal's groups. */
const changesAtOnce = 64;

/** A change of topics that the state does not allow. */
export class TopicRefused extends Error {
  override readonly name = 'TopicRefused';
  readonly why: TopicRefusal;
  readonly other: string | undefined;
  constructor(why: TopicRefusal, other?: string) {
    super(why);
    this.why = why;
    this.other = other;
  }
}

/** Told of topics that come, change and go, after it is durable. */
export interface TopicsListener {
  partitionShown?(partition: TopicPartition): void;
  topicHidden?(topic: Topic): void;
}

/** The topics of a node. */
export class Topics {
  readonly #log: Log;
  readonly #metadata: KeyedLog;
  readonly #config: NodeConfig;
  readonly #random: Random;
  readonly #report: Report;
  readonly #state = emptyTopics();
  readonly #byName = new Map<string, Topic>();
  readonly #byId = new Map<string, Topic>();
  readonly #listeners: TopicsListener[] = [];
  /** Changes being carried out, by topic; they never reject. */
  readonly #underWay = new Map<string, Promise<void>>();
  #partitionCount = 0;

  constructor(log: Log, metadata: KeyedLog, config: NodeConfig, random: Random, report: Report) {
    this.#log = log;
    this.#metadata = metadata;
    this.#config = config;
    this.#random = random;
    this.#report = report;
    config.onChange(() => { for (const topic of this.#byName.values()) this.#applySettings(topic); });
  }

  /** Brings back every topic; makes partitions that are recorded but missing, and removes those that no topic owns. */
  async open(): Promise<void> {
    const owned = new Set<string>();
    for (const [key, value] of this.#metadata.values) {
      if (!key.startsWith(keyPrefix)) continue;
      const record = recordOf(value);
      replay(this.#state, record.name, record);
      for (let index = 0; index < record.partitionCount; index++) owned.add(partitionName(record.name, index));
    }
    for (const name of [...this.#log.partitions.keys()]) {
      if (owned.has(name) || name.startsWith(hiddenPrefix)) continue;
      this.#report(`partition ${name} belongs to no topic (left by an interrupted creation or deletion): removed`, 'warn');
      await this.#log.remove(name);
    }
    for (const { record } of this.#state.byName.values()) {
      await this.#createMissing(record);
      this.#show(record);
    }
  }

  /** Served topics by name, in the order of creation. */
  get all(): ReadonlyMap<string, Topic> { return this.#byName; }
  /** Partitions of all topics. */
  get partitionCount(): number { return this.#partitionCount; }
  byName(name: string): Topic | undefined { return this.#byName.get(name); }
  byId(id: string): Topic | undefined { return this.#byId.get(id); }
  partition(name: string, index: number): TopicPartition | undefined { return this.#byName.get(name)?.partitions[index]; }
  /** True for a name in use, be it by a topic that is just being made or removed. */
  isTaken(name: string): boolean { return this.#state.byName.has(name); }
  listen(listener: TopicsListener): void { this.#listeners.push(listener); }

  /** Creates a topic; name and config have been checked. Throws TopicRefused, 'overloaded', or what the log says. */
  async create(name: string, partitionCount: number, config: ReadonlyMap<string, string>): Promise<Topic> {
    this.#checkRoom(partitionCount);
    const record = { name, id: newTopicId(this.#random), partitionCount, config };
    await this.#change({ kind: 'create', record });
    return this.#byName.get(name)!;
  }

  /** Why create would be refused; null when it would not. */
  refusalOfCreate(name: string): TopicRefused | null {
    const refusal = refusalOfCreate(this.#state, name);
    return refusal === null ? null : new TopicRefused(refusal.why, refusal.other);
  }

  /** Raises the number of partitions. */
  async grow(name: string, partitionCount: number): Promise<void> {
    this.#checkRoom(partitionCount - (this.#byName.get(name)?.partitions.length ?? 0));
    await this.#change({ kind: 'grow', name, partitionCount });
  }

  /** Replaces the topic's own configuration, which has been checked. */
  async configure(name: string, config: ReadonlyMap<string, string>): Promise<void> {
    await this.#change({ kind: 'configure', name, config });
  }

  /** Deletes a topic. Resolves once it is gone, its data included. */
  async remove(name: string): Promise<void> {
    await this.#change({ kind: 'delete', name });
  }

  #checkRoom(added: number): void {
    if (this.#partitionCount + added > limits.broker.partitionsMax) {
      throw new MillraceError('overloaded', `Cannot create ${added} partitions: the node holds at most ${limits.broker.partitionsMax}`, { partitionsMax: limits.broker.partitionsMax });
    }
  }

  /** Makes a change once the one under way for the same topic is over (T3). */
  async #change(event: TopicEvent): Promise<void> {
    const name = event.kind === 'create' ? event.record.name : event.name;
    for (;;) {
      const result = step(this.#state, event);
      if (result.kind === 'effects') {
        const change = this.#carryOutAll(name, result.effects);
        this.#underWay.set(name, change.catch(() => {}));
        return change;
      }
      if (result.why !== 'busy') throw new TopicRefused(result.why, result.other);
      await this.#underWay.get(name);
    }
  }

  async #carryOutAll(name: string, effects: readonly TopicEffect[]): Promise<void> {
    try {
      for (const effect of effects) await this.#carryOut(effect);
      step(this.#state, { kind: 'done', name });
    } catch (error) {
      await this.#undo(name);
      throw error;
    } finally {
      this.#underWay.delete(name);
    }
  }

  /** What cannot be undone now (the log takes no changes) is undone by the next start. */
  async #undo(name: string): Promise<void> {
    const result = step(this.#state, { kind: 'failed', name });
    assert(result.kind === 'effects', 'a failure is never refused');
    for (const effect of result.effects) await this.#carryOut(effect).catch(() => {});
  }

  async #carryOut(effect: TopicEffect): Promise<void> {
    switch (effect.kind) {
      case 'create-partitions':
        await this.#removePartitions(effect.record.name, effect.from, effect.to); // what a failed deletion may have left
        return this.#createPartitions(effect.record, effect.from, effect.to);
      case 'write-record': return this.#metadata.write([{ key: keyPrefix + effect.record.name, value: textOf(effect.record) }]);
      case 'write-deletion': return this.#metadata.write([{ key: keyPrefix + effect.name, value: null }]);
      case 'show': return this.#show(effect.record);
      case 'hide': return this.#hide(effect.name);
      case 'remove-partitions': // what stays now is removed by the next start, or before the name is used again
        return this.#removePartitions(effect.name, effect.from, effect.to).catch((error: unknown) => this.#report(`partitions of deleted topic ${effect.name} could not be removed: ${String(error)}`, 'warn'));
    }
  }

  async #createPartitions(record: TopicRecord, from: number, to: number): Promise<void> {
    const { partition } = resolveTopicSettings(record.config, this.#config);
    for (let first = from; first < to; first += changesAtOnce) {
      const some: Promise<unknown>[] = [];
      for (let index = first; index < Math.min(to, first + changesAtOnce); index++) some.push(this.#log.create(partitionName(record.name, index), partition));
      await Promise.all(some);
    }
  }

  async #createMissing(record: TopicRecord): Promise<void> {
    for (let index = 0; index < record.partitionCount; index++) {
      if (!this.#log.partitions.has(partitionName(record.name, index))) await this.#createPartitions(record, index, index + 1);
    }
  }

  async #removePartitions(name: string, from: number, to: number): Promise<void> {
    for (let first = from; first < to; first += changesAtOnce) {
      const some: Promise<void>[] = [];
      for (let index = first; index < Math.min(to, first + changesAtOnce); index++) {
        if (this.#log.partitions.has(partitionName(name, index))) some.push(this.#log.remove(partitionName(name, index)));
      }
      await Promise.all(some);
    }
  }

  #show(record: TopicRecord): void {
    const topic = this.#byName.get(record.name) ?? this.#addTopic(record);
    topic.config = record.config;
    this.#applySettings(topic);
    for (let index = topic.partitions.length; index < record.partitionCount; index++) {
      const log = this.#log.partitions.get(partitionName(record.name, index));
      assert(log !== undefined, 'T1: a topic is shown after its partitions are made');
      log.configure(topic.settings.partition);
      const partition = new TopicPartition(topic, index, log);
      topic.partitions.push(partition);
      this.#partitionCount++;
      for (const listener of this.#listeners) listener.partitionShown?.(partition);
    }
  }

  #addTopic(record: TopicRecord): Topic {
    const topic = new Topic(record.name, record.id, isInternalTopic(record.name), record.config, resolveTopicSettings(record.config, this.#config));
    this.#byName.set(topic.name, topic);
    this.#byId.set(topic.id, topic);
    return topic;
  }

  #applySettings(topic: Topic): void {
    topic.settings = resolveTopicSettings(topic.config, this.#config);
    for (const partition of topic.partitions) partition.log.configure(topic.settings.partition);
  }

  #hide(name: string): void {
    const topic = this.#byName.get(name);
    assert(topic !== undefined, 'T2: a topic is hidden once');
    this.#byName.delete(name);
    this.#byId.delete(topic.id);
    this.#partitionCount -= topic.partitions.length;
    for (const partition of topic.partitions) partition.end();
    for (const listener of this.#listeners) listener.topicHidden?.(topic);
  }
}

function textOf(record: TopicRecord): string {
  return JSON.stringify({ version: 1, name: record.name, id: record.id, partitions: record.partitionCount, config: Object.fromEntries(record.config) });
}

function recordOf(text: string): TopicRecord {
  const { name, id, partitions, config } = JSON.parse(text) as { name: string; id: string; partitions: number; config: Record<string, string> };
  return { name, id, partitionCount: partitions, config: new Map(Object.entries(config)) };
}

/** A random (version 4) UUID in Kafka's text form; never one that starts with '-', which tools would take for an option. */
export function newTopicId(random: Random): string {
  for (;;) {
    const bytes = random.bytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const id = uuidText(bytes, 0);
    if (!id.startsWith('-')) return id;
  }
}
