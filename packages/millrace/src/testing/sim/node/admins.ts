// testing/sim/node/admins.ts - a client that creates and deletes topics and deletes records.
// Owns: the promise of topics: a confirmed creation or deletion holds, and an id belongs to one topic for ever.
import { CreateTopics, DeleteRecords, DeleteTopics, Metadata, errorCodes } from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { Actor, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import type { Target } from './producers.ts';

interface Known { life: 'creating' | 'there' | 'deleting' | 'gone'; readonly partitions: number; id: string | null }

/** Creates, deletes, looks. */
export class Admin extends Actor {
  readonly #targets: readonly Target[];
  readonly #topics = new Map<string, Known>();
  #names = 0;

  constructor(name: string, stage: Stage, targets: readonly Target[]) {
    super(name, stage);
    this.#targets = targets;
  }

  protected override async act(): Promise<void> {
    const { random } = this.stage;
    const there = [...this.#topics].filter(([, topic]) => topic.life === 'there').map(([name]) => name);
    const draw = random.fraction();
    if (draw < 0.3 && there.length < 5) await this.#create();
    else if (draw < 0.45 && there.length > 0) await this.#delete(random.pick(there));
    else if (draw < 0.6) await this.#deleteRecords(random.pick(this.#targets));
    else await this.check();
  }

  /** Compares the node's topics with what was confirmed. */
  async check(): Promise<void> {
    const before = new Map([...this.#topics].map(([name, topic]) => [name, topic.life]));
    const answer = await this.stage.client.call(Metadata, 12, { topics: null, allowAutoTopicCreation: false });
    const found = new Map(answer.topics.map((topic) => [topic.name, topic]));
    for (const [name, topic] of this.#topics) {
      if (before.get(name) !== topic.life) continue;
      const seen = found.get(name);
      if (topic.life === 'there') expect(seen !== undefined, `topic '${name}' is gone, its creation was confirmed`);
      if (topic.life === 'gone') expect(seen === undefined, `topic '${name}' is back, its deletion was confirmed`);
      if (seen === undefined) continue;
      expect(seen.partitions.length === topic.partitions, `topic '${name}' has ${seen.partitions.length} partitions, not ${topic.partitions}`);
      expect(topic.id === null || topic.id === seen.topicId, `topic '${name}' changed its id`);
      topic.id = seen.topicId;
    }
  }

  async #create(): Promise<void> {
    const name = `${this.name}-${this.#names++}`;
    const partitions = this.stage.random.between(1, 3);
    const topic: Known = { life: 'creating', partitions, id: null };
    this.#topics.set(name, topic);
    const answer = await this.stage.client.call(CreateTopics, 7, { topics: [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: [] }], timeoutMs: 3000 });
    const { errorCode, topicId } = answer.topics[0]!;
    this.trace(`create ${name}: ${errorCode}`);
    if (passes(`CreateTopics '${name}'`, errorCode)) return;
    topic.life = 'there';
    topic.id = topicId;
  }

  async #delete(name: string): Promise<void> {
    const topic = this.#topics.get(name)!;
    topic.life = 'deleting';
    const answer = await this.stage.client.call(DeleteTopics, 6, { topics: [{ name }], timeoutMs: 3000 });
    const { errorCode } = answer.responses[0]!;
    this.trace(`delete ${name}: ${errorCode}`);
    if (!passes(`DeleteTopics '${name}'`, errorCode)) topic.life = 'gone';
  }

  async #deleteRecords({ topic, partition, history }: Target): Promise<void> {
    const { random } = this.stage;
    const offset = random.between(history.startConfirmed, Math.max(history.startConfirmed, Math.floor(history.endSeen / 2)));
    history.startAsked = Math.max(history.startAsked, offset);
    const answer = await this.stage.client.call(DeleteRecords, 2, { topics: [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }], timeoutMs: 3000 });
    const { errorCode, lowWatermark } = answer.topics[0]!.partitions[0]!;
    this.trace(`delete records of ${history.name} before ${offset}: ${errorCode}`);
    if (passes(`DeleteRecords of ${history.name}`, errorCode, [errorCodes.OFFSET_OUT_OF_RANGE]) || errorCode !== 0) return;
    expect(lowWatermark >= offset, `${history.name}: deleted before ${offset}, the answer says it starts at ${lowWatermark}`);
    history.startConfirmed = Math.max(history.startConfirmed, offset);
  }
}
