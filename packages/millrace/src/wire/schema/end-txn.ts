// wire/schema/end-txn.ts - EndTxn (key 26), versions 0-5.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { bool, int16, int32, int64, string } from '../field.ts';

/** Commits or aborts a transaction. */
export const EndTxn = api({
  name: 'EndTxn', key: 26, versions: '0-5', flexible: '3+',
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    committed: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64('5+', { default: -1 }),
    producerEpoch: int16('5+', { default: -1 }),
  },
});
