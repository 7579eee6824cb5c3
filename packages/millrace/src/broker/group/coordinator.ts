// broker/group/coordinator.ts - all groups of a node: carries out what step.ts decides.
// Owns: the groups' life in memory, their timers, the order of effects. Never: decisions, forms of requests (routes.ts).
// C1 Effects of a group are executed in the order of its events, also when an answer brings the next request at once.
// C2 A group has at most one timer. C3 A group that holds nothing is let go of. C4 Members are not taken for gone because this thread stood
// still: heartbeats that wait in the sockets are read before sessions are judged.
import { assert, limits } from '../../base/mod.ts';
import type { JointAppend } from '../../log/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { errorCodes, uuidText } from '../../wire/mod.ts';
import { tickAt, timerMsMax } from '../tick-at.ts';
import { PatternReaders, type Reader } from './consumer/pattern-readers.ts';
import { TopicPatterns, type Matched } from './consumer/topic-patterns.ts';
import type { Effect, GroupEvent, GroupRecord, Now, Purpose } from './effects.ts';
import { GroupLog, type GroupLogSizes } from './group-log.ts';
import { emptyGroup, type Group } from './group.ts';
import type { GroupCoordinatorOptions, GroupSettings, GroupTopics } from './ports.ts';
import { restoreGroup } from './restore.ts';
import { step } from './step.ts';

interface Entry { readonly group: Group; timer: Timer | null }

/**
 * Opens the coordinator: reads all groups back, members included, whose sessions begin anew. Rejects when the stored records cannot be read.
 * @example
 * const groups = await createGroupCoordinator({ storage, clock, random, topics, settings, report });
 * router.add(groupRoutes(groups));
 */
export async function createGroupCoordinator(options: GroupCoordinatorOptions, sizes?: GroupLogSizes): Promise<GroupCoordinator> {
  const log = await GroupLog.open(options.storage, options.clock, options.report, sizes);
  return new GroupCoordinator(options, log);
}

/** The groups of a node. */
export class GroupCoordinator {
  readonly settings: GroupSettings;
  readonly topics: GroupTopics;
  readonly #options: GroupCoordinatorOptions;
  readonly #log: GroupLog;
  /** What patterns of consumer groups match, and who reads by them. */
  readonly #patterns: TopicPatterns;
  readonly #readers: PatternReaders;
  readonly #entries = new Map<string, Entry>();
  /** Events that came while effects were being executed (C1). */
  #events: (readonly [Entry, GroupEvent])[] = [];
  #busy = false;
  #tellsTopics = false;
  #closed = false;
  #expiryTimer: Timer | null = null;

  constructor(options: GroupCoordinatorOptions, log: GroupLog) {
    this.#options = options;
    this.settings = options.settings;
    this.topics = options.topics;
    this.#patterns = new TopicPatterns(options.topicNames, options.clock);
    this.#readers = new PatternReaders(options.mayDescribe);
    this.#log = log;
    for (const [id, image] of log.image.groups) {
      const { group, effects } = restoreGroup(id, image, this.settings, this.now());
      const entry = this.#enter(group);
      for (const effect of effects) this.#execute(entry, effect);
    }
    this.#expireLater();
    this.#topicsChanged(); // what happened between the last record of a group and the end of the node's last life
  }

  /** Now, on both clocks. */
  now(): Now {
    return { monotonicMs: this.#options.clock.monotonicMs(), wallMs: this.#options.clock.nowMs() };
  }

  /** A group for looking at; undefined when there is none. */
  find(groupId: string): Group | undefined {
    return this.#entries.get(groupId)?.group;
  }

  /** All groups for looking at. */
  *all(): Iterable<Group> {
    for (const { group } of this.#entries.values()) yield group;
  }

  /** Sends an event to a group that is there; false when there is none. */
  send(groupId: string, event: GroupEvent): boolean {
    const entry = this.#entries.get(groupId);
    if (entry === undefined) return false;
    this.#handle(entry, event);
    return true;
  }

  /** Sends an event to a group, making it first if need be; false when there are too many groups (limits.group.groupsMax). */
  sendOrCreate(groupId: string, event: GroupEvent): boolean {
    if (this.send(groupId, event)) return true;
    if (this.#entries.size >= limits.group.groupsMax) return false;
    this.#handle(this.#enter(emptyGroup(groupId, this.settings, this.now().wallMs)), event);
    return true;
  }

  /**
   * What the end of a transaction writes for its groups, as a part of an append to several partitions: append `part` (null for nothing), then call
   * `appended`, and `written` once it is durable, or with the code of its refusal. Throws 'closed'.
   */
  endTransaction(groupIds: Iterable<string>, producerId: number, committed: boolean): { readonly part: JointAppend | null; appended(): void; written(errorCode: number): void } {
    const writes: { readonly entry: Entry; readonly groupId: string; readonly records: readonly GroupRecord[]; readonly purpose: Purpose }[] = [];
    for (const groupId of groupIds) {
      const entry = this.#entries.get(groupId);
      if (entry === undefined) continue;
      for (const effect of step(entry.group, { kind: 'decide', producerId, committed }, this.now())) {
        assert(effect.kind === 'append', 'a decision is a record and nothing else');
        writes.push({ entry, groupId, records: effect.records, purpose: effect.purpose });
      }
    }
    const { batches, appended } = this.#log.joint(writes);
    return {
      part: batches.length === 0 ? null : { partition: this.#options.storage, batches }, appended,
      written: (errorCode) => { for (const { entry, purpose } of writes) this.#handle(entry, { kind: 'written', purpose, errorCode }); },
    };
  }

  /** A fresh member id: what the client calls itself, and chance. */
  newMemberId(prefix: string): string {
    return `${prefix.slice(0, prefixLengthMax)}-${this.#hexUuid()}`; // an id must fit a record
  }

  /** A fresh id for a member that has made none itself. */
  newUuid(): string {
    return uuidText(this.#options.random.bytes(16), 0);
  }

  #hexUuid(): string {
    const hex = Array.from(this.#options.random.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** Tells what a pattern stands for to a client: what it matches and the client may know of. */
  matchPattern(pattern: string, reader: Reader, done: (matched: Matched) => void): void {
    this.#patterns.match(pattern, ({ topics, fault }) => {
      done({ topics: topics === null ? null : this.#readers.shown(reader, topics), fault });
    });
  }

  /** A member was heard of, who may read by a pattern and `said` so just now; after a start each tells anew who reads by it. */
  memberSeen(groupId: string, memberId: string, reader: Reader, said: boolean): void {
    if (!this.#readers.areAsked) return;
    const phase = this.find(groupId)?.phase;
    const pattern = phase?.kind === 'consumer' ? phase.membership.members.get(memberId)?.pattern ?? '' : '';
    if (pattern === '') return;
    const isKnown = this.#readers.knows(groupId, pattern);
    if (said || !isKnown) this.#readers.saw(groupId, pattern, reader);
    if (!said && !isKnown) this.#topicsChangedSoon();
  }

  /** Clients may do more or less than before. */
  rightsChanged(): void {
    this.#topicsChangedSoon();
  }

  /** A topic came or grew: consumer groups that read it divide it. */
  topicShown(topic: string, isNew: boolean): void {
    if (isNew) this.#patterns.shown(topic);
    this.#topicsChangedSoon();
  }

  /** A topic was deleted: its offsets go, too. */
  topicGone(topic: string): void {
    this.#patterns.hidden(topic);
    this.#topicsChangedSoon();
    for (const entry of [...this.#entries.values()]) {
      const { offsets, pending } = entry.group;
      if (offsets.has(topic) || [...pending.values()].some((table) => table.has(topic))) this.#handle(entry, { kind: 'topic-gone', topic });
    }
  }

  /** Looks for expired offsets now; also happens by itself. */
  expireOffsets(): void {
    for (const entry of [...this.#entries.values()]) this.#handle(entry, { kind: 'expire-offsets', retentionMs: this.settings.offsetRetentionMs });
  }

  /**
   * Begins the end: stops timers, refuses joins and syncs that wait (their clients look for a coordinator and try again), hands on what
   * waits for the log. Commits under way are still answered once they are durable; later writes are refused.
   */
  close(): void {
    this.#closed = true;
    this.#expiryTimer?.cancel();
    for (const entry of [...this.#entries.values()]) {
      this.#wake(entry, Infinity);
      this.#handle(entry, { kind: 'stop' });
    }
    this.#log.close();
  }

  /** Partitions come one by one: the groups hear of all at once. */
  #topicsChangedSoon(): void {
    if (this.#tellsTopics) return;
    this.#tellsTopics = true;
    this.#options.clock.soon(() => {
      this.#tellsTopics = false;
      if (!this.#closed) this.#topicsChanged();
    });
  }

  #topicsChanged(): void {
    for (const entry of [...this.#entries.values()]) {
      const { phase, id } = entry.group;
      if (phase.kind !== 'consumer') continue;
      const { patterns } = phase.membership;
      this.#readers.keep(id, patterns);
      this.#matchAll([...patterns.keys()], new Map(), (matching) => {
        const standing = [...matching].map(([pattern, topics]) => [pattern, this.#readers.allowed(id, pattern, topics, patterns.get(pattern) ?? [])] as const);
        this.#handle(entry, { kind: 'topics-changed', matching: new Map(standing) });
      });
    }
  }

  #matchAll(patterns: readonly string[], found: Map<string, readonly string[]>, done: (matching: Map<string, readonly string[]>) => void): void {
    const [pattern, ...others] = patterns;
    if (pattern === undefined) return done(found);
    this.#patterns.match(pattern, ({ topics }) => {
      if (topics !== null) found.set(pattern, topics);
      this.#matchAll(others, found, done);
    });
  }

  #enter(group: Group): Entry {
    const entry: Entry = { group, timer: null };
    this.#entries.set(group.id, entry);
    return entry;
  }

  #handle(entry: Entry, event: GroupEvent): void {
    this.#events.push([entry, event]);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#run(...next);
    } finally {
      this.#busy = false;
    }
  }

  #run(entry: Entry, event: GroupEvent): void {
    for (const effect of step(entry.group, event, this.now())) this.#execute(entry, effect);
    if (isVoid(entry.group)) this.#letGo(entry);
  }

  #execute(entry: Entry, effect: Effect): void {
    switch (effect.kind) {
      case 'reply': return effect.to.answer(effect.body);
      case 'append': {
        const { purpose, records, chain } = effect;
        const stored = () => this.#log.image.groups.get(entry.group.id) ?? null;
        return this.#log.append(entry.group.id, records, (errorCode) => this.#handle(entry, { kind: 'written', purpose, errorCode, stored: errorCode === errorCodes.NONE ? null : stored() }), chain);
      }
      case 'wake': return this.#wake(entry, effect.atMs);
      case 'gone': return this.#letGo(entry);
    }
  }

  #wake(entry: Entry, atMs: number): void {
    entry.timer?.cancel();
    entry.timer = null;
    if (atMs === Infinity || this.#closed) return;
    entry.timer = tickAt(this.#options.clock, atMs, () => { if (!this.#closed) this.#handle(entry, { kind: 'tick' }); }); // C4
  }

  #letGo(entry: Entry): void {
    entry.timer?.cancel();
    entry.timer = null;
    if (this.#entries.get(entry.group.id) !== entry) return;
    this.#entries.delete(entry.group.id);
    this.#readers.keep(entry.group.id, new Map());
  }

  #expireLater(): void {
    this.#expiryTimer = this.#options.clock.after(Math.min(this.settings.offsetCheckIntervalMs, timerMsMax), () => {
      this.expireOffsets();
      if (!this.#closed) this.#expireLater();
    });
  }
}

/** Of what a client calls itself, in its members' ids. */
const prefixLengthMax = 1_000;

/** C3: nothing was ever kept of this group, and nobody waits for it. */
function isVoid(group: Group): boolean {
  return group.phase.kind === 'empty' && group.generation === 0 && group.protocolType === null
    && group.promised.size === 0 && group.offsets.size === 0 && group.pending.size === 0 && group.writesInFlight === 0;
}
