// broker/group/effects.ts - what can happen to a group, and what it asks its shell to do.
// Owns: events, effects and the bodies of answers. Never: who sends or executes them (coordinator.ts).
import type { ConsumerGroupHeartbeat, JoinGroup, LeaveGroup, ResponseInit, SyncGroup, ValueInit, GroupMetadataValue } from '../../wire/mod.ts';
import type { ConsumerRecord } from './consumer/consumer-record.ts';
import type { PartitionLists } from './consumer/partitions.ts';
import type { ConsumerWrites } from './consumer/writes.ts';
import type { GroupImage } from './image.ts';
import type { Committed, Phase, Protocol } from './group.ts';

/** One waiting request. The core only hands it back, with the body that the shell answers it with. */
export interface Ticket<Body> { answer(body: Body): void }

/** Answer to a join. */
export type JoinReply = ResponseInit<typeof JoinGroup>;
/** Answer to a sync. */
export type SyncReply = ResponseInit<typeof SyncGroup>;
/** Answer to a leave. */
export type LeaveReply = ResponseInit<typeof LeaveGroup>;
/** Answer to a heartbeat of the consumer protocol. */
export type ConsumerHeartbeatReply = ResponseInit<typeof ConsumerGroupHeartbeat>;
/** Answer where one code says all, but for entries that have their own. */
export interface CodeReply { readonly errorCode: number; readonly refused?: { readonly entries: ReadonlySet<OffsetEntry>; readonly errorCode: number } }
/** A waiting join. */
export type JoinTicket = Ticket<JoinReply>;
/** A waiting sync. */
export type SyncTicket = Ticket<SyncReply>;

/** A group's record in Kafka's own form. */
export type GroupValue = ValueInit<typeof GroupMetadataValue>;

/** A record of the group in the offsets topic. A null value is a tombstone; 'forget' stands for the tombstones of all the group's records. */
export type GroupRecord =
  | { readonly kind: 'group'; readonly value: GroupValue | null }
  /** Of the consumer protocol. */
  | { readonly kind: 'consumer'; readonly record: ConsumerRecord }
  | { readonly kind: 'offset'; readonly topic: string; readonly partition: number; readonly value: Committed | null }
  /** What a transaction would commit; null once it is decided. */
  | { readonly kind: 'pending'; readonly producerId: number; readonly topic: string; readonly partition: number; readonly value: Committed | null }
  | { readonly kind: 'forget' };

/** One partition's new offset. */
export interface OffsetEntry { readonly topic: string; readonly partition: number; readonly value: Committed }
/** A partition of a topic. */
export interface PartitionName { readonly topic: string; readonly partition: number }

/** What an append was for; it comes back with 'written'. */
export type Purpose =
  | { readonly kind: 'assignment'; readonly generation: number; readonly assignments: ReadonlyMap<string, Uint8Array> }
  | { readonly kind: 'takeover'; readonly to: JoinTicket; readonly reply: JoinReply }
  | { readonly kind: 'commit'; readonly to: Ticket<CodeReply>; readonly entries: readonly OffsetEntry[]; readonly refused?: CodeReply['refused'] }
  | { readonly kind: 'pending'; readonly to: Ticket<CodeReply>; readonly producerId: number; readonly entries: readonly OffsetEntry[]; readonly refused?: CodeReply['refused'] }
  | { readonly kind: 'decided'; readonly producerId: number; readonly committed: boolean; readonly entries: readonly OffsetEntry[] }
  | { readonly kind: 'offsets-gone'; readonly to: Ticket<CodeReply> | null; readonly partitions: readonly PartitionName[] }
  /** With the phase to go back to when it is refused. */
  | { readonly kind: 'delete'; readonly to: Ticket<CodeReply> | null; readonly phase: Phase }
  /** A change of a consumer group's membership. */
  | { readonly kind: 'consumer'; readonly writes: ConsumerWrites; readonly number: number }
  | { readonly kind: 'note' };

/** A member asks to be in the next generation. `freshId` is what a nameless member will be called. */
export interface JoinEvent {
  readonly kind: 'join'; readonly to: JoinTicket; readonly memberId: string; readonly freshId: string; readonly instanceId: string | null;
  readonly clientId: string; readonly clientHost: string; readonly protocolType: string; readonly protocols: readonly Protocol[];
  readonly sessionTimeoutMs: number; readonly rebalanceTimeoutMs: number;
  /** JoinGroup 4 and later: a nameless member first gets its name and comes back with it (KIP-394). */
  readonly nameFirst: boolean;
  /** JoinGroup 9 and later: a leader can be told to assign nothing (KIP-814). */
  readonly canSkipAssignment: boolean;
}
/** A member asks for its assignment; the leader brings everybody's. */
export interface SyncEvent {
  readonly kind: 'sync'; readonly to: SyncTicket; readonly memberId: string; readonly instanceId: string | null; readonly generation: number;
  /** Null before SyncGroup 5. */
  readonly protocolType: string | null; readonly protocolName: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
}
/** A member says it lives. */
export interface HeartbeatEvent {
  readonly kind: 'heartbeat'; readonly to: Ticket<CodeReply>; readonly memberId: string; readonly instanceId: string | null; readonly generation: number;
}
/** Members leave, or an operator removes them. */
export interface LeaveEvent {
  readonly kind: 'leave'; readonly to: Ticket<LeaveReply>; readonly members: readonly { readonly memberId: string; readonly instanceId: string | null }[];
}
/** Offsets to keep. Generation -1 with no member id comes from outside of the group's membership. */
export interface CommitEvent {
  readonly kind: 'commit'; readonly to: Ticket<CodeReply>; readonly memberId: string; readonly instanceId: string | null; readonly generation: number;
  readonly entries: readonly OffsetEntry[];
  /** Version of the request: members of the consumer protocol must use one that knows epochs. */
  readonly version: number;
}

/** Offsets to keep once a producer's transaction is committed. */
export interface PendEvent extends Omit<CommitEvent, 'kind'> { readonly kind: 'pend'; readonly producerId: number }

/** A member of the consumer protocol joins, lives or leaves; null stands for what is as before. */
export interface ConsumerHeartbeatEvent {
  readonly kind: 'consumer-heartbeat'; readonly to: Ticket<ConsumerHeartbeatReply>; readonly memberId: string; readonly memberEpoch: number; readonly instanceId: string | null;
  readonly rackId: string | null; readonly rebalanceTimeoutMs: number; readonly topics: readonly string[] | null;
  /** With the topics that it stands for; without, when it is no pattern. */
  readonly pattern: { readonly text: string; readonly topics: readonly string[] | null; readonly fault: string | null } | null;
  readonly assignor: string | null; readonly owned: PartitionLists | null; readonly clientId: string; readonly clientHost: string;
}

/** Everything that can happen to a group. */
export type GroupEvent =
  | JoinEvent | SyncEvent | HeartbeatEvent | LeaveEvent | CommitEvent | PendEvent | ConsumerHeartbeatEvent
  /** Topics came, grew or went; with what the group's patterns stand for now. */
  | { readonly kind: 'topics-changed'; readonly matching: ReadonlyMap<string, readonly string[]> }
  /** A producer's transaction was committed or aborted. */
  | { readonly kind: 'decide'; readonly producerId: number; readonly committed: boolean }
  /** Forget these offsets, all of one topic that is not subscribed. */
  | { readonly kind: 'delete-offsets'; readonly to: Ticket<CodeReply>; readonly partitions: readonly PartitionName[] }
  /** Remove the group with all it keeps. */
  | { readonly kind: 'delete'; readonly to: Ticket<CodeReply> }
  /** A topic is gone, and its offsets with it. */
  | { readonly kind: 'topic-gone'; readonly topic: string }
  /** Drop offsets whose retention has passed, and the group when nothing is left. */
  | { readonly kind: 'expire-offsets'; readonly retentionMs: number }
  /** A deadline may have passed. */
  | { readonly kind: 'tick' }
  /** The node stops: nobody waits any longer. */
  | { readonly kind: 'stop' }
  /** An append is durable (errorCode 0) or was refused: then with what the log says of the group. */
  | { readonly kind: 'written'; readonly purpose: Purpose; readonly errorCode: number; readonly stored?: GroupImage | null };

/** Writes that rest on each other. The log marks it when it refuses one. */
export interface WriteChain { broken: boolean }

/** What the shell does, in this order. */
export type Effect =
  | { readonly kind: 'reply'; readonly to: Ticket<any>; readonly body: unknown }
  /** With a `chain`, refused when an earlier one of it was. */
  | { readonly kind: 'append'; readonly records: readonly GroupRecord[]; readonly purpose: Purpose; readonly chain?: WriteChain }
  /** Send 'tick' at this monotonic time instead of the one asked for before; Infinity: not at all. */
  | { readonly kind: 'wake'; readonly atMs: number }
  /** Nothing is left of the group: let go of it. */
  | { readonly kind: 'gone' };

/** Now, on both clocks. */
export interface Now { readonly monotonicMs: number; readonly wallMs: number }
