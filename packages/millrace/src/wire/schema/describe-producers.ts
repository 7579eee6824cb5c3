// wire/schema/describe-producers.ts - DescribeProducers (key 61), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, nullable, string, struct } from '../field.ts';

/** Lists the producers with state in a partition. */
export const DescribeProducers = api({
  name: 'DescribeProducers', key: 61, versions: '0', flexible: '0+',
  request: {
    topics: array(struct({
      name: string(),
      partitionIndexes: array(int32()),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: nullable(string({ default: null })),
        activeProducers: array(struct({
          producerId: int64(),
          producerEpoch: int32(),
          lastSequence: int32({ default: -1 }),
          lastTimestamp: int64({ default: -1 }),
          coordinatorEpoch: int32(),
          currentTxnStartOffset: int64({ default: -1 }),
        })),
      })),
    })),
  },
});
