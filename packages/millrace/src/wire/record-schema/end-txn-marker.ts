// wire/record-schema/end-txn-marker.ts - EndTxnMarker, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { int32 } from '../field.ts';

/** Value of a control record that ends a transaction. */
export const EndTxnMarker = message({
  name: 'EndTxnMarker', versions: '0', flexible: 'none',
  fields: {
    coordinatorEpoch: int32(),
  },
});
