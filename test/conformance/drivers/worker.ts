// test/conformance/drivers/worker.ts - the Java clients and confluent-kafka for Python, through their workers.
// Owns: the clients' own names of settings. Never: the worker processes, which several drivers share.

import { ClientError, startJavaWorker, startPythonWorker, type Worker } from '../../peers/worker.ts';
import { lacksAdmin, type Ability, type Ack, type Admin, type ClientName, type ConsumeRequest, type Driver, type JoinRequest, type Load, type LoadRequest, type LoadResult, type Member, type MemberState, type Message, type ProduceRequest, type Received, type TransactRequest } from '../driver.ts';

type WireRecord = { p: number; o: number; t: number; k: string | null; v: string | null; h: [string, string | null][] };

/** The Java clients of one generation. */
export const javaDriver = (name: 'java-4.3' | 'java-3.9', worker: Worker, bootstrap: string): Driver =>
  new WorkerDriver(name, worker, bootstrap, javaSettings, name === 'java-3.9' ? { 'consumer-protocol': 'has a preview of it only' } : {}, () => startJavaWorker(name === 'java-4.3' ? '4.3' : '3.9'));

/** confluent-kafka, that is librdkafka. */
export const pythonDriver = (worker: Worker, bootstrap: string): Driver => new WorkerDriver('python', worker, bootstrap, rdkafkaSettings, {
  'plain-order': rdkafkaPlainOrder, 'missing-group': 'librdkafka crashes when Apache Kafka 4.3 tells it that a group is not there', 'group-metadata': 'its admin call for offsets has no metadata', ...lacksAdmin('not offered', 'deleteGroupOffset'),
}, startPythonWorker);

type Settings = {
  produce(request: Omit<ProduceRequest, 'messages'>): Record<string, string | number | boolean>;
  transact(transactionalId: string): Record<string, string | number | boolean>;
  consume(request: Pick<ConsumeRequest, 'fetchBytesMax' | 'resetTo' | 'committedOnly'>): Record<string, string | number | boolean>;
  join(request: JoinRequest): Record<string, string | number | boolean>;
};

const javaSettings: Settings = {
  produce: ({ codec, acks, idempotent }) => ({
    'compression.type': codec ?? 'none', 'acks': String(acks ?? -1), 'enable.idempotence': idempotent ?? false, 'linger.ms': 20, 'max.request.size': 8 << 20, 'buffer.memory': 32 << 20,
    // Without idempotence only one request in flight keeps the order over retries.
    ...(idempotent === true ? {} : { 'max.in.flight.requests.per.connection': 1 }), 'delivery.timeout.ms': 60_000, 'retry.backoff.max.ms': 500, 'reconnect.backoff.max.ms': 200,
  }),
  transact: (transactionalId) => ({ 'transactional.id': transactionalId, 'linger.ms': 20, 'delivery.timeout.ms': 60_000 }),
  consume: ({ fetchBytesMax, resetTo, committedOnly }) => ({
    'enable.auto.commit': false, 'isolation.level': committedOnly === true ? 'read_committed' : 'read_uncommitted', 'auto.offset.reset': resetTo ?? 'earliest', ...(fetchBytesMax === undefined ? {} : { 'fetch.max.bytes': fetchBytesMax, 'max.partition.fetch.bytes': fetchBytesMax }),
  }),
  join: (request) => request.protocol === 'consumer' ? {
    'group.id': request.group, 'enable.auto.commit': false, 'auto.offset.reset': request.resetTo ?? 'earliest', 'group.protocol': 'consumer', 'retry.backoff.max.ms': 500, 'reconnect.backoff.max.ms': 200,
    ...(request.assignor === undefined ? {} : { 'group.remote.assignor': request.assignor }), ...(request.instanceId === undefined ? {} : { 'group.instance.id': request.instanceId }),
  } : ({
    'group.id': request.group, 'enable.auto.commit': false, 'auto.offset.reset': request.resetTo ?? 'earliest', 'group.protocol': 'classic', 'heartbeat.interval.ms': 200, 'session.timeout.ms': request.sessionMs ?? 10_000,
    'retry.backoff.max.ms': 500, 'reconnect.backoff.max.ms': 200,
    'partition.assignment.strategy': `org.apache.kafka.clients.consumer.${request.cooperative === true ? 'CooperativeStickyAssignor' : 'RangeAssignor'}`,
    ...(request.instanceId === undefined ? {} : { 'group.instance.id': request.instanceId }),
  }),
};

/** Why librdkafka has no result for the order of records that were sent again without idempotence. */
export const rdkafkaPlainOrder = 'without idempotence librdkafka may send again in another order, also with one request in flight';

/** librdkafka's settings, for kcat too. */
export const rdkafkaSettings: Settings = {
  produce: ({ codec, acks, idempotent }) => ({
    'compression.codec': codec ?? 'none', 'request.required.acks': acks ?? -1, 'enable.idempotence': idempotent ?? false, 'linger.ms': 20, 'message.max.bytes': 8 << 20, 'sticky.partitioning.linger.ms': 0,
    ...(idempotent === true ? {} : { 'max.in.flight': 1 }), 'message.timeout.ms': 60_000, 'retry.backoff.ms': 50, 'reconnect.backoff.max.ms': 200,
  }),
  transact: (transactionalId) => ({ 'transactional.id': transactionalId, 'linger.ms': 20 }),
  consume: ({ fetchBytesMax, resetTo }) => ({ // committed data only, by default
    'auto.offset.reset': resetTo ?? 'earliest', 'fetch.wait.max.ms': 100, ...(fetchBytesMax === undefined ? {} : { 'fetch.message.max.bytes': fetchBytesMax }),
  }),
  join: (request) => request.protocol === 'consumer' ? {
    'group.id': request.group, 'enable.auto.commit': false, 'auto.offset.reset': request.resetTo ?? 'earliest', 'group.protocol': 'consumer', 'fetch.wait.max.ms': 100, 'reconnect.backoff.max.ms': 200,
    ...(request.assignor === undefined ? {} : { 'group.remote.assignor': request.assignor }), ...(request.instanceId === undefined ? {} : { 'group.instance.id': request.instanceId }),
  } : ({
    'group.id': request.group, 'enable.auto.commit': false, 'auto.offset.reset': request.resetTo ?? 'earliest', 'heartbeat.interval.ms': 200, 'session.timeout.ms': request.sessionMs ?? 10_000,
    'fetch.wait.max.ms': 100, 'reconnect.backoff.max.ms': 200, 'partition.assignment.strategy': request.cooperative === true ? 'cooperative-sticky' : 'range',
    ...(request.instanceId === undefined ? {} : { 'group.instance.id': request.instanceId }),
  }),
};

class WorkerDriver implements Driver {
  readonly name: ClientName;
  readonly lacks: Partial<Record<Ability, string>>;
  readonly admin: Admin;
  readonly #worker: Worker;
  readonly #bootstrap: string;
  readonly #settings: Settings;
  readonly #startOwn: () => Promise<Worker>;

  constructor(name: ClientName, worker: Worker, bootstrap: string, settings: Settings, lacks: Partial<Record<Ability, string>>, startOwn: () => Promise<Worker>) {
    this.name = name;
    this.#worker = worker;
    this.#bootstrap = bootstrap;
    this.#settings = settings;
    this.lacks = lacks;
    this.#startOwn = startOwn;
    this.admin = workerAdmin((op, args) => this.#ask(op, args));
  }

  async produce(request: ProduceRequest): Promise<Ack[]> {
    const acks = await this.#ask<({ p: number; o: number } | { error: string })[]>('produce', { topic: request.topic, messages: request.messages.map(toWire), config: this.#settings.produce(request) });
    return acks.map((ack) => 'error' in ack ? ack : { partition: ack.p, offset: ack.o });
  }

  async transact({ transactionalId, transactions }: TransactRequest): Promise<void> {
    await this.#ask('transact', { transactions: transactions.map((one) => ({ ...one, messages: one.messages.map(toWire) })), config: this.#settings.transact(transactionalId) });
  }

  async consume(request: ConsumeRequest): Promise<Received[]> {
    const { topic, partitions, from, count, timeoutMs } = request;
    return (await this.#ask<WireRecord[]>('consume', { topic, partitions, from, count, timeoutMs, config: this.#settings.consume(request) })).map(fromWire);
  }

  async join(request: JoinRequest): Promise<Member> {
    const worker = request.ownProcess === true ? await this.#startOwn() : this.#worker;
    return joinIn(worker, { bootstrap: this.#bootstrap, topics: request.pattern !== undefined && this.name === 'python' ? [`^${request.pattern}`] : request.topics, ...(request.pattern === undefined ? {} : { pattern: request.pattern }), config: this.#settings.join(request) }, request.ownProcess === true);
  }

  async startLoad(request: LoadRequest): Promise<Load> {
    const handle = await this.#ask<{ load: number }>('load.start', { ...request, config: this.#settings.produce({ topic: request.topic, idempotent: request.idempotent }) });
    return {
      ackedCount: async () => (await this.#worker.ask<{ acked: number }>('load.count', handle)).acked,
      stop: async (): Promise<LoadResult> => {
        const done = await this.#worker.ask<{ acked: [number, number, number, number][]; failed: [number, number, string][] }>('load.stop', handle);
        return {
          acked: done.acked.map(([key, number, partition, offset]) => ({ key, number, partition, offset })),
          failed: done.failed.map(([key, number, error]) => ({ key, number, error })),
        };
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> { /* the worker belongs to whoever started it */ }

  #ask<T>(op: string, args: object): Promise<T> { return this.#worker.ask<T>(op, { bootstrap: this.#bootstrap, ...args }); }
}

/** Joins a group in a worker; the worker ends with the member when it is the member's own. */
export async function joinIn(worker: Worker, args: object, isOwn: boolean): Promise<Member> {
  const handle = await worker.ask<{ member: number }>('member.join', args);
  const ask = <T>(op: string): Promise<T> => worker.ask<T>(op, handle);
  return {
    async state(): Promise<MemberState> {
      const state = await ask<Omit<MemberState, 'received'> & { received: WireRecord[]; failure: string | null }>('member.state');
      if (state.failure !== null) throw new ClientError('MEMBER_FAILED', state.failure);
      return { ...state, received: state.received.map(fromWire) };
    },
    commit: () => ask('member.commit'),
    async leave() {
      await ask('member.leave');
      if (isOwn) await worker.dispose();
    },
    async vanish() {
      if (!isOwn) throw new Error('a member vanishes only with a process of its own');
      await worker.dispose();
    },
  };
}

function workerAdmin(ask: <T>(op: string, args: object) => Promise<T>): Admin {
  return {
    createTopic: (topic, partitions, configs = {}) => ask('admin.createTopic', { topic, partitions, configs }),
    deleteTopic: (topic) => ask('admin.deleteTopic', { topic }),
    listTopics: () => ask('admin.listTopics', {}),
    describeTopic: (topic) => ask('admin.describeTopic', { topic }),
    createPartitions: (topic, partitions) => ask('admin.createPartitions', { topic, partitions }),
    describeConfig: (topic) => ask('admin.describeConfig', { topic }),
    alterConfig: (topic, change) => ask('admin.alterConfig', { topic, ...change }),
    deleteRecords: (topic, partition, offset) => ask('admin.deleteRecords', { topic, partition, offset }),
    listOffset: async (topic, partition, at) => (await ask<{ offset: number }>('admin.listOffset', { topic, partition, at })).offset,
    listGroups: () => ask('admin.listGroups', {}),
    describeGroup: (group) => ask('admin.describeGroup', { group }),
    deleteGroup: (group) => ask('admin.deleteGroup', { group }),
    groupOffsets: (group) => ask('admin.groupOffsets', { group }),
    alterGroupOffset: (group, topic, partition, offset, metadata) => ask('admin.alterGroupOffset', { group, topic, partition, offset, metadata }),
    deleteGroupOffset: (group, topic, partition) => ask('admin.deleteGroupOffset', { group, topic, partition }),
    describeCluster: () => ask('admin.describeCluster', {}),
  };
}

const base64 = (bytes: Buffer | null): string | null => bytes === null ? null : bytes.toString('base64');
const bytes = (text: string | null): Buffer | null => text === null ? null : Buffer.from(text, 'base64');

const toWire = (message: Message): object => ({
  k: base64(message.key), v: base64(message.value), p: message.partition, t: message.timestampMs, h: message.headers?.map(([name, value]) => [name, base64(value)]),
});

/** A record as it travels from a worker. */
export const toWireReceived = (record: Received): WireRecord => ({
  p: record.partition, o: record.offset, t: record.timestampMs, k: base64(record.key), v: base64(record.value), h: record.headers.map(([name, value]) => [name, base64(value)]),
});

const fromWire = (record: WireRecord): Received => ({
  partition: record.p, offset: record.o, timestampMs: record.t, key: bytes(record.k), value: bytes(record.v), headers: record.h.map(([name, value]) => [name, bytes(value)]),
});
