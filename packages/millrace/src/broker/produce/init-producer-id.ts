// broker/produce/init-producer-id.ts - InitProducerId: an identity for an idempotent producer.
// An idempotent producer that asks again gets a fresh id with epoch 0, as from Kafka: its old batches end with the old id.
import { errorCodes, InitProducerId } from '../../wire/mod.ts';
import type { Handler } from '../handlers.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';

/** The handler of InitProducerId. Transactional ids are refused: transactions are not served yet. */
export function initProducerIdHandler(services: Services): Handler<typeof InitProducerId> {
  return (request, context) => {
    const refuse = (errorCode: number) => context.reply({ errorCode, producerId: -1, producerEpoch: -1 });
    if (request.transactionalId === '') return refuse(errorCodes.INVALID_REQUEST);
    if (request.transactionalId !== null) return refuse(errorCodes.UNSUPPORTED_VERSION);
    services.producerIds.take().then(
      (producerId) => context.reply({ errorCode: errorCodes.NONE, producerId, producerEpoch: 0 }),
      (error: unknown) => refuse(storageErrorCode(error)),
    );
  };
}
