// wire/schema/produce.ts - Produce (key 0), versions 3-13.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, nullable, records, string, struct, uuid } from '../field.ts';

/** Appends record batches to partitions. */
export const Produce = api({
  name: 'Produce', key: 0, versions: '3-13', flexible: '9+',
  request: {
    transactionalId: nullable(string({ default: null })),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array(struct({
      name: string('3-12'),
      topicId: uuid('13+'),
      partitionData: array(struct({
        index: int32(),
        records: nullable(records()),
      })),
    })),
  },
  response: {
    responses: array(struct({
      name: string('3-12'),
      topicId: uuid('13+'),
      partitionResponses: array(struct({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        logAppendTimeMs: int64({ default: -1 }),
        logStartOffset: int64('5+', { default: -1 }),
        recordErrors: array(struct({
          batchIndex: int32(),
          batchIndexErrorMessage: nullable(string({ default: null })),
        }), '8+'),
        errorMessage: nullable(string('8+', { default: null })),
        currentLeader: struct({
          leaderId: int32({ default: -1 }),
          leaderEpoch: int32({ default: -1 }),
        }, '10+', { tag: 0 }),
      })),
    })),
    throttleTimeMs: int32(),
    nodeEndpoints: array(struct({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: nullable(string({ default: null })),
    }), '10+', { tag: 0 }),
  },
});
