// wire/schema/describe-transactions.ts - DescribeTransactions (key 65), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, string, struct } from '../field.ts';

/** Shows the state of transactions. */
export const DescribeTransactions = api({
  name: 'DescribeTransactions', key: 65, versions: '0', flexible: '0+',
  request: {
    transactionalIds: array(string()),
  },
  response: {
    throttleTimeMs: int32(),
    transactionStates: array(struct({
      errorCode: int16(),
      transactionalId: string(),
      transactionState: string(),
      transactionTimeoutMs: int32(),
      transactionStartTimeMs: int64(),
      producerId: int64(),
      producerEpoch: int16(),
      topics: array(struct({
        topic: string(),
        partitions: array(int32()),
      })),
    })),
  },
});
