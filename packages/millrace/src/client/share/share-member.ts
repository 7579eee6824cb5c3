// client/share/share-member.ts - membership in a share group: heartbeats, epochs, what is assigned.
// Owns: member id, epoch, the timer. Never: records. M1 Heartbeats go by a timer of their own: nothing that a handler does delays them.
// M2 A member that the group does not know (any more) joins again at once, under its own id. Source: KIP-932.
import { backoffDefault, fullJitterMs, isMillraceError, withDeadline, type Deadline } from '../../base/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { errorCodes as E, ShareGroupHeartbeat, uuidText, type ResponseOf } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster, Target } from '../net/cluster.ts';

/** A partition by its topic's id. */
export interface AssignedShare { readonly topicId: string; readonly partition: number }

/** What the member tells its consumer. */
export interface ShareMemberEvents {
  assign(partitions: readonly AssignedShare[]): void;
  /** It cannot go on. */
  fail(error: Error): void;
}

const epochs = { join: 0, leave: -1 } as const;
/** After these the member joins again (M2). */
const forgotten: ReadonlySet<number> = new Set([E.UNKNOWN_MEMBER_ID, E.FENCED_MEMBER_EPOCH, E.GROUP_ID_NOT_FOUND]);

/** One member of one share group. */
export class ShareMember {
  readonly id: string;
  readonly #cluster: Cluster;
  readonly #group: string;
  readonly #topics: readonly string[];
  readonly #lane: string;
  readonly #events: ShareMemberEvents;
  readonly #target: Target;
  #epoch: number = epochs.join;
  #timer: Timer | null = null;
  #failures = 0;
  #closed = false;
  #beating: Promise<void> | null = null;

  constructor(cluster: Cluster, options: { readonly group: string; readonly topics: readonly string[] }, lane: string, events: ShareMemberEvents) {
    this.#cluster = cluster;
    this.#group = options.group;
    this.#topics = options.topics;
    this.#lane = lane;
    this.#events = events;
    this.#target = { kind: 'coordinator', group: options.group };
    this.id = uuidText(cluster.ports.random.bytes(16), 0);
  }

  get epoch(): number { return this.#epoch; }

  /** Joins, and stays a member until close(). */
  start(): void {
    this.#cluster.seek(this.#topics);
    this.#beat();
  }

  /** Leaves the group, if the coordinator can be told by the deadline. */
  async close(deadline: Deadline): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    if (this.#beating) await withDeadline(this.#cluster.ports.clock, deadline, 'finish a heartbeat', this.#beating).catch(() => {});
    if (this.#epoch > epochs.join) await this.#ask(epochs.leave, deadline).catch(() => {});
    this.#cluster.closeLane(this.#lane);
  }

  #beat(): void {
    this.#beating = this.#heartbeat().then((delayMs) => {
      this.#beating = null;
      if (delayMs !== null && !this.#closed) this.#timer = this.#cluster.ports.clock.after(delayMs, () => this.#beat());
    }, (error: Error) => {
      this.#beating = null;
      if (!this.#closed) this.#events.fail(error);
    });
  }

  /** One heartbeat; answers the time until the next. */
  async #heartbeat(): Promise<number | null> {
    const { random } = this.#cluster.ports;
    const deadline = this.#cluster.deadline(this.#cluster.options.requestTimeoutMs);
    try {
      if (this.#epoch === epochs.join) await this.#findTopics(deadline);
      const answer = await this.#ask(this.#epoch, deadline);
      this.#failures = 0;
      return this.#closed ? null : this.#heard(answer);
    } catch (error) {
      if (!isMillraceError(error) || (!error.retry && error.code !== 'closed' && error.code !== 'invalid-bytes')) throw error;
      if (this.#closed) return null;
      await this.#cluster.forget(error, this.#target, this.#cluster.deadline(this.#cluster.options.requestTimeoutMs)).catch(() => {});
      return 1 + fullJitterMs(backoffDefault, this.#failures++, random.fraction());
    }
  }

  /** Topics that may have to be created first are named to the cluster; one that is not there yet is no error: the group learns of it when it comes. */
  async #findTopics(deadline: Deadline): Promise<void> {
    if (this.#topics.every((topic) => this.#cluster.view.topics.has(topic))) return;
    await this.#cluster.refresh('find topics', deadline);
  }

  #heard(answer: ResponseOf<typeof ShareGroupHeartbeat>): number {
    if (forgotten.has(answer.errorCode)) {
      this.#epoch = epochs.join;
      this.#events.assign([]);
      return 0;
    }
    if (answer.errorCode !== E.NONE) throw kafkaError(answer.errorCode, `be a member of share group '${this.#group}'`, { group: this.#group }, answer.errorMessage);
    this.#epoch = answer.memberEpoch;
    if (answer.assignment !== null) this.#events.assign(answer.assignment.topicPartitions.flatMap(({ topicId, partitions }) => partitions.map((partition) => ({ topicId, partition }))));
    return answer.heartbeatIntervalMs;
  }

  async #ask(memberEpoch: number, deadline: Deadline): Promise<ResponseOf<typeof ShareGroupHeartbeat>> {
    const connection = await this.#cluster.connectionFor(this.#target, this.#lane, deadline);
    return await connection.call(ShareGroupHeartbeat, {
      groupId: this.#group, memberId: this.id, memberEpoch, subscribedTopicNames: memberEpoch === epochs.join ? this.#topics : null,
    }, { deadline });
  }
}
