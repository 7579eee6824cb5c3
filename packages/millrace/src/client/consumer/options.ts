// client/consumer/options.ts - what a consumer may be told, and what it does when told nothing.
import { limits, MillraceError } from '../../base/mod.ts';
import type { OffsetSpec } from '../offsets.ts';
import type { TopicPartition } from '../partitions.ts';
import { assignors, type AssignorName } from './assignor.ts';
import { subscribedTo, type Subscribed } from './subscription.ts';

/** Where reading of a partition begins: an offset, a place, a time, or what the group has committed. */
export type StartAt = OffsetSpec | 'committed' | { readonly offset: number };

/** A partition to read, chosen by hand. */
export interface AssignedPartition extends TopicPartition {
  /** Default: what the group has committed, if there is a group, else as `offsetReset` says. */
  readonly from?: StartAt;
}

/** Settings of a consumer. */
export interface ConsumerOptions {
  /**
   * Topics to read: shared with the other members of `group`, or all their partitions when there is no group. A pattern reads every topic whose
   * name it matches (as RegExp.test does: use ^ and $ for whole names), without the servers' internal ones; new ones are found every metadataMaxAgeMs.
   */
  readonly topics?: readonly string[] | RegExp;
  /** Partitions to read, chosen by hand, in place of `topics`; with a group, offsets are committed to it. */
  readonly partitions?: readonly AssignedPartition[];
  /** The consumer group. */
  readonly group?: string;
  /**
   * Where to begin when nothing is committed or the committed offset is gone; 'error' stops the consumer with 'offset-out-of-range' (default 'earliest').
   * With 'latest', partitions and topics that came after the consumer are read from their start all the same: all that is in them is new.
   */
  readonly offsetReset?: 'earliest' | 'latest' | 'error';
  /** Whether records of aborted transactions are left out (default 'read_committed'). */
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  /** 'auto' commits what is done every commitIntervalMs, at rebalances and at close; 'manual' leaves it to commit() (default 'auto' with a group). */
  readonly commit?: 'auto' | 'manual';
  /** In ms (default 1 000). */
  readonly commitIntervalMs?: number;
  /**
   * How the group is run (default 'classic'). 'classic': the members divide partitions among themselves (any Kafka). 'consumer': the server does (KIP-848; this node,
   * and Apache Kafka from 4.0 on): no pause for all when one comes or goes, and session and heartbeats are the server's settings. A running group goes from one to
   * the other when its members do, one after the other.
   */
  readonly groupProtocol?: 'classic' | 'consumer';
  /** With the consumer protocol: how the server divides partitions, 'uniform' or 'range' (default: the server's choice). */
  readonly serverAssignor?: string;
  /** Classic protocol. Ways to divide partitions, best first; the group uses one that all its members know (default cooperative-sticky). */
  readonly assignors?: readonly AssignorName[];
  /**
   * A fixed name of this member (a static member): it may restart within the session timeout without a rebalance. So it stays in the group when it is
   * closed (unless told to leave), fails, or takes too long, and its partitions go to others only when the session timeout is over.
   */
  readonly instanceId?: string;
  /** Classic protocol. The group takes a member for dead after this silence, in ms (default 30 000). */
  readonly sessionTimeoutMs?: number;
  /** Classic protocol. In ms (default 3 000). Heartbeats do not wait for handlers. */
  readonly heartbeatIntervalMs?: number;
  /** Time that members have to finish what they are at when the group changes, in ms (default 60 000). */
  readonly rebalanceTimeoutMs?: number;
  /** A member whose handler takes longer than this, or that nobody asks for the records it has, leaves the group (a static one: falls silent), so that others can go on, and comes back when asked again, in ms (default 300 000). */
  readonly maxPollIntervalMs?: number;
  /** Longest wait of the server for a first record, in ms (default 500). */
  readonly maxWaitMs?: number;
  /** The server answers once there are so many bytes (default 1). */
  readonly minBytes?: number;
  /** Bytes of one answer (default 16 MiB), and of one partition in it (default 2 MiB). A larger batch comes all the same. */
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  /** Bytes fetched ahead of the reader (default 32 MiB). */
  readonly prefetchBytes?: number;
  /** Told of partitions that came, before their first record. */
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void | Promise<void>;
  /** Told of partitions that go, after what was in work is done and committed. */
  readonly onRevoked?: (partitions: readonly TopicPartition[]) => void | Promise<void>;
  /** Told of partitions that were lost without notice: others may read them already. */
  readonly onLost?: (partitions: readonly TopicPartition[]) => void | Promise<void>;
}

/** The same with every choice made. */
export type ConsumerSettings = Required<Omit<ConsumerOptions, 'group' | 'instanceId' | 'serverAssignor' | 'topics' | 'partitions' | 'onAssigned' | 'onRevoked' | 'onLost'>>
  & { readonly group: string | null; readonly instanceId: string | null; readonly serverAssignor: string | null; readonly topics: Subscribed | null; readonly partitions: readonly AssignedPartition[] | null }
  & Pick<ConsumerOptions, 'onAssigned' | 'onRevoked' | 'onLost'>;

/** Fills in defaults. Throws 'invalid-argument' for what does not fit together. */
export function consumerSettings(options: ConsumerOptions): ConsumerSettings {
  const settings: ConsumerSettings = {
    group: options.group ?? null, instanceId: options.instanceId ?? null, topics: options.topics ? subscribedTo(options.topics) : null, partitions: options.partitions ?? null,
    offsetReset: options.offsetReset ?? 'earliest', isolation: options.isolation ?? 'read_committed',
    commit: options.commit ?? (options.group === undefined ? 'manual' : 'auto'), commitIntervalMs: options.commitIntervalMs ?? 1_000,
    groupProtocol: options.groupProtocol ?? 'classic', serverAssignor: options.serverAssignor ?? null, assignors: options.assignors ?? ['cooperative-sticky'],
    sessionTimeoutMs: options.sessionTimeoutMs ?? 30_000, heartbeatIntervalMs: options.heartbeatIntervalMs ?? 3_000,
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000, maxPollIntervalMs: options.maxPollIntervalMs ?? 300_000,
    maxWaitMs: options.maxWaitMs ?? 500, minBytes: options.minBytes ?? 1,
    maxBytes: options.maxBytes ?? limits.client.fetchBytesDefault, partitionMaxBytes: options.partitionMaxBytes ?? limits.client.fetchPartitionBytesDefault,
    prefetchBytes: options.prefetchBytes ?? limits.client.prefetchBytesDefault,
    onAssigned: options.onAssigned, onRevoked: options.onRevoked, onLost: options.onLost,
  };
  const { topics, partitions, group } = settings;
  refuse((topics === null) === (partitions === null), 'give it either `topics` or `partitions`');
  refuse(topics?.kind === 'names' && topics.names.length === 0, '`topics` is empty');
  refuse(settings.commit === 'auto' && group === null, "commit 'auto' needs a `group`");
  refuse(settings.instanceId !== null && (group === null || topics === null), '`instanceId` is for members of a group');
  refuse(settings.groupProtocol !== 'classic' && settings.groupProtocol !== 'consumer', "`groupProtocol` is 'classic' or 'consumer'");
  const isConsumer = settings.groupProtocol === 'consumer';
  refuse(isConsumer && (group === null || topics === null), "groupProtocol 'consumer' is for members of a group: it needs `group` and `topics`");
  refuse(!isConsumer && settings.serverAssignor !== null, "`serverAssignor` needs groupProtocol 'consumer'");
  for (const name of ['assignors', 'sessionTimeoutMs', 'heartbeatIntervalMs'] as const) {
    refuse(isConsumer && options[name] !== undefined, `\`${name}\` is of the classic protocol; with groupProtocol 'consumer' ${name === 'assignors' ? 'use `serverAssignor`' : `it is the server's setting, or the group's: consumer.${name === 'sessionTimeoutMs' ? 'session.timeout.ms' : 'heartbeat.interval.ms'}`}`);
  }
  refuse(settings.assignors.length === 0 || settings.assignors.some((name) => !(name in assignors)), `assignors are some of ${Object.keys(assignors).join(', ')}`);
  refuse(settings.heartbeatIntervalMs * 2 > settings.sessionTimeoutMs, 'sessionTimeoutMs is at least twice heartbeatIntervalMs');
  refuse(settings.prefetchBytes < settings.partitionMaxBytes, 'prefetchBytes holds at least one partition of an answer');
  return settings;
}

function refuse(wrong: boolean, why: string): void {
  if (wrong) throw new MillraceError('invalid-argument', `Cannot make a consumer: ${why}`);
}
