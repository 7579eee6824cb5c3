// wire/schema/list-transactions.ts - ListTransactions (key 66), versions 0-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, nullable, string, struct, wide64 } from '../field.ts';

/** Lists transactions, filtered by state, producer, duration or name. */
export const ListTransactions = api({
  name: 'ListTransactions', key: 66, versions: '0-2', flexible: '0+',
  request: {
    stateFilters: array(string()),
    producerIdFilters: array(int64()),
    durationFilter: wide64('1+', { default: -1 }),
    transactionalIdPattern: nullable(string('2+', { default: null })),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    unknownStateFilters: array(string()),
    transactionStates: array(struct({
      transactionalId: string(),
      producerId: int64(),
      transactionState: string(),
    })),
  },
});
