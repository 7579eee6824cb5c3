// wire/schema/write-txn-markers.ts - WriteTxnMarkers (key 27), versions 1-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int64, int8, string, struct } from '../field.ts';

/** Writes the ends of transactions into partitions. */
export const WriteTxnMarkers = api({
  name: 'WriteTxnMarkers', key: 27, versions: '1-2', flexible: '1+',
  request: {
    markers: array(struct({
      producerId: int64(),
      producerEpoch: int16(),
      transactionResult: bool(),
      topics: array(struct({
        name: string(),
        partitionIndexes: array(int32()),
      })),
      coordinatorEpoch: int32(),
      transactionVersion: int8('2+'),
    })),
  },
  response: {
    markers: array(struct({
      producerId: int64(),
      topics: array(struct({
        name: string(),
        partitions: array(struct({
          partitionIndex: int32(),
          errorCode: int16(),
        })),
      })),
    })),
  },
});
