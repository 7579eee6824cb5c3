// test/conformance/driver.ts - what a case may ask of any client, said once for all of them.
// Owns: the words of the cases. Never: how a client does it (drivers/), nor what is right (cases/).
// D1 a driver only translates: it neither retries nor repairs what its client does.

/** The clients of the matrix. */
export const clientNames = ['java-4.3', 'java-3.9', 'python', 'kcat', 'kafkajs', 'platformatic'] as const;
/** One client of the matrix. */
export type ClientName = (typeof clientNames)[number];

/** Compression of batches. */
export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
/** One way to compress. */
export type Codec = (typeof codecs)[number];

/** A record to send. Without a partition the client chooses. */
export type Message = { key: Buffer | null; value: Buffer | null; headers?: [string, Buffer | null][]; timestampMs?: number; partition?: number };

/** A record as a client hands it out. */
export type Received = { partition: number; offset: number; timestampMs: number; key: Buffer | null; value: Buffer | null; headers: [string, Buffer | null][] };

/** What became of one sent record. The offset is -1 where the client or acks=0 does not tell it. */
export type Ack = { partition: number; offset: number } | { error: string };

/** How to produce. Default: no compression, acks of all, not idempotent. */
export type ProduceRequest = { topic: string; messages: readonly Message[]; codec?: Codec; acks?: 0 | 1 | -1; idempotent?: boolean };

/** Where a consumer without a group begins. */
export type From = { kind: 'beginning' } | { kind: 'end' } | { kind: 'offset'; offset: number } | { kind: 'timestamp'; timestampMs: number };

/** Transactions of one producer, one after the other. */
export type TransactRequest = { transactionalId: string; transactions: readonly TransactionRequest[] };
/** Records, and offsets of a group, that are committed or aborted. */
export type TransactionRequest = { topic: string; messages: readonly Message[]; offset?: { group: string; topic: string; partition: number; offset: number }; commit: boolean };

/** How to consume without a group: until `count` records came or the time is over. */
export type ConsumeRequest = { topic: string; partitions: readonly number[]; from: From; count: number; timeoutMs?: number; fetchBytesMax?: number; resetTo?: 'earliest' | 'latest'; committedOnly?: boolean };

/** How to be a member of a group, of the classic protocol unless said otherwise; a `pattern` stands in for `topics`. Offsets are committed by `commit` only. In a process of its own it can vanish. */
export type JoinRequest = { group: string; topics: readonly string[]; resetTo?: 'earliest' | 'latest'; cooperative?: boolean; instanceId?: string; sessionMs?: number; ownProcess?: boolean; protocol?: 'classic' | 'consumer'; pattern?: string; assignor?: string };

/** What happened to a member since it was last asked. Partitions are named `topic-0`. */
export type MemberState = { assigned: string[]; received: Received[]; events: { kind: 'assigned' | 'revoked' | 'lost'; partitions: string[] }[] };

/** One member of a group. */
export interface Member {
  /** What came since the last call, and what is assigned now. Throws when the client failed. */
  state(): Promise<MemberState>;
  /** Commits what was handed out. */
  commit(): Promise<void>;
  /** Closes the client as its users would; a static member does not leave the group by it. */
  leave(): Promise<void>;
  /** Goes without a word, as a crash: only in a process of its own. */
  vanish?(): Promise<void>;
}

/** A producer that goes on while the broker comes and goes. Records are numbered per key: value `key:number`. */
export interface Load {
  ackedCount(): Promise<number>;
  /** Stops, waits for what is in flight; all that was acknowledged, in the order of the acknowledgements. */
  stop(): Promise<LoadResult>;
}
/** What a load did. An offset of -1 is unknown to the client. */
export type LoadResult = { acked: { key: number; number: number; partition: number; offset: number }[]; failed: { key: number; number: number; error: string }[] };

/** How to produce load: `rate` records per second over so many keys. */
export type LoadRequest = { topic: string; keys: number; rate: number; idempotent: boolean };

/** Where `listOffset` looks. */
export type OffsetAt = { kind: 'earliest' | 'latest' | 'max-timestamp' } | { kind: 'timestamp'; timestampMs: number };

/** Administration. Every call rejects with a ClientError whose code is Kafka's name of the error. */
export interface Admin {
  createTopic(topic: string, partitions: number, configs?: Record<string, string>): Promise<void>;
  deleteTopic(topic: string): Promise<void>;
  listTopics(): Promise<string[]>;
  describeTopic(topic: string): Promise<{ partitions: number; leaders: number }>;
  createPartitions(topic: string, partitions: number): Promise<void>;
  /** Name to [value, isDefault]. */
  describeConfig(topic: string): Promise<Record<string, [string | null, boolean]>>;
  alterConfig(topic: string, change: { set?: Record<string, string>; unset?: string[] }): Promise<void>;
  /** Resolves to the new start of the log. */
  deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<number>;
  listOffset(topic: string, partition: number, at: OffsetAt): Promise<number>;
  listGroups(): Promise<string[]>;
  describeGroup(group: string): Promise<{ state: string; members: number }>;
  deleteGroup(group: string): Promise<void>;
  /** `topic-0` to [offset, metadata]. */
  groupOffsets(group: string): Promise<Record<string, [number, string]>>;
  alterGroupOffset(group: string, topic: string, partition: number, offset: number, metadata?: string): Promise<void>;
  deleteGroupOffset(group: string, topic: string, partition: number): Promise<void>;
  describeCluster(): Promise<{ nodes: number; hasClusterId: boolean; hasController: boolean }>;
}

/** What a client may be without. Cases name what they need; `lacks` says why a client has no result there. */
export type Ability =
  | `codec:${Codec}` | `admin:${keyof Admin}` | 'null-header' | 'empty-value' | 'timestamps' | 'timestamps-back' | 'append-time' | 'reset' | 'cooperative' | 'static' | 'missing-group'
  | 'commit' | 'error-names' | 'group-metadata' | 'plain-order' | 'consumer-protocol' | 'pattern' | 'consumer-static' | 'consumer-growth' | 'migration' | 'transactions' | 'transaction-offsets' | 'committed-reads';

/** One client against one broker. */
export interface Driver extends AsyncDisposable {
  readonly name: ClientName;
  readonly lacks: Partial<Record<Ability, string>>;
  readonly admin: Admin;
  produce(request: ProduceRequest): Promise<Ack[]>;
  /** Resolves when all have ended as asked. */
  transact(request: TransactRequest): Promise<void>;
  consume(request: ConsumeRequest): Promise<Received[]>;
  join(request: JoinRequest): Promise<Member>;
  startLoad(request: LoadRequest): Promise<Load>;
}

/** An admin that has only some calls: the others reject. */
export function partialAdmin(name: string, calls: Partial<Admin>): Admin {
  return new Proxy(calls, {
    get: (target, property) => target[property as keyof Admin] ?? (() => Promise.reject(new Error(`${name} has no ${String(property)}`))),
  }) as Admin;
}

/** `lacks` for the calls that a client's admin is without. */
export function lacksAdmin(reason: string, ...calls: (keyof Admin)[]): Partial<Record<Ability, string>> {
  return Object.fromEntries(calls.map((call) => [`admin:${call}`, reason]));
}
