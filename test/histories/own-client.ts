// test/histories/own-client.ts - our own client as a recorder of a history: an appender, a pipe and a watcher, as in test/peers/java/Histories.java.
// Owns: using the client as its guide says, and writing down what it did and saw. Never: what is right.
import { isMillraceError } from '../../packages/millrace/src/base/mod.ts';
import { connect, type Client, type Consumer, type RecordBatch, type Transaction, type TransactionalProducer } from '../../packages/millrace/src/client/mod.ts';
import { HistoryRecorder, nameOf, type TransactionRecord } from '../../packages/millrace/src/testing/histories/mod.ts';
import { prng } from '../../packages/millrace/src/testing/mod.ts';
import { sleep } from '../peers/processes.ts';
import type { HistoryClient, Recorded, Workload } from './workload.ts';

/** Aborts a transaction on purpose. */
class ChangedMind extends Error {}

/** Starts the three. */
export async function startOwn(name: string, work: Workload): Promise<HistoryClient> {
  const client = await connect(work.bootstrap, { clientId: name, autoCreateTopics: false });
  return new OwnClient(name, work, client);
}

class OwnClient implements HistoryClient {
  readonly name: string;
  readonly #work: Workload;
  readonly #client: Client;
  readonly #history = new HistoryRecorder(() => Date.now());
  readonly #random = prng(7);
  readonly #loops: Promise<void>[];
  readonly #numbers = new Map<string, number>();
  #committed = 0;
  #stopping = false;

  constructor(name: string, work: Workload, client: Client) {
    this.name = name;
    this.#work = work;
    this.#client = client;
    this.#loops = [this.#append(), this.#pipe(), this.#watch()];
    for (const loop of this.#loops) loop.catch(() => {}); // told by stop()
  }

  async committed(): Promise<number> { return this.#committed; }

  async stop(): Promise<Recorded> {
    this.#stopping = true;
    try {
      await Promise.all(this.#loops);
    } finally {
      await this.#client.close();
    }
    return this.#history;
  }

  async #append(): Promise<void> {
    const id = `${this.name}-append`;
    let producer = this.#producer(id);
    while (!this.#stopping) {
      producer = await this.#transact(producer, id, (transaction, record) => {
        for (let count = this.#random.between(1, 5); count > 0; count--) this.#write(transaction, record, this.#work.input);
      });
      await sleep(this.#work.pauseMs);
    }
    await producer.close();
  }

  /** Consumes by hand, batch by batch; after an abort it goes back to where its group is. */
  async #pipe(): Promise<void> {
    const id = `${this.name}-pipe`;
    let producer = this.#producer(id);
    for (let session = 0; !this.#stopping; session++) {
      const from = await this.#positions(id);
      const consumer = this.#client.consumer({ partitions: from.map(({ partition, offset }) => ({ topic: this.#work.input, partition, from: { offset } })), group: id, commit: 'manual', maxWaitMs: 100, maxBytes: 4096, partitionMaxBytes: 2048, prefetchBytes: 4096 });
      const next = new Map(from.map(({ partition, offset }) => [`${this.#work.input}-${partition}`, offset]));
      for await (const batch of this.#batches(consumer)) {
        let committed = false;
        producer = await this.#transact(producer, id, async (transaction, record) => {
          const range = this.#polled(batch, next, id, session, record);
          record.consumed.push({ group: id, ...range });
          for (let count = this.#random.between(1, 2); count > 0; count--) this.#write(transaction, record, this.#work.output);
          await transaction.commitOffsets(id, [{ topic: this.#work.input, partition: batch.partition, offset: range.next }]);
        }, () => { committed = true; });
        if (!committed) break;
        await sleep(this.#work.pauseMs);
      }
      await consumer.close();
    }
    await producer.close();
  }

  async #watch(): Promise<void> {
    for (let session = 0; !this.#stopping; session++) {
      const consumer = this.#client.consumer({ topics: [this.#work.input, this.#work.output], maxWaitMs: 100 });
      const next = new Map<string, number>();
      for await (const batch of this.#batches(consumer)) {
        this.#polled(batch, next, `${this.name}-watch`, session, null);
        if (this.#random.chance(0.05)) await this.#stableEnds();
        if (this.#random.chance(0.01)) break;
      }
      await consumer.close();
    }
  }

  /** Batches until told to stop: a consumer with nothing to read would wait for ever. */
  async *#batches(consumer: Consumer): AsyncGenerator<RecordBatch> {
    const batches = consumer.batches();
    let waiting: Promise<IteratorResult<RecordBatch, void>> | null = null;
    while (!this.#stopping) {
      waiting ??= batches.next();
      const found = await Promise.race([waiting, sleep(100).then(() => null)]);
      if (found === null) continue;
      waiting = null;
      if (found.done === true) return;
      yield found.value;
    }
    waiting?.catch(() => {});
  }

  #polled(batch: RecordBatch, next: Map<string, number>, reader: string, session: number, record: TransactionRecord | null): { key: string; from: number; next: number } {
    const key = `${batch.topic}-${batch.partition}`;
    const range = { key, from: next.get(key) ?? 0, next: batch.nextOffset };
    const records = [...batch].map((found) => ({ offset: found.offset, value: found.text()! }));
    const now = Date.now();
    // When it was fetched is not told; it was before now.
    this.#history.polls.push({ reader, session, ...range, records, startedAt: now, endedAt: now, transaction: record === null ? null : nameOf(record) });
    next.set(key, range.next);
    return range;
  }

  /** One transaction; the producer for the next one. An error leaves its end unknown. */
  async #transact(producer: TransactionalProducer, id: string, work: (transaction: Transaction, record: TransactionRecord) => void | Promise<void>, committed: () => void = () => {}): Promise<TransactionalProducer> {
    const number = this.#numbers.get(id) ?? 0;
    this.#numbers.set(id, number + 1);
    const record = this.#history.begin(id, number);
    try {
      await producer.transact(async (transaction) => {
        await work(transaction, record);
        if (this.#random.chance(this.#work.aborts)) throw new ChangedMind();
        this.#history.askCommit(record);
      });
      this.#history.end(record, 'committed');
      this.#committed++;
      committed();
    } catch (error) {
      if (!(error instanceof ChangedMind) && !isMillraceError(error)) throw error;
      if (!isMillraceError(error, 'fenced')) return producer;
      await producer.close();
      return this.#producer(id);
    }
    return producer;
  }

  #write(transaction: Transaction, record: TransactionRecord, topic: string): void {
    const partition = this.#random.below(this.#work.partitions);
    const write = { key: `${topic}-${partition}`, value: `${nameOf(record)}/${record.writes.length}`, offset: null as number | null };
    record.writes.push(write);
    transaction.send({ topic, partition, value: write.value }).then(({ offset }) => { if (offset >= 0) write.offset = offset; }, () => {}); // the transaction tells
  }

  async #positions(group: string): Promise<{ partition: number; offset: number }[]> {
    const partitions = Array.from({ length: this.#work.partitions }, (_, partition) => ({ topic: this.#work.input, partition }));
    for (;;) {
      const startedAt = Date.now();
      try {
        const committed = await this.#client.admin().groupOffsets(group);
        const endedAt = Date.now();
        return partitions.map(({ topic, partition }) => {
          const offset = committed.find((one) => one.topic === topic && one.partition === partition)?.offset ?? -1;
          this.#history.positions.push({ group, key: `${topic}-${partition}`, offset, startedAt, endedAt });
          return { partition, offset: Math.max(0, offset) };
        });
      } catch (error) {
        if (!isMillraceError(error) || this.#stopping) throw error;
      }
    }
  }

  async #stableEnds(): Promise<void> {
    const queries = [this.#work.input, this.#work.output].flatMap((topic) => Array.from({ length: this.#work.partitions }, (_, partition) => ({ topic, partition, at: 'latest' as const })));
    const startedAt = Date.now();
    const ends = await this.#client.admin().listOffsets(queries, { isolation: 'read_committed' }).catch((error: unknown) => { if (!isMillraceError(error)) throw error; return []; });
    const endedAt = Date.now();
    for (const { topic, partition, offset } of ends) this.#history.stableEnds.push({ key: `${topic}-${partition}`, offset, startedAt, endedAt });
  }

  #producer(transactionalId: string): TransactionalProducer {
    return this.#client.transactionalProducer({ transactionalId, transactionTimeoutMs: 8_000, deliveryTimeoutMs: 15_000 });
  }
}
