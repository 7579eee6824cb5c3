// client/mod.ts - the door of floor 4: connect() and the types of what it gives. Importing it loads next to nothing; the client itself
// and its native libraries are loaded by the first connect().
import type { Client } from './client.ts';
import type { ClientOptions, ConnectTarget } from './options.ts';
import type { Move } from './move/move.ts';
import type { MoveOptions } from './move/options.ts';

export type { ErrorCode, MillraceError } from '../base/mod.ts';
export type { Client } from './client.ts';
export type { ClientOptions, ConnectTarget, LocalNode } from './options.ts';
export type { Address } from './net/address.ts';
export type { BearerToken, ClientSasl, ClientTls, PasswordLogin, TokenLogin } from './net/security.ts';
export type { ClientPorts } from './net/ports.ts';
export type { TopicPartition } from './partitions.ts';
export type { CommittedOffset, FoundOffset, OffsetQuery, OffsetSpec, OffsetToCommit } from './offsets.ts';
export type { Admin, AdminCallOptions } from './admin/admin.ts';
export type { AccessOperation, AccessResource, AccessRule, AccessRuleFilter } from './admin/acls.ts';
export type { ClusterDescription, LogDirDescription } from './admin/cluster.ts';
export type { ConfigChange, ConfigDescription, ConfigEntry, ConfigResource } from './admin/configs.ts';
export type { GroupDescription, GroupLag, GroupListing, MemberDescription, MemberToRemove } from './admin/groups.ts';
export type { EntityQuotas, QuotaChange, QuotaEntity, QuotaFilter, QuotaKey } from './admin/quotas.ts';
export type { ShareGroupDescription, ShareGroupPosition, ShareMemberDescription } from './admin/share-groups.ts';
export type { CreatedTopic, NewTopic, TopicDescription } from './admin/topics.ts';
export type { NewCredential, OldCredential, ScramUser, UserCredential } from './admin/users.ts';
export type { Move } from './move/move.ts';
export type { CutoverReport, MovedGroup, MoveKind, MoveOptions, MovePlan, MoveProgress, PartitionCheck, RefusedSetting, TopicPlan, VerifyReport } from './move/options.ts';
export type { AssignorName } from './consumer/assignor.ts';
export type { Consumer, ConsumerPhase, PartitionLag } from './consumer/consumer.ts';
export type { AssignedPartition, ConsumerOptions, StartAt } from './consumer/options.ts';
export type { ConsumedRecord, RecordBatch, RecordReader } from './consumer/record-batch.ts';
export type { RunOptions } from './consumer/runner.ts';
export type { ProducerOptions } from './producer/options.ts';
export type { Partitioner } from './producer/partitioner.ts';
export type { ProducedRecords } from './producer/outcome.ts';
export type { Producer } from './producer/producer.ts';
export type { OffsetOwner, Transaction, TransactionalProducer, TransactionalProducerOptions } from './producer/transactional-producer.ts';
export type { AcknowledgeResult, ShareConsumerOptions } from './share/options.ts';
export type { ShareConsumer, ShareConsumerPhase } from './share/share-consumer.ts';
export type { ShareRecord } from './share/share-record.ts';
export type { Bytes, HeadersInit, ProducerRecord, RecordPosition } from './producer/record.ts';

/**
 * Connects to a Millrace node or an Apache Kafka cluster, and waits for one that is still starting. Rejects 'disconnected' when nothing listens at
 * any of the addresses until `connectTimeoutMs`, 'timeout' when what listens does not answer, 'invalid-argument' for an address that is none.
 * Later losses are waited out by the calls.
 * @example
 * await using client = await connect('localhost:9092');
 * await client.producer().send({ topic: 'flights', key: 'SFO', value: 'departed' });
 */
export async function connect(target: ConnectTarget, options: ClientOptions = {}): Promise<Client> {
  const { openClient } = await import('./client.ts');
  return await openClient(target, options);
}

/**
 * Plans a move of topics, with records, settings and group positions, from one cluster to another; nothing is changed yet. See Move.open for what it rejects with.
 * @example
 * await using move = await planMove({ from: 'kafka://old:9092', to: 'kafka://new:9092', topics: ['orders*'] });
 * await move.prepare();
 * await move.copy();
 * const { groups } = await move.cutover();
 */
export async function planMove(options: MoveOptions): Promise<Move> {
  const { Move } = await import('./move/move.ts');
  return await Move.open(options);
}
