// wire/schema/add-offsets-to-txn.ts - AddOffsetsToTxn (key 25), versions 0-4.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { int16, int32, int64, string } from '../field.ts';

/** Adds a group's offsets to a transaction. */
export const AddOffsetsToTxn = api({
  name: 'AddOffsetsToTxn', key: 25, versions: '0-4', flexible: '3+',
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    groupId: string(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
  },
});
