// client/producer/options.ts - what a producer may be told, and what it does when told nothing.
import { limits, MillraceError } from '../../base/mod.ts';
import { codecs, type Codec } from '../../wire/mod.ts';
import type { Partitioner } from './partitioner.ts';

/** Settings of a producer. The defaults lose nothing, double nothing and keep the order. */
export interface ProducerOptions {
  /** When a record counts as stored: once all in-sync replicas have it ('all', the default), the leader (1), or it was sent (0: nobody knows). */
  readonly acks?: 'all' | 1 | 0;
  /** Whether the server drops what it already has when a batch is sent again (default true with acks 'all'). Without it, one batch per partition is under way at a time, so order is kept, but a lost answer doubles records. */
  readonly idempotent?: boolean;
  /** Compression of batches (default 'none'). */
  readonly compression?: Codec;
  /** Longest wait of a record for company while other requests are under way, in ms (default 5). With none under way it goes at once. */
  readonly lingerMs?: number;
  /** A batch closes at this size (default 256 KiB). */
  readonly batchBytes?: number;
  /** Records waiting to be stored take at most this much; then send() waits and trySend() says no (default 32 MiB). */
  readonly bufferBytes?: number;
  /** A record that is not stored by then fails, in ms (default 120 000). */
  readonly deliveryTimeoutMs?: number;
  /** Chooses partitions in place of the default: Java's hash for keys, sticky without a key. */
  readonly partitioner?: Partitioner;
  /** Told of records that failed and were sent by trySend(), once a batch; `partition` is -1 for records that were refused before they had one. */
  readonly onError?: (error: Error, batch: { readonly topic: string; readonly partition: number; readonly recordCount: number }) => void;
}

/** The same with every choice made. */
export type ProducerSettings = Required<Omit<ProducerOptions, 'partitioner' | 'onError'>> & Pick<ProducerOptions, 'partitioner' | 'onError'>;

/** Fills in defaults. Throws 'invalid-argument' for what does not fit together. */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const acks = options.acks ?? 'all';
  const settings: ProducerSettings = {
    acks,
    idempotent: options.idempotent ?? acks === 'all',
    compression: options.compression ?? 'none',
    lingerMs: options.lingerMs ?? 5,
    batchBytes: options.batchBytes ?? limits.client.producerBatchBytesDefault,
    bufferBytes: options.bufferBytes ?? limits.client.producerBufferBytesDefault,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
    partitioner: options.partitioner,
    onError: options.onError,
  };
  refuse(settings.idempotent && acks !== 'all', "an idempotent producer needs acks 'all'");
  refuse(acks !== 'all' && acks !== 1 && acks !== 0, `acks is 'all', 1 or 0, not '${String(acks)}'`);
  refuse(!codecs.includes(settings.compression), `compression is one of ${codecs.join(', ')}`);
  refuse(!(settings.lingerMs >= 0), 'lingerMs is at least 0');
  refuse(!(settings.batchBytes >= 1), 'batchBytes is at least 1');
  refuse(!(settings.bufferBytes >= settings.batchBytes), 'bufferBytes holds at least one batch');
  refuse(!(settings.deliveryTimeoutMs > 0), 'deliveryTimeoutMs is more than 0');
  return settings;
}

function refuse(wrong: boolean, why: string): void {
  if (wrong) throw new MillraceError('invalid-argument', `Cannot make a producer: ${why}`);
}
