// wire/schema/init-producer-id.ts - InitProducerId (key 22), versions 0-5.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { int16, int32, int64, nullable, string } from '../field.ts';

/** Gives out a producer id and epoch, fencing earlier users of a transactional id. */
export const InitProducerId = api({
  name: 'InitProducerId', key: 22, versions: '0-5', flexible: '2+',
  request: {
    transactionalId: nullable(string()),
    transactionTimeoutMs: int32(),
    producerId: int64('3+', { default: -1 }),
    producerEpoch: int16('3+', { default: -1 }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ default: -1 }),
    producerEpoch: int16(),
  },
});
