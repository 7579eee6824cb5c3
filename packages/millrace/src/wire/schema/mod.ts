// wire/schema/mod.ts - every message pair, by key.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import type { Api } from '../api.ts';
import { Produce } from './produce.ts';
import { Fetch } from './fetch.ts';
import { ListOffsets } from './list-offsets.ts';
import { Metadata } from './metadata.ts';
import { OffsetCommit } from './offset-commit.ts';
import { OffsetFetch } from './offset-fetch.ts';
import { FindCoordinator } from './find-coordinator.ts';
import { JoinGroup } from './join-group.ts';
import { Heartbeat } from './heartbeat.ts';
import { LeaveGroup } from './leave-group.ts';
import { SyncGroup } from './sync-group.ts';
import { DescribeGroups } from './describe-groups.ts';
import { ListGroups } from './list-groups.ts';
import { SaslHandshake } from './sasl-handshake.ts';
import { ApiVersions } from './api-versions.ts';
import { CreateTopics } from './create-topics.ts';
import { DeleteTopics } from './delete-topics.ts';
import { DeleteRecords } from './delete-records.ts';
import { InitProducerId } from './init-producer-id.ts';
import { OffsetForLeaderEpoch } from './offset-for-leader-epoch.ts';
import { AddPartitionsToTxn } from './add-partitions-to-txn.ts';
import { AddOffsetsToTxn } from './add-offsets-to-txn.ts';
import { EndTxn } from './end-txn.ts';
import { WriteTxnMarkers } from './write-txn-markers.ts';
import { TxnOffsetCommit } from './txn-offset-commit.ts';
import { DescribeAcls } from './describe-acls.ts';
import { CreateAcls } from './create-acls.ts';
import { DeleteAcls } from './delete-acls.ts';
import { DescribeConfigs } from './describe-configs.ts';
import { AlterConfigs } from './alter-configs.ts';
import { AlterReplicaLogDirs } from './alter-replica-log-dirs.ts';
import { DescribeLogDirs } from './describe-log-dirs.ts';
import { SaslAuthenticate } from './sasl-authenticate.ts';
import { CreatePartitions } from './create-partitions.ts';
import { CreateDelegationToken } from './create-delegation-token.ts';
import { RenewDelegationToken } from './renew-delegation-token.ts';
import { ExpireDelegationToken } from './expire-delegation-token.ts';
import { DescribeDelegationToken } from './describe-delegation-token.ts';
import { DeleteGroups } from './delete-groups.ts';
import { ElectLeaders } from './elect-leaders.ts';
import { IncrementalAlterConfigs } from './incremental-alter-configs.ts';
import { AlterPartitionReassignments } from './alter-partition-reassignments.ts';
import { ListPartitionReassignments } from './list-partition-reassignments.ts';
import { OffsetDelete } from './offset-delete.ts';
import { DescribeClientQuotas } from './describe-client-quotas.ts';
import { AlterClientQuotas } from './alter-client-quotas.ts';
import { DescribeUserScramCredentials } from './describe-user-scram-credentials.ts';
import { AlterUserScramCredentials } from './alter-user-scram-credentials.ts';
import { DescribeQuorum } from './describe-quorum.ts';
import { UpdateFeatures } from './update-features.ts';
import { DescribeCluster } from './describe-cluster.ts';
import { DescribeProducers } from './describe-producers.ts';
import { UnregisterBroker } from './unregister-broker.ts';
import { DescribeTransactions } from './describe-transactions.ts';
import { ListTransactions } from './list-transactions.ts';
import { ConsumerGroupHeartbeat } from './consumer-group-heartbeat.ts';
import { ConsumerGroupDescribe } from './consumer-group-describe.ts';
import { GetTelemetrySubscriptions } from './get-telemetry-subscriptions.ts';
import { PushTelemetry } from './push-telemetry.ts';
import { ListConfigResources } from './list-config-resources.ts';
import { DescribeTopicPartitions } from './describe-topic-partitions.ts';
import { ShareGroupHeartbeat } from './share-group-heartbeat.ts';
import { ShareGroupDescribe } from './share-group-describe.ts';
import { ShareFetch } from './share-fetch.ts';
import { ShareAcknowledge } from './share-acknowledge.ts';
import { StreamsGroupHeartbeat } from './streams-group-heartbeat.ts';
import { StreamsGroupDescribe } from './streams-group-describe.ts';
import { DescribeShareGroupOffsets } from './describe-share-group-offsets.ts';
import { AlterShareGroupOffsets } from './alter-share-group-offsets.ts';
import { DeleteShareGroupOffsets } from './delete-share-group-offsets.ts';

export {
  Produce, Fetch, ListOffsets, Metadata, OffsetCommit, OffsetFetch, FindCoordinator, JoinGroup, Heartbeat, LeaveGroup,
  SyncGroup, DescribeGroups, ListGroups, SaslHandshake, ApiVersions, CreateTopics, DeleteTopics, DeleteRecords,
  InitProducerId, OffsetForLeaderEpoch, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, WriteTxnMarkers, TxnOffsetCommit,
  DescribeAcls, CreateAcls, DeleteAcls, DescribeConfigs, AlterConfigs, AlterReplicaLogDirs, DescribeLogDirs,
  SaslAuthenticate, CreatePartitions, CreateDelegationToken, RenewDelegationToken, ExpireDelegationToken,
  DescribeDelegationToken, DeleteGroups, ElectLeaders, IncrementalAlterConfigs, AlterPartitionReassignments,
  ListPartitionReassignments, OffsetDelete, DescribeClientQuotas, AlterClientQuotas, DescribeUserScramCredentials,
  AlterUserScramCredentials, DescribeQuorum, UpdateFeatures, DescribeCluster, DescribeProducers, UnregisterBroker,
  DescribeTransactions, ListTransactions, ConsumerGroupHeartbeat, ConsumerGroupDescribe, GetTelemetrySubscriptions,
  PushTelemetry, ListConfigResources, DescribeTopicPartitions, ShareGroupHeartbeat, ShareGroupDescribe, ShareFetch,
  ShareAcknowledge, StreamsGroupHeartbeat, StreamsGroupDescribe, DescribeShareGroupOffsets, AlterShareGroupOffsets,
  DeleteShareGroupOffsets,
};

/** Every message pair, in the order of their keys. */
export const apis: readonly Api[] = Object.freeze([
  Produce, Fetch, ListOffsets, Metadata, OffsetCommit, OffsetFetch, FindCoordinator, JoinGroup, Heartbeat, LeaveGroup,
  SyncGroup, DescribeGroups, ListGroups, SaslHandshake, ApiVersions, CreateTopics, DeleteTopics, DeleteRecords,
  InitProducerId, OffsetForLeaderEpoch, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, WriteTxnMarkers, TxnOffsetCommit,
  DescribeAcls, CreateAcls, DeleteAcls, DescribeConfigs, AlterConfigs, AlterReplicaLogDirs, DescribeLogDirs,
  SaslAuthenticate, CreatePartitions, CreateDelegationToken, RenewDelegationToken, ExpireDelegationToken,
  DescribeDelegationToken, DeleteGroups, ElectLeaders, IncrementalAlterConfigs, AlterPartitionReassignments,
  ListPartitionReassignments, OffsetDelete, DescribeClientQuotas, AlterClientQuotas, DescribeUserScramCredentials,
  AlterUserScramCredentials, DescribeQuorum, UpdateFeatures, DescribeCluster, DescribeProducers, UnregisterBroker,
  DescribeTransactions, ListTransactions, ConsumerGroupHeartbeat, ConsumerGroupDescribe, GetTelemetrySubscriptions,
  PushTelemetry, ListConfigResources, DescribeTopicPartitions, ShareGroupHeartbeat, ShareGroupDescribe, ShareFetch,
  ShareAcknowledge, StreamsGroupHeartbeat, StreamsGroupDescribe, DescribeShareGroupOffsets, AlterShareGroupOffsets,
  DeleteShareGroupOffsets,
]);
