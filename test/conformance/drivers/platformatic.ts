// test/conformance/drivers/platformatic.ts - @platformatic/kafka, in this process.
// Owns: its settings. Never: retries of its own. It consumes as the member of a group of one where the others need none.

import { join } from 'node:path';
import { Admin as PlatformaticAdmin, Consumer, Producer, protocolErrorsCodesById, type Message as PlatformaticMessage, type MessagesStream } from '@platformatic/kafka';
import { ClientError, startNodeWorker } from '../../peers/worker.ts';
import { partialAdmin, type Ability, type Ack, type Admin, type Codec, type ConsumeRequest, type Driver, type JoinRequest, type Load, type LoadRequest, type Member, type MemberState, type OffsetAt, type ProduceRequest, type Received, type TransactRequest } from '../driver.ts';
import { placeAcks, startWholeSends } from './whole-sends.ts';
import { joinIn } from './worker.ts';

let groupNext = 0;
const topicResource = 2;
const setOperation = 0;
const deleteOperation = 1;

type Bytes = Buffer | null;
type ByteMessage = PlatformaticMessage<Buffer, Buffer, Buffer, Buffer>;
type ByteConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>;
type ByteProducer = Producer<Buffer, Buffer, Buffer, Buffer>;

/** @platformatic/kafka against one broker. */
export const platformaticDriver = (bootstrap: string): Driver => new PlatformaticDriver(bootstrap);

class PlatformaticDriver implements Driver {
  readonly name = 'platformatic';
  readonly lacks: Partial<Record<Ability, string>> = {
    'cooperative': 'eager groups only', 'group-metadata': 'its admin sets no metadata',
    'timestamps-back': 'writes a wrong number for a time far from the first of its batch', 'static': 'leaves the group also when it is static', 'consumer-static': 'leaves the group also when it is static', 'pattern': 'takes names only',
    'consumer-growth': 'fails over partitions that were added to a topic it knows', 'migration': 'goes on committing with the generation of before', 'append-time': 'shows the time of the producer also where the log has set its own',
    'reset': 'a stream fails when its offset is gone', 'transaction-offsets': 'commits those of a consumer that is reading only',
    'committed-reads': 'shows records of aborted transactions that a broker sends; Millrace sends none',
  };
  readonly admin: Admin;
  readonly #base: { clientId: string; bootstrapBrokers: string[]; retries: number; retryDelay: number; timeout: number; connectTimeout: number };
  readonly #admin: PlatformaticAdmin;
  readonly #bootstrap: string;

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap;
    this.#base = { clientId: 'conformance', bootstrapBrokers: [bootstrap], retries: 60, retryDelay: 200, timeout: 20_000, connectTimeout: 5000 };
    this.#admin = new PlatformaticAdmin({ ...this.#base, retries: 3 });
    this.admin = makeAdmin(this.#admin);
  }

  async produce(request: ProduceRequest): Promise<Ack[]> {
    const producer = this.#producer(request.idempotent ?? false, request.codec, request.acks);
    try {
      const sent = await producer.send({
        messages: request.messages.map(({ key, value, headers, partition, timestampMs }) => ({
          topic: request.topic, key: key as Buffer, value: value as Buffer, partition,
          ...(timestampMs === undefined ? {} : { timestamp: BigInt(timestampMs) }),
          headers: new Map((headers ?? []).map(([name, bytes]) => [Buffer.from(name), bytes as Buffer])),
        })),
      });
      return placeAcks(request, (sent.offsets ?? []).map(({ partition, offset }) => ({ partition, offset: Number(offset) })));
    } catch (error) {
      const { code } = translate(error);
      return request.messages.map(() => ({ error: code }));
    } finally {
      await producer.close();
    }
  }

  async transact({ transactionalId, transactions }: TransactRequest): Promise<void> {
    const producer: ByteProducer = new Producer({ ...this.#base, idempotent: true, transactionalId, acks: -1 });
    try {
      for (const { topic, messages, commit } of transactions) {
        const transaction = await producer.beginTransaction();
        await transaction.send({ messages: messages.map(({ key, value, partition }) => ({ topic, key: key as Buffer, value: value as Buffer, partition })) });
        await (commit ? transaction.commit() : transaction.abort());
      }
    } catch (error) {
      throw translate(error);
    } finally {
      await producer.close();
    }
  }

  async consume(request: ConsumeRequest): Promise<Received[]> {
    const consumer = this.#consumer({ group: `conformance-alone-platformatic-${process.pid}-${++groupNext}`, topics: [request.topic] }, request.fetchBytesMax);
    try {
      const offsets = await this.#startingOffsets(consumer, request);
      const stream = await consumer.consume({
        topics: [request.topic], autocommit: false, ...(offsets === undefined ? { mode: request.from.kind === 'end' ? 'latest' as const : 'earliest' as const } : { mode: 'manual' as const, offsets }),
      });
      const received: Received[] = [];
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, request.timeoutMs ?? 20_000);
        stream.on('error', reject);
        stream.on('data', (message: ByteMessage) => {
          if (received.length < request.count && request.partitions.includes(message.partition)) received.push(fromPlatformatic(message));
          if (received.length >= request.count) { clearTimeout(timer); resolve(); }
        });
      });
      await stream.close();
      return received;
    } finally {
      await consumer.close(true);
    }
  }

  async join(request: JoinRequest): Promise<Member> {
    if (request.ownProcess === true) return joinIn(startNodeWorker(join(import.meta.dirname, 'node-worker.ts'), [this.name, this.#bootstrap]), { request: { ...request, ownProcess: false } }, true);
    const consumer = this.#consumer(request);
    const member = new PlatformaticMember(consumer);
    await member.start(request);
    return member;
  }

  async startLoad(request: LoadRequest): Promise<Load> {
    const producer = this.#producer(request.idempotent, 'none', -1);
    return startWholeSends(request, (records) => producer.send({ messages: records.map(({ key, value }) => ({ topic: request.topic, key: Buffer.from(key), value: Buffer.from(value) })) }),
      (error) => translate(error).code, () => producer.close());
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.#admin.close(); }

  #producer(idempotent: boolean, codec: Codec = 'none', acks: number = -1): ByteProducer {
    return new Producer({ ...this.#base, idempotent, acks, compression: codec, autocreateTopics: true });
  }

  #consumer(request: JoinRequest, fetchBytesMax?: number): ByteConsumer {
    return new Consumer({
      ...this.#base, groupId: request.group, maxWaitTime: 100, rebalanceTimeout: request.protocol === 'consumer' ? 60_000 : Math.max(10_000, request.sessionMs ?? 0),
      ...(request.protocol === 'consumer' ? { groupProtocol: 'consumer' as const, ...(request.assignor === undefined ? {} : { groupRemoteAssignor: request.assignor }) } : { sessionTimeout: request.sessionMs ?? 10_000, heartbeatInterval: 200 }),
      ...(request.instanceId === undefined ? {} : { groupInstanceId: request.instanceId }), ...(fetchBytesMax === undefined ? {} : { maxBytes: fetchBytesMax, maxBytesPerPartition: fetchBytesMax }),
    });
  }

  async #startingOffsets(consumer: ByteConsumer, { topic, partitions, from }: ConsumeRequest): Promise<{ topic: string; partition: number; offset: bigint }[] | undefined> {
    if (from.kind === 'beginning' || from.kind === 'end') return undefined;
    const all = (await this.#admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)!.partitionsCount;
    const found = from.kind === 'timestamp' ? (await consumer.listOffsets({ topics: [topic], timestamp: BigInt(from.timestampMs) })).get(topic) : undefined;
    const latest = (await consumer.listOffsets({ topics: [topic], timestamp: -1n })).get(topic)!;
    return Array.from({ length: all }, (_, partition) => {
      const asked = from.kind === 'offset' ? BigInt(from.offset) : found?.[partition] ?? -1n;
      return { topic, partition, offset: !partitions.includes(partition) || asked < 0n ? latest[partition]! : asked };
    });
  }
}

class PlatformaticMember implements Member {
  readonly #consumer: ByteConsumer;
  readonly #next = new Map<string, { topic: string; partition: number; offset: bigint; leaderEpoch: number }>();
  #stream: MessagesStream<Buffer, Buffer, Buffer, Buffer> | undefined;
  #assigned: string[] = [];
  #events: MemberState['events'] = [];
  #received: Received[] = [];
  #failure: Error | undefined;
  #isConsumerProtocol = false;

  constructor(consumer: ByteConsumer) {
    this.#consumer = consumer;
    consumer.on('consumer:group:join', ({ assignments }) => {
      if (this.#isConsumerProtocol) return;
      this.#assigned = (assignments ?? []).flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`)).sort();
      this.#events.push({ kind: 'assigned', partitions: this.#assigned });
    });
    consumer.on('consumer:group:rebalance', () => { this.#events.push({ kind: 'revoked', partitions: this.#assigned }); if (!this.#isConsumerProtocol) { this.#assigned = []; this.#next.clear(); } });
  }

  /** In the consumer protocol it tells nobody what it was assigned, but shows it. */
  #lookAtAssignments(): void {
    const now = (this.#consumer.assignments ?? []).flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`)).sort();
    const [added, gone] = [now.filter((name) => !this.#assigned.includes(name)), this.#assigned.filter((name) => !now.includes(name))];
    if (added.length > 0) this.#events.push({ kind: 'assigned', partitions: added });
    for (const name of gone) this.#next.delete(name);
    this.#assigned = now;
  }

  async start(request: JoinRequest): Promise<void> {
    this.#isConsumerProtocol = request.protocol === 'consumer';
    this.#stream = await this.#consumer.consume({ topics: [...request.topics], mode: 'committed', fallbackMode: request.resetTo ?? 'earliest', autocommit: false });
    this.#stream.on('error', (error: Error) => { this.#failure = error; });
    this.#stream.on('data', (message: ByteMessage) => {
      this.#received.push(fromPlatformatic(message));
      this.#next.set(`${message.topic}-${message.partition}`, { topic: message.topic, partition: message.partition, offset: message.offset + 1n, leaderEpoch: 0 });
    });
  }

  async state(): Promise<MemberState> {
    if (this.#failure !== undefined) throw translate(this.#failure);
    if (this.#isConsumerProtocol) this.#lookAtAssignments();
    const state = { assigned: this.#assigned, received: this.#received, events: this.#events };
    this.#received = [];
    this.#events = [];
    return state;
  }

  async commit(): Promise<void> { if (this.#next.size > 0) await this.#consumer.commit({ offsets: [...this.#next.values()] }); }

  async leave(): Promise<void> {
    await this.#stream?.close();
    await this.#consumer.close(true);
  }
}

function makeAdmin(client: PlatformaticAdmin): Admin {
  const call = <T>(work: Promise<T>): Promise<T> => work.catch((error: unknown) => { throw translate(error); });
  const partitionsOf = async (topic: string): Promise<{ leader: number }[]> => (await call(client.metadata({ topics: [topic], forceUpdate: true }))).topics.get(topic)!.partitions;
  return partialAdmin('platformatic', {
    createTopic: async (topic, partitions, configs = {}) => { await call(client.createTopics({ topics: [topic], partitions, replicas: 1, configs: Object.entries(configs).map(([name, value]) => ({ name, value })) })); },
    deleteTopic: (topic) => call(client.deleteTopics({ topics: [topic] })),
    listTopics: () => call(client.listTopics()),
    describeTopic: async (topic) => {
      const partitions = await partitionsOf(topic);
      return { partitions: partitions.length, leaders: partitions.filter(({ leader }) => leader >= 0).length };
    },
    createPartitions: (topic, count) => call(client.createPartitions({ topics: [{ name: topic, count, assignments: null as never }] })),
    describeConfig: async (topic) => {
      const found = await call(client.describeConfigs({ resources: [{ resourceType: topicResource, resourceName: topic, configurationKeys: null as never }] }));
      return Object.fromEntries(found[0]!.configs.map((config) => [config.name, [config.value ?? null, config.configSource === 5]]));
    },
    alterConfig: (topic, { set = {}, unset = [] }) => call(client.incrementalAlterConfigs({ resources: [{ resourceType: topicResource, resourceName: topic, configs: [
      ...Object.entries(set).map(([name, value]) => ({ name, value, configOperation: setOperation })), ...unset.map((name) => ({ name, value: null as never, configOperation: deleteOperation })),
    ] }] } as never)) as Promise<void>,
    deleteRecords: async (topic, partition, offset) => Number((await call(client.deleteRecords({ topics: [{ name: topic, partitions: [{ partition, offset: BigInt(offset) }] }] })))[0]!.partitions[0]!.lowWatermark),
    listOffset: async (topic, partition, at) => Number((await call(client.listOffsets({ topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: timestampOf(at) }] }] })))[0]!.partitions[0]!.offset),
    listGroups: async () => [...(await call(client.listGroups())).keys()],
    describeGroup: async (group) => {
      const found = (await call(client.describeGroups({ groups: [group] }))).get(group)!;
      return { state: found.state.toUpperCase().replaceAll(' ', '_'), members: found.members.size };
    },
    deleteGroup: (group) => call(client.deleteGroups({ groups: [group] })),
    groupOffsets: async (group) => Object.fromEntries((await call(client.listConsumerGroupOffsets({ groups: [group] })))[0]!.topics
      .flatMap(({ name, partitions }) => partitions.filter(({ committedOffset }) => committedOffset >= 0n).map(({ partitionIndex, committedOffset, metadata }) => [`${name}-${partitionIndex}`, [Number(committedOffset), metadata ?? '']]))),
    alterGroupOffset: (group, topic, partition, offset) => call(client.alterConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionOffsets: [{ partition, offset: BigInt(offset) }] }] })),
    deleteGroupOffset: async (group, topic, partition) => { await call(client.deleteConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionIndexes: [partition] }] })); },
    describeCluster: async () => {
      const found = await call(client.metadata({ forceUpdate: true }));
      return { nodes: found.brokers.size, hasClusterId: found.id !== '', hasController: found.controllerId >= 0 };
    },
  });
}

const timestampOf = (at: OffsetAt): bigint => at.kind === 'timestamp' ? BigInt(at.timestampMs) : { earliest: -2n, latest: -1n, 'max-timestamp': -3n }[at.kind];

type Faulty = { apiId?: string; apiCode?: number; message?: string; errors?: unknown[]; cause?: unknown };

function translate(error: unknown): ClientError {
  for (const inner of walk(error)) {
    const faulty = inner as Faulty;
    if (faulty.apiId !== undefined) return new ClientError(faulty.apiId, String(faulty.message));
    if (faulty.apiCode !== undefined) return new ClientError(protocolErrorsCodesById[faulty.apiCode as never] ?? String(faulty.apiCode), String(faulty.message));
  }
  return new ClientError('PLATFORMATIC', String(error));
}

function* walk(error: unknown): Generator<unknown> {
  if (error === undefined || error === null) return;
  yield error;
  for (const inner of (error as Faulty).errors ?? []) yield* walk(inner);
  yield* walk((error as Faulty).cause);
}

function fromPlatformatic(message: ByteMessage): Received {
  const bytes = (value: Buffer | undefined | null): Bytes => value === undefined || value === null ? null : Buffer.from(value);
  return {
    partition: message.partition, offset: Number(message.offset), timestampMs: Number(message.timestamp), key: bytes(message.key), value: bytes(message.value),
    headers: [...message.headers.entries()].map(([name, value]) => [name.toString(), bytes(value)]),
  };
}
