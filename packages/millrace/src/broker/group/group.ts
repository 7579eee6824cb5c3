// broker/group/group.ts - one group as data: members, phase, committed offsets. Groups of both protocols live under one name and share the offsets.
// Owns: the shapes, and questions about them. Never: decisions (join.ts, sync.ts ...), clocks, storage.
// G1 The generation rises by one per completed join and never falls. G2 A member waits for at most one answer at a time.
// G3 `leaderId` names a member whenever there are members. G4 `offsets` holds what is durable, so what a reader sees survives a crash.
// G5 `wakeAtMs` is at or before every deadline in the group.
// Source: Kafka's classic group protocol with KIP-345 (static members), KIP-394 (member ids first), KIP-814 (skipped assignment).
import type { ConsumerMembership } from './consumer/membership.ts';
import type { JoinTicket, SyncTicket } from './effects.ts';
import type { ConsumerGroupConfig, GroupTopics } from './ports.ts';

/** One way of assigning that a member offers; the group takes one that all its members offer. */
export interface Protocol { readonly name: string; readonly metadata: Uint8Array }

/** What a member waits for. */
export type Waiting =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'join'; readonly to: JoinTicket }
  | { readonly kind: 'sync'; readonly to: SyncTicket };

/** Waits for no answer. */
export const waitingForNothing: Waiting = { kind: 'nothing' };

/** One member. Its id is given by the coordinator; `instanceId` is the user's own name for a static member. */
export interface Member {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  /** In the member's order of preference. */
  protocols: readonly Protocol[];
  assignment: Uint8Array;
  waiting: Waiting;
  /** True until its first generation is complete: only then do heartbeats begin. */
  isNew: boolean;
  /** Monotonic time after which it counts as gone, unless it waits for an answer. */
  expiresAtMs: number;
}

/** Where the group stands. Deadlines are monotonic. */
export type Phase =
  /** No members; it may hold offsets. */
  | { readonly kind: 'empty' }
  /** Collecting joins until all members have come or the deadline passes. */
  | { readonly kind: 'preparing'; deadlineMs: number; gathering: Gathering | null }
  /** Joins answered; waiting for the leader's assignment, and for each member to ask for its own. */
  | { readonly kind: 'completing'; readonly unsynced: Set<string>; readonly deadlineMs: number; writing: boolean }
  /** Assigned. Members that have not asked for their assignment by the deadline are removed. */
  | { readonly kind: 'stable'; readonly unsynced: Set<string>; deadlineMs: number }
  /** A consumer group (KIP-848), with its members and without: all above is of the classic protocol. */
  | { readonly kind: 'consumer'; readonly membership: ConsumerMembership }
  /** Deleted, or being deleted. */
  | { readonly kind: 'dead' };

/** The first generation of an empty group waits a while for company (group.initial.rebalance.delay.ms). */
export interface Gathering { readonly delayMs: number; remainingMs: number; memberAdded: boolean }

/** One committed offset. Shared, never changed. Times are wall time. */
export interface Committed {
  readonly offset: number;
  /** -1 when the client told none. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly commitTimestampMs: number;
  /** Own end of life asked for by an old client (OffsetCommit 2-4); -1 for the node's retention. */
  readonly expireTimestampMs: number;
  /** Zero when not known. */
  readonly topicId: string;
}

/** Committed offsets by topic and partition. */
export type OffsetTable = Map<string, Map<number, Committed>>;

/** What a user may set, read at each step. */
export interface GroupConfig {
  readonly initialRebalanceDelayMs: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  readonly membersMax: number;
  /** Of consumer groups. */
  readonly consumer: ConsumerGroupConfig;
  /** The topics that there are now. */
  readonly topics: GroupTopics;
}

/** One group. */
export interface Group {
  readonly id: string;
  readonly config: GroupConfig;
  phase: Phase;
  /** 'consumer', 'connect' ...; null for a group that only ever kept offsets. */
  protocolType: string | null;
  /** The protocol of the current generation; null in an empty group. */
  protocolName: string | null;
  generation: number;
  leaderId: string | null;
  /** Wall time of the last change of phase; -1 when not known. */
  phaseSinceMs: number;
  readonly members: Map<string, Member>;
  /** How many members offer each protocol. */
  readonly offered: Map<string, number>;
  /** How many members wait for the next generation. */
  joinsWaiting: number;
  /** Member ids of static members by instance id. */
  readonly staticIds: Map<string, string>;
  /** Ids handed out with MEMBER_ID_REQUIRED, until they come back or their time (monotonic) is over. */
  readonly promised: Map<string, number>;
  /** Topics of the current generation's subscriptions; null when not known. */
  subscribedTopics: ReadonlySet<string> | null;
  readonly offsets: OffsetTable;
  /** Offsets that transactions which are not decided would commit, by producer id; durable, or on their way to the log. */
  readonly pending: Map<number, OffsetTable>;
  /** Commits and deletions on their way to the log. */
  writesInFlight: number;
  wakeAtMs: number;
}

/** The protocol type of consumers: their subscriptions can be read. */
export const consumerProtocolType = 'consumer';

/** A group without members and offsets. */
export function emptyGroup(id: string, config: GroupConfig, phaseSinceMs: number): Group {
  return {
    id, config, phase: { kind: 'empty' }, protocolType: null, protocolName: null, generation: 0, leaderId: null, phaseSinceMs,
    members: new Map(), offered: new Map(), joinsWaiting: 0, staticIds: new Map(), promised: new Map(), subscribedTopics: null, offsets: new Map(), pending: new Map(), writesInFlight: 0, wakeAtMs: Infinity,
  };
}

/** The member's metadata for one protocol; empty when it does not offer it. */
export function metadataFor(member: Member, protocolName: string | null): Uint8Array {
  return member.protocols.find((protocol) => protocol.name === protocolName)?.metadata ?? noBytes;
}

/** No bytes. */
export const noBytes = new Uint8Array(0);

/** How long a rebalance may take: as long as the most patient member allows. */
export function rebalanceTimeoutMs(group: Group): number {
  let longestMs = 0;
  for (const member of group.members.values()) longestMs = Math.max(longestMs, member.rebalanceTimeoutMs);
  return longestMs;
}

/** Whether a topic's offsets are in use by members; an unreadable subscription of consumers counts as every topic. */
export function isSubscribed(group: Group, topic: string): boolean {
  return group.subscribedTopics?.has(topic) ?? group.protocolType === consumerProtocolType;
}
