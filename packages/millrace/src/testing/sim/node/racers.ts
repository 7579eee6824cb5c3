// testing/sim/node/racers.ts - a client that creates, extends, configures, writes to and deletes one topic all at once, without waiting.
// Owns: the promise of topics under concurrent requests: each answer is one that some order of the requests explains, and what the answers
// say is there is there afterwards.
import { CreatePartitions, CreateTopics, DeleteTopics, DescribeConfigs, IncrementalAlterConfigs, ListOffsets, Metadata, Produce, errorCodes } from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { buildBatch } from '../sim-batch.ts';
import { Actor, passes } from './actor.ts';
import type { Stage } from './actor.ts';

const unknown = errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
const topicResource = 2;

/** One kind of request: how it is asked, and what it may be answered. */
interface Ask { readonly name: string; readonly ask: () => Promise<number>; readonly codes: readonly number[] }

/** Requests of one topic, many at a time. */
export class Racer extends Actor {
  /** Whether the topic is there; null after a fault, until the next life shows it. */
  #there: boolean | null = false;
  #lifeOfDoubt = -1;
  readonly #topic: string;

  constructor(name: string, stage: Stage) {
    super(name, stage);
    this.#topic = `topic of ${name}`.replaceAll(' ', '-');
  }

  protected override async act(): Promise<void> {
    const life = this.stage.life();
    const { random, client } = this.stage;
    await client.connect();
    if (this.#there === null) {
      if (this.#lifeOfDoubt < life) this.#there = await this.#look();
      return;
    }
    const before = this.#there;
    this.#there = null;
    this.#lifeOfDoubt = life;
    const asked = Array.from({ length: random.between(2, 6) }, () => random.pick(this.#asks()));
    const results = await Promise.all(asked.map(async ({ name, ask, codes }) => ({ name, codes, code: await ask() })));
    this.trace(results.map(({ name, code }) => `${name} ${code}`).join(', '));
    if (results.map(({ name, codes, code }) => passes(`${name} of '${this.#topic}'`, code, codes)).includes(true) || life !== this.stage.life()) return;
    const done = (name: string) => results.filter((result) => result.name === name && result.code === 0).length;
    const change = done('create') - done('delete');
    expect((before ? -1 : 0) <= change && change <= (before ? 0 : 1), `'${this.#topic}' was ${before ? '' : 'not '}there, and was created ${done('create')} and deleted ${done('delete')} times`);
    const there = (before ? 1 : 0) + change === 1;
    const seen = await this.#look();
    if (life !== this.stage.life() || seen === null) return;
    expect(seen === there, `'${this.#topic}' is ${seen ? '' : 'not '}there after ${results.map(({ name, code }) => `${name} ${code}`).join(', ')}`);
    this.#there = there;
  }

  async #look(): Promise<boolean | null> {
    const { errorCode } = (await this.stage.client.call(Metadata, 12, { topics: [{ name: this.#topic }], allowAutoTopicCreation: false })).topics[0]!;
    return passes('Metadata', errorCode, [unknown]) ? null : errorCode === 0;
  }

  #asks(): Ask[] {
    const { client } = this.stage;
    const name = this.#topic;
    const timeoutMs = 3000;
    const records = buildBatch([{ timestampMs: this.stage.machine.clock.nowMs(), key: null, value: 'raced' }]);
    return [
      { name: 'create', codes: [errorCodes.TOPIC_ALREADY_EXISTS], ask: async () => (await client.send(CreateTopics, 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }], timeoutMs })).topics[0]!.errorCode },
      { name: 'delete', codes: [unknown], ask: async () => (await client.send(DeleteTopics, 6, { topics: [{ name }], timeoutMs })).responses[0]!.errorCode },
      { name: 'extend', codes: [unknown, errorCodes.INVALID_PARTITIONS], ask: async () => (await client.send(CreatePartitions, 3, { topics: [{ name, count: 3, assignments: null }], timeoutMs, validateOnly: false })).results[0]!.errorCode },
      { name: 'set', codes: [unknown], ask: async () => (await client.send(IncrementalAlterConfigs, 1, { resources: [{ resourceType: topicResource, resourceName: name, configs: [{ name: 'retention.ms', configOperation: 0, value: '86400000' }] }], validateOnly: false })).responses[0]!.errorCode },
      { name: 'produce', codes: [unknown], ask: async () => (await client.send(Produce, 9, { acks: -1, timeoutMs, topicData: [{ name, partitionData: [{ index: 0, records }] }] })).responses[0]!.partitionResponses[0]!.errorCode },
      { name: 'describe', codes: [unknown], ask: async () => (await client.send(DescribeConfigs, 4, { resources: [{ resourceType: topicResource, resourceName: name, configurationKeys: null }], includeSynonyms: false, includeDocumentation: false })).results[0]!.errorCode },
      { name: 'list', codes: [unknown], ask: async () => (await client.send(ListOffsets, 7, { replicaId: -1, isolationLevel: 0, topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] })).topics[0]!.partitions[0]!.errorCode },
    ];
  }
}
