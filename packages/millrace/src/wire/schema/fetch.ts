// wire/schema/fetch.ts - Fetch (key 1), versions 4-18.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, int8, nullable, records, string, struct, uuid, wide64 } from '../field.ts';

/** Reads record batches from partitions, waiting for some if there are none. */
export const Fetch = api({
  name: 'Fetch', key: 1, versions: '4-18', flexible: '12+',
  request: {
    clusterId: nullable(string('12+', { default: null, tag: 0 })),
    replicaId: int32('4-14', { default: -1 }),
    replicaState: struct({
      replicaId: int32({ default: -1 }),
      replicaEpoch: int64({ default: -1 }),
    }, '15+', { tag: 1 }),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 2147483647 }),
    isolationLevel: int8(),
    sessionId: int32('7+'),
    sessionEpoch: int32('7+', { default: -1 }),
    topics: array(struct({
      topic: string('4-12'),
      topicId: uuid('13+'),
      partitions: array(struct({
        partition: int32(),
        currentLeaderEpoch: int32('9+', { default: -1 }),
        fetchOffset: wide64(),
        lastFetchedEpoch: int32('12+', { default: -1 }),
        logStartOffset: wide64('5+', { default: -1 }),
        partitionMaxBytes: int32(),
        replicaDirectoryId: uuid('17+', { tag: 0 }),
        highWatermark: wide64('18+', { default: Infinity, tag: 1 }),
      })),
    })),
    forgottenTopicsData: array(struct({
      topic: string('7-12'),
      topicId: uuid('13+'),
      partitions: array(int32()),
    }), '7+'),
    rackId: string('11+'),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16('7+'),
    sessionId: int32('7+'),
    responses: array(struct({
      topic: string('4-12'),
      topicId: uuid('13+'),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
        highWatermark: int64(),
        lastStableOffset: int64({ default: -1 }),
        logStartOffset: int64('5+', { default: -1 }),
        divergingEpoch: struct({
          epoch: int32({ default: -1 }),
          endOffset: int64({ default: -1 }),
        }, '12+', { tag: 0 }),
        currentLeader: struct({
          leaderId: int32({ default: -1 }),
          leaderEpoch: int32({ default: -1 }),
        }, '12+', { tag: 1 }),
        snapshotId: struct({
          endOffset: int64({ default: -1 }),
          epoch: int32({ default: -1 }),
        }, '12+', { tag: 2 }),
        abortedTransactions: nullable(array(struct({
          producerId: int64(),
          firstOffset: int64(),
        }))),
        preferredReadReplica: int32('11+', { default: -1 }),
        records: nullable(records()),
      })),
    })),
    nodeEndpoints: array(struct({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: nullable(string({ default: null })),
    }), '16+', { tag: 0 }),
  },
});
