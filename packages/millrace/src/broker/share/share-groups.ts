// broker/share/share-groups.ts - all share groups of a node.
// Owns: their life, members that fall silent, what ends a share session. Never: decisions, forms of requests (routes.ts).
// G1 A group is on record before its first member is answered. G2 Who leaves, falls silent, loses its connection or closes its session gives up what it
// holds at once. G3 Members are not taken for gone because this thread stood still.
import { assert, isMillraceError, limits } from '../../base/mod.ts';
import type { ConnectionInfo } from '../handlers.ts';
import { errorCodes } from '../../wire/mod.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import type { Topic, TopicPartition } from '../topics/topic.ts';
import { tickAt } from '../tick-at.ts';
import { DeadLetterOffice } from './dead-letters.ts';
import { beat, expired, firstExpiryMs, leave, topicChanged, type Beat, type BeatAnswer } from './membership.ts';
import type { SharePartition } from './moves.ts';
import { dropFrom } from './runs.ts';
import { ShareGroup, type ShareGroupOptions } from './share-group.ts';
import { ShareLog, type ShareLogSizes } from './share-log.ts';
import { ShareSessions, type ShareSession } from './share-session.ts';
import { readGroup, readKey, replayRecord } from './stored-state.ts';

/** The share groups of a node. */
export class ShareGroups {
  readonly services: Services;
  readonly sessions: ShareSessions;
  readonly #log: ShareLog;
  readonly #options: ShareGroupOptions;
  readonly #groups = new Map<string, ShareGroup>();
  readonly #closings = new Map<ShareSession, () => void>();
  /** True for an id that another kind of group has. */
  readonly #isTaken: (id: string) => boolean;
  #closed = false;

  private constructor(services: Services, log: ShareLog, isTaken: (id: string) => boolean) {
    this.services = services;
    this.#log = log;
    this.#isTaken = isTaken;
    this.sessions = new ShareSessions(() => services.config.number('group.share.max.share.sessions'));
    this.#options = { services, log, office: new DeadLetterOffice(services), count: { partitions: 0 } };
  }

  /**
   * Brings back all share groups; nothing is read or made where there never was one. Rejects with what the log says, 'data-damaged' for records that
   * do not decode.
   */
  static async open(services: Services, isTaken: (id: string) => boolean, sizes?: ShareLogSizes): Promise<ShareGroups> {
    const epochs = new Map<string, number>();
    const states = new Map<string, SharePartition>();
    const log = await ShareLog.open(services.log, services.clock, services.report, (key, value) => {
      const named = readKey(key);
      if (named.kind === 'group') { if (value === null) epochs.delete(named.group); else epochs.set(named.group, readGroup(value)); }
      else if (named.kind === 'unknown') services.report(`record ${key} of share groups is of a kind that is not known to this version: ignored`, 'warn');
      else if (value === null) states.delete(key);
      else states.set(key, replayRecord(states.get(key), value));
    }, sizes);
    const groups = new ShareGroups(services, log, isTaken);
    groups.#restore(epochs, states);
    log.onShorten(() => groups.#image());
    services.topics.listen({ partitionShown: (partition) => groups.#topicGrew(partition), topicHidden: (topic) => groups.#topicGone(topic) });
    services.groupConfigs.onChange((id) => groups.#groups.get(id)?.forgetSettings());
    services.config.onChange(() => { for (const group of groups.#groups.values()) group.forgetSettings(); });
    return groups;
  }

  /** For looking at. */
  get all(): Iterable<ShareGroup> { return this.#groups.values(); }
  find(id: string): ShareGroup | undefined { return this.#groups.get(id); }

  /** A member joins or says that it is alive; answered once what it is told is durable. */
  heartbeat(id: string, said: Beat, answer: (answer: BeatAnswer) => void): void {
    const known = this.#groups.get(id);
    if (known !== undefined && !known.isEnding) return this.#beat(known, said, answer);
    const fault = this.#faultOfNew(known, id, said);
    if (fault !== null) return answer(fault);
    this.#log.ready().then(() => {
      const group = this.#groups.get(id) ?? this.#enter(id, 0, false);
      this.#beat(group, said, answer);
    }, (error: unknown) => answer(refusalOf(error)));
  }

  /** A group that is there, or a new one without members; null for an id that another kind of group has, and past limits.share.groupsMax. Rejects with what the log says. */
  async findOrMake(id: string): Promise<ShareGroup | null> {
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    if (this.#isTaken(id) || this.#closed || this.#groups.size >= limits.share.groupsMax) return null;
    await this.#log.ready();
    const group = this.#groups.get(id) ?? this.#enter(id, 0, false);
    await group.writeEpoch();
    return group;
  }

  #faultOfNew(known: ShareGroup | undefined, id: string, { memberEpoch }: Beat): BeatAnswer | null {
    const refused = (errorCode: number, message: string): BeatAnswer => ({ kind: 'refused', errorCode, message });
    if (known !== undefined || this.#closed) return refused(errorCodes.COORDINATOR_NOT_AVAILABLE, `Group ${id} is being deleted.`);
    if (this.#isTaken(id)) return refused(errorCodes.GROUP_ID_NOT_FOUND, `Group ${id} is not a share group.`);
    if (memberEpoch !== 0) return refused(errorCodes.GROUP_ID_NOT_FOUND, `Share group ${id} not found.`);
    return this.#groups.size >= limits.share.groupsMax ? refused(errorCodes.GROUP_MAX_SIZE_REACHED, `There are ${limits.share.groupsMax} share groups already.`) : null;
  }

  #beat(group: ShareGroup, said: Beat, answer: (answer: BeatAnswer) => void): void {
    const { topics, config, clock } = this.services;
    const told = beat(group.membership, said, {
      nowMs: clock.monotonicMs(), sessionTimeoutMs: group.settings.sessionTimeoutMs, membersMax: config.number('group.share.max.size'),
      topicOf: (name) => { const topic = topics.byName(name); return topic === undefined || topic.internal ? null : { id: topic.id, partitionCount: topic.partitions.length }; },
    });
    this.#aim(group);
    if (told.kind === 'refused') return answer(told);
    // The epoch of a group that was never written goes first (G1); later ones need not be waited for: members that know them are unknown after a crash.
    const isNew = group.membership.groupEpoch <= 1;
    const written = group.writeEpoch();
    const begun = told.assignment === null ? null : group.begin(told.assignment);
    if (begun === null && !isNew) { written.catch(() => {}); return answer(told); }
    Promise.all([written, begun]).then(() => answer(told), (error: unknown) => answer(refusalOf(error)));
  }

  /** A member leaves; false when it was not there. */
  leave(group: ShareGroup, memberId: string): boolean {
    if (!leave(group.membership, memberId)) return false;
    group.writeEpoch().catch(() => {});
    this.#aim(group);
    this.#giveUp(group, memberId);
    return true;
  }

  /** Deletes groups without members; an error code for each, once that is durable. */
  async remove(id: string): Promise<number> {
    const group = this.#groups.get(id);
    if (group === undefined || group.isEnding) return errorCodes.GROUP_ID_NOT_FOUND;
    if (group.membership.members.size > 0) return errorCodes.NON_EMPTY_GROUP;
    group.isEnding = true;
    for (const held of group.partitions()) held.isFrozen = true;
    try {
      await group.writeEnd(() => { this.#groups.delete(id); group.end(); });
      return errorCodes.NONE;
    } catch (error) {
      group.isEnding = false;
      for (const held of group.partitions()) held.thaw();
      return storageErrorCode(error);
    }
  }

  /** Opens the session of a member; it ends with the connection. */
  openSession(group: string, memberId: string, connection: ConnectionInfo): ReturnType<ShareSessions['open']> {
    const choice = this.sessions.open(group, memberId, connection.id, (before) => this.#ended(before));
    if (choice.kind === 'session') this.#closings.set(choice.session, connection.onClose(() => this.endSession(choice.session)));
    return choice;
  }

  /** Ends a session: its member gives up what it holds (G2). */
  endSession(session: ShareSession): void {
    if (this.sessions.end(session)) this.#ended(session);
  }

  #ended(session: ShareSession): void {
    this.#closings.get(session)?.();
    this.#closings.delete(session);
    if (this.#closed) return;
    const group = this.#groups.get(session.group);
    if (group !== undefined) for (const held of group.partitions()) held.release(session.memberId);
  }

  /** Begins the end: nothing is decided any more; what was is written. */
  close(): void {
    this.#closed = true;
    for (const group of this.#groups.values()) group.end();
    this.#log.close();
  }

  #restore(epochs: ReadonlyMap<string, number>, states: ReadonlyMap<string, SharePartition>): void {
    for (const [id, epoch] of epochs) this.#enter(id, epoch, true);
    for (const [key, state] of states) {
      const named = readKey(key);
      assert(named.kind === 'partition', 'only partitions have states');
      const source = this.services.topics.byId(named.topicId)?.partitions[named.index];
      const group = this.#groups.get(named.group);
      if (source !== undefined && group !== undefined) this.#takeUp(group, source, state);
      else this.#log.append({ key, value: () => null, deadLetters: [], done() {} }); // its topic was deleted, the record of that did not get here
    }
  }

  /** A power cut may have taken the newest records of a partition that does not sync: others will have their offsets. */
  #takeUp(group: ShareGroup, source: TopicPartition, state: SharePartition): void {
    const isTooFar = state.end > source.log.endOffset;
    if (isTooFar) dropFrom(state, source.log.endOffset);
    const held = group.hold(source, state);
    if (isTooFar) group.writeState(held).catch(() => {}); // the next start does it
  }

  #enter(id: string, epoch: number, isStored: boolean): ShareGroup {
    const group = new ShareGroup(this.#options, id, epoch, isStored);
    this.#groups.set(id, group);
    return group;
  }

  *#image(): Iterable<readonly [string, string]> {
    for (const group of this.#groups.values()) yield* group.image();
  }

  #giveUp(group: ShareGroup, memberId: string): void {
    const session = this.sessions.find(group.id, memberId);
    if (session !== undefined) return this.endSession(session);
    for (const held of group.partitions()) held.release(memberId);
  }

  #topicGrew({ topic }: TopicPartition): void {
    for (const group of this.#groups.values()) topicChanged(group.membership, topic.name);
  }

  #topicGone(topic: Topic): void {
    for (const group of this.#groups.values()) {
      topicChanged(group.membership, topic.name);
      group.forgetTopic(topic.id).catch(() => {}); // the next start does it
    }
  }

  /** The timer of members that fall silent. */
  #aim(group: ShareGroup): void {
    group.timer?.cancel();
    group.timer = null;
    const atMs = firstExpiryMs(group.membership);
    if (atMs === Infinity || this.#closed) return;
    group.timer = tickAt(this.services.clock, atMs, () => { if (!this.#closed) this.#expire(group); }); // G3
  }

  #expire(group: ShareGroup): void {
    for (const memberId of expired(group.membership, this.services.clock.monotonicMs())) this.leave(group, memberId);
    this.#aim(group);
  }
}

function refusalOf(error: unknown): BeatAnswer {
  if (!isMillraceError(error)) throw error;
  return { kind: 'refused', errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE, message: error.message };
}
