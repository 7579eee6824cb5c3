// client/move/options.ts - what a move may be told, and what it tells.
import type { ClientOptions, ConnectTarget } from '../options.ts';
import type { TopicPartition } from '../partitions.ts';

/** From where to where, and what. */
export interface MoveOptions {
  readonly from: ConnectTarget;
  readonly to: ConnectTarget;
  /** How the two are reached. */
  readonly fromOptions?: ClientOptions;
  readonly toOptions?: ClientOptions;
  /** Names of topics, also with '*' for any characters (default: all that are not the servers' own). */
  readonly topics?: readonly string[];
  /** Names of groups whose positions are moved, in the same form (default: all). */
  readonly groups?: readonly string[];
  /** Only verify(): topics are compared whatever became of them at the target. */
  readonly onlyVerify?: boolean;
  /** Told of what happens, at most every second while copying. */
  readonly onProgress?: (progress: MoveProgress) => void;
  /** One line of what is worth knowing: a retry, records that expired meanwhile. */
  readonly onNote?: (line: string) => void;
}

/** How offsets come over: 'exact' where the target is Millrace, 'mapped' where it is another Kafka. */
export type MoveKind = 'exact' | 'mapped';

/** A setting that the target does not take. */
export interface RefusedSetting { readonly name: string; readonly value: string; readonly why: string }

/** What will be done for a topic. */
export interface TopicPlan {
  readonly topic: string;
  /** Of the source. */
  readonly topicId: string;
  readonly partitions: number;
  /** 'begun': an earlier run of this move has made it at the target; 'done': its cutover is over, and it is left alone. */
  readonly state: 'new' | 'begun' | 'done';
  /** Offsets between start and end of the source, over all partitions: records, and gaps between them. */
  readonly offsetsToCopy: number;
  /** Settings of the topic, in force from its creation or from the cutover on: what would delete or refuse records waits until then. */
  readonly settings: Readonly<Record<string, string>>;
  readonly settingsAtCutover: Readonly<Record<string, string>>;
  readonly refused: readonly RefusedSetting[];
}

/** What a move would do. */
export interface MovePlan {
  readonly kind: MoveKind;
  readonly sourceId: string;
  readonly targetId: string;
  readonly topics: readonly TopicPlan[];
  readonly groups: readonly string[];
  /** What stays behind, in words: topics of the server's own, ACLs, users, quotas. */
  readonly notMoved: readonly string[];
}

/** How far it is. */
export interface MoveProgress {
  readonly phase: 'copying' | 'following' | 'verifying';
  readonly records: number;
  readonly bytes: number;
  readonly recordsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Offsets of the source that are still to be copied (or read, while verifying), and how long that takes at this rate; null while there is no rate. */
  readonly offsetsLeft: number;
  readonly secondsLeft: number | null;
}

/** Counts and checksums of one partition on both sides. */
export interface PartitionCheck extends TopicPartition {
  readonly records: number;
  readonly checksum: string;
  readonly isEqual: boolean;
  /** Of the target, where they differ. */
  readonly targetRecords?: number;
  readonly targetChecksum?: string;
}

/** What a verification found. */
export interface VerifyReport { readonly partitions: readonly PartitionCheck[]; readonly records: number; readonly isEqual: boolean }

/** A group whose positions were moved, or why not. */
export interface MovedGroup { readonly group: string; readonly positions: number; readonly failure?: string }

/** What a cutover did. */
export interface CutoverReport { readonly groups: readonly MovedGroup[]; readonly verified: VerifyReport | null }
