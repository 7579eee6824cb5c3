// broker/services.ts - what every handler of the broker may use.
// Owns: the type. Never: state of its own.
import type { Report } from '../base/mod.ts';
import type { Log } from '../log/mod.ts';
import type { Clock, Random } from '../os/mod.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import type { NodeConfig } from './config/node-config.ts';
import type { MemoryBudget } from './connection/memory-budget.ts';
import type { BrokerMetrics } from './metrics/broker-metrics.ts';
import type { ProducerIds } from './produce/producer-ids.ts';
import type { SchemaGate } from './produce/schema-gate.ts';
import type { Validator } from './produce/validator.ts';
import type { ProducerStore } from './produce/producer-store.ts';
import type { KeyedLog } from './keyed-log.ts';
import type { Quotas } from './quotas/quotas.ts';
import type { Topics } from './topics/topics.ts';

/** The parts of one node, as its handlers see them. */
export interface Services {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly config: NodeConfig;
  readonly topics: Topics;
  /** Topics, configuration, identities: the node's facts. */
  readonly metadata: KeyedLog;
  readonly producerIds: ProducerIds;
  readonly producers: ProducerStore;
  /** Who judges records of topics that carry schemas. */
  readonly validator: Validator;
  /** Where their batches wait. */
  readonly gate: SchemaGate;
  /** Null when everybody may do everything. */
  readonly authorizer: Authorizer | null;
  readonly quotas: Quotas;
  /** Bytes of responses on their way. */
  readonly responseMemory: MemoryBudget;
  /** What is counted for operators. */
  readonly metrics: BrokerMetrics;
  readonly nodeId: number;
  /** Brokers that clients see: the node, and those that it plays besides (world/). */
  readonly brokerIds: readonly number[];
  readonly clusterId: string;
  /** Folder shown to tools as the log directory. */
  readonly logFolder: string;
  /** Bytes left on the disk. */
  freeBytes(): Promise<number>;
  /** One line for the operator. */
  readonly report: Report;
}

/** The only leader epoch there is: one node never hands a partition over. */
export const leaderEpoch = 0;
