// test/conformance/drivers/kafkajs.ts - kafkajs, in this process.
// Owns: its settings, and consuming without a group by means of a group of one, because it has no other way. Never: retries of its own.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs, { type Admin as KafkajsAdmin, type Consumer, type EachBatchPayload, type Kafka as KafkaClient, type KafkaMessage, type Producer } from 'kafkajs';
import { ClientError, startNodeWorker } from '../../peers/worker.ts';
import { lacksAdmin, partialAdmin, type Ability, type Ack, type Admin, type ConsumeRequest, type Driver, type JoinRequest, type Load, type LoadRequest, type Member, type MemberState, type ProduceRequest, type Received, type TransactRequest } from '../driver.ts';
import { placeAcks, startWholeSends } from './whole-sends.ts';
import { joinIn } from './worker.ts';

// A CommonJS package some of whose names Node does not see from outside.
const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs;

CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder: { buffer: Buffer }) => zstdCompressSync(encoder.buffer),
  decompress: async (buffer: Buffer) => zstdDecompressSync(buffer),
});

const compressions = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, zstd: CompressionTypes.ZSTD } as const;
let groupNext = 0;

/** kafkajs against one broker. */
export const kafkajsDriver = (bootstrap: string): Driver => new KafkajsDriver(bootstrap);

class KafkajsDriver implements Driver {
  readonly name = 'kafkajs';
  readonly lacks: Partial<Record<Ability, string>> = {
    'consumer-protocol': 'classic groups only',
    'codec:snappy': 'only gzip is built in; zstd comes from Node', 'codec:lz4': 'only gzip is built in; zstd comes from Node', 'null-header': 'a null header value becomes empty',
    'cooperative': 'eager groups only', 'static': 'no static members', 'group-metadata': 'its admin sets no metadata',
    ...lacksAdmin('not offered', 'deleteGroupOffset'),
  };
  readonly admin: Admin;
  readonly #kafka: KafkaClient;
  readonly #admin: KafkajsAdmin;
  #isAdminConnected = false;
  readonly #bootstrap: string;

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap;
    this.#kafka = new Kafka({ clientId: 'conformance', brokers: [bootstrap], logLevel: logLevel.NOTHING, connectionTimeout: 5000, requestTimeout: 20_000, retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 } });
    this.#admin = this.#kafka.admin({ retry: { retries: 3, initialRetryTime: 50 } });
    this.admin = this.#makeAdmin();
  }

  async produce(request: ProduceRequest): Promise<Ack[]> {
    const producer = this.#producer(request.idempotent ?? false);
    await producer.connect();
    try {
      const sent = await producer.send({
        topic: request.topic, acks: request.acks ?? -1, compression: compressions[(request.codec ?? 'none') as keyof typeof compressions],
        messages: request.messages.map(({ key, value, headers, partition, timestampMs }) => ({ key, value, partition, ...(timestampMs === undefined ? {} : { timestamp: String(timestampMs) }), headers: toHeaders(headers) })),
      });
      return placeAcks(request, sent.map(({ partition, baseOffset }) => ({ partition, offset: Number(baseOffset ?? -1) })));
    } catch (error) {
      const { code } = translate(error);
      return request.messages.map(() => ({ error: code }));
    } finally {
      await producer.disconnect();
    }
  }

  async transact({ transactionalId, transactions }: TransactRequest): Promise<void> {
    const producer = this.#kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    try {
      for (const { topic, messages, offset, commit } of transactions) {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: messages.map(({ key, value, partition }) => ({ key, value, partition })) });
        if (offset !== undefined) await transaction.sendOffsets({ consumerGroupId: offset.group, topics: [{ topic: offset.topic, partitions: [{ partition: offset.partition, offset: String(offset.offset) }] }] });
        await (commit ? transaction.commit() : transaction.abort());
      }
    } catch (error) {
      throw translate(error);
    } finally {
      await producer.disconnect();
    }
  }

  async consume(request: ConsumeRequest): Promise<Received[]> {
    const received: Received[] = [];
    const consumer = this.#kafka.consumer({ groupId: `conformance-alone-kafkajs-${process.pid}-${++groupNext}`, maxWaitTimeInMs: 100, heartbeatInterval: 500, ...(request.fetchBytesMax === undefined ? {} : { maxBytes: request.fetchBytesMax, maxBytesPerPartition: request.fetchBytesMax }) });
    await consumer.connect();
    try {
      await consumer.subscribe({ topics: [request.topic], fromBeginning: request.from.kind !== 'end' && request.resetTo !== 'latest' });
      const places = await this.#places(request);
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, request.timeoutMs ?? 20_000);
        consumer.on(consumer.events.CRASH, ({ payload }) => reject(translate(payload.error)));
        // It can seek only while it runs, so what was read before the seek took hold is passed over.
        let isPlaced = places === undefined;
        void consumer.run({ autoCommit: false, eachBatch: async ({ batch }: EachBatchPayload) => {
          if (!request.partitions.includes(batch.partition) || !isPlaced) return;
          for (const message of batch.messages) {
            if (received.length < request.count && Number(message.offset) >= (places?.get(batch.partition) ?? 0)) received.push(fromKafkajs(batch.partition, message));
          }
          if (received.length >= request.count) { clearTimeout(timer); resolve(); }
        } }).then(() => {
          for (const [partition, offset] of places ?? []) consumer.seek({ topic: request.topic, partition, offset: String(offset) });
          isPlaced = true;
        }).catch(reject);
      });
      return received;
    } finally {
      await consumer.disconnect();
    }
  }

  async join(request: JoinRequest): Promise<Member> {
    if (request.ownProcess === true) return joinIn(startNodeWorker(join(import.meta.dirname, 'node-worker.ts'), [this.name, this.#bootstrap]), { request: { ...request, ownProcess: false } }, true);
    const consumer = this.#kafka.consumer({ groupId: request.group, sessionTimeout: request.sessionMs ?? 10_000, heartbeatInterval: 200, maxWaitTimeInMs: 100, rebalanceTimeout: 10_000 });
    const member = new KafkajsMember(consumer);
    await consumer.connect();
    await consumer.subscribe({ topics: [...request.topics], fromBeginning: request.resetTo !== 'latest' });
    await member.run();
    return member;
  }

  async startLoad(request: LoadRequest): Promise<Load> {
    const producer = this.#producer(request.idempotent);
    await producer.connect();
    return startWholeSends(request, (messages) => producer.send({ topic: request.topic, acks: -1, messages }), (error) => translate(error).code, () => producer.disconnect());
  }

  async [Symbol.asyncDispose](): Promise<void> { if (this.#isAdminConnected) await this.#admin.disconnect(); }

  #producer(idempotent: boolean): Producer { return this.#kafka.producer({ idempotent, maxInFlightRequests: 1, allowAutoTopicCreation: true }); }

  async #places({ topic, partitions, from }: ConsumeRequest): Promise<Map<number, number> | undefined> {
    if (from.kind === 'offset') return new Map(partitions.map((partition) => [partition, from.offset]));
    if (from.kind !== 'timestamp') return undefined;
    const found = await this.#connected().then((admin) => admin.fetchTopicOffsetsByTimestamp(topic, from.timestampMs));
    return new Map(found.filter(({ partition }) => partitions.includes(partition)).map(({ partition, offset }) => [partition, Number(offset)]));
  }

  async #connected(): Promise<KafkajsAdmin> {
    if (!this.#isAdminConnected) await this.#admin.connect();
    this.#isAdminConnected = true;
    return this.#admin;
  }

  #makeAdmin(): Admin {
    const call = async <T>(work: (admin: KafkajsAdmin) => Promise<T>): Promise<T> => {
      const admin = await this.#connected();
      return work(admin).catch((error: unknown) => { throw translate(error); });
    };
    return partialAdmin('kafkajs', {
      createTopic: async (topic, numPartitions, configs = {}) => {
        const isNew = await call((admin) => admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1, configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })) }], waitForLeaders: true }));
        if (!isNew) throw new ClientError('TOPIC_ALREADY_EXISTS', topic); // its way to say so
      },
      deleteTopic: (topic) => call((admin) => admin.deleteTopics({ topics: [topic] })),
      listTopics: () => call((admin) => admin.listTopics()),
      describeTopic: async (topic) => {
        const found = (await call((admin) => admin.fetchTopicMetadata({ topics: [topic] }))).topics[0]!;
        return { partitions: found.partitions.length, leaders: found.partitions.filter(({ leader }) => leader >= 0).length };
      },
      createPartitions: async (topic, count) => { await call((admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] })); },
      describeConfig: async (topic) => {
        const found = await call((admin) => admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] }));
        return Object.fromEntries(found.resources[0]!.configEntries.map((entry) => [entry.configName, [entry.configValue, entry.isDefault || (entry as unknown as { configSource: number }).configSource === 5]]));
      },
      // It knows only the call that replaces all of a topic's settings.
      alterConfig: async (topic, { set = {} }) => {
        await call((admin) => admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: Object.entries(set).map(([name, value]) => ({ name, value })) }] }));
      },
      deleteRecords: async (topic, partition, offset) => {
        await call((admin) => admin.fetchTopicOffsets(topic)); // it finds the leaders of topics only that it has met before
        await call((admin) => admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] }));
        return Number((await call((admin) => admin.fetchTopicOffsets(topic))).find((one) => one.partition === partition)!.low);
      },
      listOffset: async (topic, partition, at) => {
        if (at.kind === 'max-timestamp') throw new Error('kafkajs has no way to ask for it');
        if (at.kind === 'timestamp') return Number((await call((admin) => admin.fetchTopicOffsetsByTimestamp(topic, at.timestampMs))).find((one) => one.partition === partition)!.offset);
        const found = (await call((admin) => admin.fetchTopicOffsets(topic))).find((one) => one.partition === partition)!;
        return Number(at.kind === 'earliest' ? found.low : found.high);
      },
      listGroups: async () => (await call((admin) => admin.listGroups())).groups.map(({ groupId }) => groupId),
      describeGroup: async (group) => {
        const found = (await call((admin) => admin.describeGroups([group]))).groups[0]!;
        return { state: found.state.toUpperCase(), members: found.members.length };
      },
      deleteGroup: async (group) => { await call((admin) => admin.deleteGroups([group])); },
      groupOffsets: async (group) => Object.fromEntries((await call((admin) => admin.fetchOffsets({ groupId: group })))
        .flatMap(({ topic, partitions }) => partitions.filter(({ offset }) => Number(offset) >= 0).map(({ partition, offset, metadata }) => [`${topic}-${partition}`, [Number(offset), metadata ?? '']]))),
      alterGroupOffset: (group, topic, partition, offset) => call((admin) => admin.setOffsets({ groupId: group, topic, partitions: [{ partition, offset: String(offset) }] })),
      describeCluster: async () => {
        const found = await call((admin) => admin.describeCluster());
        return { nodes: found.brokers.length, hasClusterId: found.clusterId !== null && found.clusterId !== '', hasController: (found.controller ?? -1) >= 0 };
      },
    });
  }
}

/** How often a member is run again that has given up while its broker was away: it looks for its coordinator once, and calls what it finds then final. */
const runsAgainMax = 20;

class KafkajsMember implements Member {
  readonly #consumer: Consumer;
  #runsAgain = 0;
  #hasLeft = false;
  readonly #next = new Map<string, { topic: string; partition: number; offset: string }>();
  #assigned: string[] = [];
  #events: MemberState['events'] = [];
  #received: Received[] = [];
  #failure: Error | undefined;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.#assigned = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) => partitions.map((partition) => `${topic}-${partition}`)).sort();
      this.#events.push({ kind: 'assigned', partitions: this.#assigned });
    });
    consumer.on(consumer.events.REBALANCING, () => { this.#events.push({ kind: 'revoked', partitions: this.#assigned }); this.#assigned = []; this.#next.clear(); });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (payload.restart || this.#hasLeft) return;
      if (payload.error.name === 'KafkaJSGroupCoordinatorNotFound' && this.#runsAgain++ < runsAgainMax) void this.#runAgain().catch((error: Error) => { this.#failure = error; });
      else this.#failure = payload.error;
    });
  }

  run(): Promise<void> { return this.#consumer.run({ autoCommit: false, eachBatch: (payload) => this.take(payload) }); }

  /** As its users do who want to live through a restart. */
  async #runAgain(): Promise<void> {
    this.#assigned = [];
    this.#next.clear();
    await sleep(500);
    if (this.#hasLeft) return;
    await this.#consumer.connect();
    await this.run();
  }

  async take({ batch, resolveOffset }: EachBatchPayload): Promise<void> {
    for (const message of batch.messages) {
      this.#received.push(fromKafkajs(batch.partition, message));
      resolveOffset(message.offset);
      this.#next.set(`${batch.topic}-${batch.partition}`, { topic: batch.topic, partition: batch.partition, offset: String(BigInt(message.offset) + 1n) });
    }
  }

  async state(): Promise<MemberState> {
    if (this.#failure !== undefined) throw translate(this.#failure);
    const state = { assigned: this.#assigned, received: this.#received, events: this.#events };
    this.#received = [];
    this.#events = [];
    return state;
  }

  commit(): Promise<void> { return this.#consumer.commitOffsets([...this.#next.values()]); }

  leave(): Promise<void> {
    this.#hasLeft = true;
    return this.#consumer.disconnect();
  }
}

type Faulty = { type?: string; message?: string; errors?: unknown[]; groups?: { error?: unknown }[]; partitions?: { error?: unknown }[]; originalError?: unknown; cause?: unknown };

function translate(error: unknown): ClientError {
  const faulty = error as Faulty;
  for (const inner of [faulty.errors?.[0], faulty.groups?.[0]?.error, faulty.partitions?.[0]?.error, faulty.type === undefined ? faulty.originalError ?? faulty.cause : undefined]) {
    if (inner !== undefined) return translate(inner);
  }
  return new ClientError(faulty.type ?? 'KAFKAJS', faulty.message ?? String(error));
}

function toHeaders(headers: [string, Buffer | null][] | undefined): Record<string, Buffer[]> | undefined {
  if (headers === undefined) return undefined;
  const grouped: Record<string, Buffer[]> = {};
  for (const [name, value] of headers) (grouped[name] ??= []).push(value ?? Buffer.alloc(0));
  return grouped;
}

function fromKafkajs(partition: number, message: KafkaMessage): Received {
  const headers = Object.entries(message.headers ?? {}).flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one): [string, Buffer | null] => [name, one === undefined ? null : Buffer.from(one as Buffer)]));
  return { partition, offset: Number(message.offset), timestampMs: Number(message.timestamp), key: message.key, value: message.value, headers };
}
