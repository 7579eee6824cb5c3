// broker/share/dead-letters.ts - records that were given up, as records of another topic (KIP-1191).
// Owns: which topic, what is written. Never: when records are given up (release, reject), the append (share-log.ts).
// D1 A dead letter names its record in headers; key and value are copied where the group asks for it, headers are not. It goes to the partition with
// the record's own number, modulo how many there are. D2 What cannot be written (no such topic, not allowed) is said in the report, and the record
// is archived all the same: it must not hold the group up. D3 Letters that are too many for one append go ahead of the change: a crash in
// between repeats them, and loses none.
import { isMillraceError, limits, MiB } from '../../base/mod.ts';
import type { AppendBatch, JointAppend } from '../../log/mod.ts';
import { BatchBuilder, BatchCursor, RecordCursor } from '../../wire/mod.ts';
import { configBoolean } from '../config/definition.ts';
import type { Services } from '../services.ts';
import type { Topic, TopicPartition } from '../topics/topic.ts';
import type { DeadLetters } from './effects.ts';

/** Letters of one change, to be appended together with it; `noteAppended` is to be told when they were. */
export interface PreparedLetters { readonly parts: readonly JointAppend[]; noteAppended(): void }

const noLetters: PreparedLetters = { parts: [], noteAppended() {} };
const readBytes = 1 * MiB;
const headers = { topic: '__dlq.errors.topic', partition: '__dlq.errors.partition', offset: '__dlq.errors.offset', group: '__dlq.errors.group', deliveryCount: '__dlq.errors.delivery.count', message: '__dlq.errors.message' } as const;
/** A record that is larger is named and not copied. */
const copyBytesMax = limits.share.deadLetterBytesMax / 2;

/** Writes the dead letters of share groups. */
export class DeadLetterOffice {
  readonly #services: Services;
  /** What was said in the report of each group, to say it once. */
  readonly #told = new Map<string, string>();

  constructor(services: Services) {
    this.#services = services;
    services.groupConfigs.onChange((group) => this.#told.delete(group));
  }

  /** Whether the group wants dead letters at all. */
  isWanted(group: string): boolean { return this.#services.groupConfigs.text(group, 'errors.deadletterqueue.topic.name') !== ''; }

  /** Makes the letters of a change, and appends those that are too many to go with it (D3). Rejects with what the log says of these. */
  async prepare(group: string, source: TopicPartition, given: readonly DeadLetters[]): Promise<PreparedLetters> {
    const topic = await this.#topicOf(group);
    if (topic === null) return noLetters;
    const pile = new LetterPile(this.#services, group, source, topic.partitions[source.index % topic.partitions.length]!);
    const copies = this.#services.groupConfigs.boolean(group, 'errors.deadletterqueue.copy.record.enable');
    for (const letters of given) {
      let next = letters.first;
      if (copies) {
        try {
          for await (const records of recordsOf(source, letters.first, letters.last)) {
            for (; next < records.offset; next++) pile.add(next, letters, null, null);
            if (records.keyLength + records.valueLength > copyBytesMax) this.#tell(group, `record ${next} of ${source.name} is too large to be copied: its dead letter only names it`);
            else pile.add(next++, letters, records.key(), records.value());
            if (pile.isFull) await pile.appendEarly();
          }
        } catch (error) {
          if (!isMillraceError(error, 'data-damaged') && !isMillraceError(error, 'offset-out-of-range') && !isMillraceError(error, 'corrupt-batch')) throw error;
          this.#tell(group, `records of ${source.name} from ${next} on cannot be read: ${error.message}; their dead letters only name them`);
        }
      }
      for (; next <= letters.last; next++) {
        pile.add(next, letters, null, null);
        if (pile.isFull) await pile.appendEarly();
      }
    }
    return pile.finish();
  }

  /** The group's topic, made if that is allowed; null when it may not be written to. */
  async #topicOf(group: string): Promise<Topic | null> {
    const { groupConfigs, topics, config } = this.#services;
    const name = groupConfigs.text(group, 'errors.deadletterqueue.topic.name');
    const prefix = config.text('errors.deadletterqueue.topic.name.prefix') ?? '';
    const refuse = (why: string): null => { this.#tell(group, why); return null; };
    if (name === '') return null;
    if (!name.startsWith(prefix)) return refuse(`topic '${name}' does not begin with '${prefix}' (errors.deadletterqueue.topic.name.prefix)`);
    const topic = topics.byName(name);
    if (topic === undefined) {
      if (!config.boolean('errors.deadletterqueue.auto.create.topics.enable')) return refuse(`topic '${name}' does not exist, and errors.deadletterqueue.auto.create.topics.enable is off`);
      return await topics.create(name, config.number('num.partitions'), new Map([['errors.deadletterqueue.group.enable', 'true'], ['message.timestamp.type', 'CreateTime']]));
    }
    if (topic.internal || !configBoolean(topic.config.get('errors.deadletterqueue.group.enable') ?? 'false')) return refuse(`topic '${name}' does not take dead letters (errors.deadletterqueue.group.enable)`);
    return topic;
  }

  #tell(group: string, why: string): void {
    if (this.#told.get(group) === why) return;
    if (this.#told.size >= limits.share.groupsMax) this.#told.clear();
    this.#told.set(group, why);
    this.#services.report(`share group ${group}: a dead letter was not written as asked: ${why}`, 'warn');
  }
}

/** Dead letters that are being put together. */
class LetterPile {
  readonly #services: Services;
  readonly #group: string;
  readonly #source: TopicPartition;
  readonly #target: TopicPartition;
  readonly #bytesMax: number;
  readonly #builder = new BatchBuilder();
  #batches: AppendBatch[] = [];
  #bytes = 0;

  constructor(services: Services, group: string, source: TopicPartition, target: TopicPartition) {
    this.#services = services;
    this.#group = group;
    this.#source = source;
    this.#target = target;
    this.#bytesMax = Math.min(target.topic.settings.messageBytesMax, copyBytesMax);
  }

  /** As many as go with a change. */
  get isFull(): boolean { return this.#bytes + this.#builder.sizeBytes > copyBytesMax; }

  add(offset: number, { deliveryCount, cause }: DeadLetters, key: Uint8Array | null, value: Uint8Array | null): void {
    if (this.#builder.sizeBytes + (key?.length ?? 0) + (value?.length ?? 0) > this.#bytesMax) this.#endBatch();
    this.#builder.append(this.#services.clock.nowMs(), key, value, [
      { key: headers.topic, value: this.#source.topic.name }, { key: headers.partition, value: String(this.#source.index) }, { key: headers.offset, value: String(offset) },
      { key: headers.group, value: this.#group }, { key: headers.deliveryCount, value: String(deliveryCount) }, { key: headers.message, value: cause },
    ]);
  }

  /** Appends what there is; resolves once it is durable. */
  appendEarly(): Promise<void> {
    const { parts, noteAppended } = this.finish();
    return new Promise((resolve, reject) => {
      this.#services.log.appendTogether(parts, (error) => (error === null ? resolve() : reject(error)));
      noteAppended();
    });
  }

  /** What there is, to be appended by the caller. */
  finish(): PreparedLetters {
    this.#endBatch();
    const batches = this.#batches;
    this.#batches = [];
    this.#bytes = 0;
    const noteAppended = (): void => { for (const { bytes } of batches) this.#services.producers.appended(this.#target, bytes.length); };
    return { parts: batches.length === 0 ? [] : [{ partition: this.#target.log, batches }], noteAppended };
  }

  #endBatch(): void {
    const offsetCount = this.#builder.recordCount;
    if (offsetCount === 0) return;
    const bytes = this.#builder.finish();
    this.#bytes += bytes.length;
    this.#batches.push({ bytes, offsetCount, maxTimestampMs: this.#services.clock.nowMs() });
  }
}

/** The records of a range, each while the cursor stands on it. */
async function* recordsOf({ log }: TopicPartition, first: number, last: number): AsyncGenerator<RecordCursor, void, undefined> {
  const records = new RecordCursor();
  for (let offset = Math.max(first, log.logStartOffset); offset <= last && offset < log.highWatermark;) {
    const result = await log.read(offset, readBytes, true);
    const { nextOffset } = result;
    try {
      for (const part of result.parts) {
        const batches = new BatchCursor(part);
        while (batches.next()) {
          if (batches.isControl) continue;
          records.open(part, batches.at);
          while (records.next()) if (records.offset >= first && records.offset <= last) yield records;
        }
      }
    } finally {
      result.release();
    }
    if (nextOffset <= offset) return;
    offset = nextOffset;
  }
}
