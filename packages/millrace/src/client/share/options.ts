// client/share/options.ts - what a share consumer may be told, and what it does when told nothing.
import { limits, MillraceError } from '../../base/mod.ts';
import type { TopicPartition } from '../partitions.ts';

/** What a server said of acknowledgements of one partition. */
export interface AcknowledgeResult extends TopicPartition {
  /** Offsets that were spoken of, rising. */
  readonly offsets: readonly number[];
  /**
   * Null when all of it is durable. Else nothing is sure: 'fenced' when a lock had expired or a record was decided already, 'disconnected' when the
   * answer was lost; what was not accepted comes again, here or elsewhere.
   */
  readonly error: MillraceError | null;
}

/** Settings of a share consumer. What concerns the group (locks, deliveries, where it begins) is configured there: admin().alterConfigs({ kind: 'group' ...}). */
export interface ShareConsumerOptions {
  /** The share group. */
  readonly group: string;
  /** Topics whose records the group's members share. */
  readonly topics: readonly string[];
  /**
   * 'implicit': a record counts as accepted when the next one is asked for, unless something else was said of it. 'explicit': every record is held until
   * accept(), release() or reject() is called, in any order; what is forgotten comes again when its lock expires (default 'implicit').
   */
  readonly acknowledgement?: 'implicit' | 'explicit';
  /** Records of one answer (default 500). */
  readonly recordsMax?: number;
  /** 'batch': an answer holds whole batches of the log, and so perhaps more than recordsMax. 'exact': it never does, on servers from Kafka 4.2 on (default 'batch'). */
  readonly acquire?: 'batch' | 'exact';
  /** Longest wait of the server for a first record, in ms (default 500). */
  readonly maxWaitMs?: number;
  /** The server answers once there are so many bytes (default 1). */
  readonly minBytes?: number;
  /** Bytes of one answer (default 16 MiB). */
  readonly maxBytes?: number;
  /** Told of every answer to acknowledgements. */
  readonly onAcknowledged?: (results: readonly AcknowledgeResult[]) => void;
}

/** The same with every choice made. */
export type ShareConsumerSettings = Required<Omit<ShareConsumerOptions, 'onAcknowledged'>> & Pick<ShareConsumerOptions, 'onAcknowledged'>;

/** Fills in defaults. Throws 'invalid-argument' for what does not fit. */
export function shareConsumerSettings(options: ShareConsumerOptions): ShareConsumerSettings {
  const settings: ShareConsumerSettings = {
    group: options.group, topics: [...new Set(options.topics)], acknowledgement: options.acknowledgement ?? 'implicit', recordsMax: options.recordsMax ?? 500, acquire: options.acquire ?? 'batch',
    maxWaitMs: options.maxWaitMs ?? 500, minBytes: options.minBytes ?? 1, maxBytes: options.maxBytes ?? limits.client.fetchBytesDefault, onAcknowledged: options.onAcknowledged,
  };
  refuse(typeof settings.group !== 'string' || settings.group === '', 'it needs a `group`');
  refuse(settings.topics.length === 0 || settings.topics.some((topic) => typeof topic !== 'string' || topic === ''), '`topics` are names of topics');
  refuse(!['implicit', 'explicit'].includes(settings.acknowledgement), "`acknowledgement` is 'implicit' or 'explicit'");
  refuse(!['batch', 'exact'].includes(settings.acquire), "`acquire` is 'batch' or 'exact'");
  for (const name of ['recordsMax', 'maxBytes'] as const) refuse(!Number.isInteger(settings[name]) || settings[name] < 1, `\`${name}\` is a whole number from 1 on`);
  for (const name of ['maxWaitMs', 'minBytes'] as const) refuse(!Number.isInteger(settings[name]) || settings[name] < 0, `\`${name}\` is a whole number from 0 on`);
  return settings;
}

function refuse(wrong: boolean, why: string): void {
  if (wrong) throw new MillraceError('invalid-argument', `Cannot make a share consumer: ${why}`);
}
