// testing/sim/node/own-clients.ts - our own client under the same faults: an idempotent producer, and members of a group that come and go.
// Owns: what they do, and the promises of the client: O1 a record given to the producer is stored once and in order, and never given up while
// the node comes back. O2 every record that stays is handed to the group. O3 a group's committed offsets never go back.
import { connect } from '../../../client/mod.ts';
import type { Client, ConsumedRecord, Consumer, Producer } from '../../../client/mod.ts';
import { OffsetFetch } from '../../../wire/mod.ts';
import { Violation, expect } from '../log-model.ts';
import { Actor, isFault, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import type { PartitionHistory } from './history.ts';
import type { Target } from './producers.ts';
import { listOffset } from './readers.ts';

const deliveryTimeoutMs = 3_600_000;
const waitingMax = 20;
const catchUpMs = 600_000;

/** Sends to all partitions with our producer. */
export class OwnProducer extends Actor {
  readonly #targets: readonly Target[];
  readonly #numbers = new Map<Target, number>();
  #client: Client | null = null;
  #producer: Producer | null = null;
  #waiting = 0;

  constructor(name: string, stage: Stage, targets: readonly Target[]) {
    super(name, stage);
    this.#targets = targets;
  }

  protected override unfinished(): boolean { return this.#waiting > 0; }

  override async end(): Promise<void> {
    await this.#client?.close();
    await super.end();
  }

  protected override async act(): Promise<void> {
    this.#client ??= await connectAs(this.name, this.stage);
    this.#producer ??= this.#client.producer({ deliveryTimeoutMs, lingerMs: this.stage.random.pick([0, 5]) });
    if (this.stage.resting() || this.#waiting >= waitingMax) return;
    for (let count = this.stage.random.between(1, 4); count > 0; count--) this.#send(this.#producer, this.stage.random.pick(this.#targets));
  }

  #send(producer: Producer, target: Target): void {
    const number = this.#numbers.get(target) ?? 0;
    this.#numbers.set(target, number + 1);
    const value = `${this.name}/${number}/${'-'.repeat(this.stage.random.pick([0, 50, 2000]))}`;
    target.history.sending(value, this.name, number, true);
    this.#waiting++;
    producer.send({ topic: target.topic, partition: target.partition, key: this.name, value }).then(
      ({ offset }) => { target.history.acked(value, offset); this.#waiting--; },
      (error: unknown) => { throw new Violation(`${this.name}: the producer gave up ${value.slice(0, 20)}: ${String(error)}`); },
    ).catch((error: unknown) => this.stage.fail(error));
  }
}

/** What a group has read: shared by its members. */
export class GroupReadings {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly #delivered = new Map<PartitionHistory, Set<number>>();
  readonly #committed = new Map<Target, number>();

  constructor(name: string, targets: readonly Target[]) {
    this.name = name;
    this.targets = targets;
    for (const { history } of targets) this.#delivered.set(history, new Set());
  }

  delivered(topic: string, partition: number, offset: number, value: string): void {
    const { history } = this.targets.find((target) => target.topic === topic && target.partition === partition)!;
    history.read([{ offset, key: null, value }]);
    this.#delivered.get(history)!.add(offset);
  }

  /** Asks what is committed (O3). Null while a fault lasts. */
  async committed(stage: Stage, target: Target): Promise<number | null> {
    const before = this.#committed.get(target) ?? -1;
    const answer = await stage.client.call(OffsetFetch, 8, { groups: [{ groupId: this.name, topics: [{ name: target.topic, partitionIndexes: [target.partition] }] }] });
    const group = answer.groups[0]!;
    const found = group.topics[0]?.partitions[0];
    if (passes('OffsetFetch', group.errorCode) || found === undefined || passes('OffsetFetch', found.errorCode)) return null;
    expect(found.committedOffset >= before, `${this.name}: ${target.history.name} was committed at ${before}, now it is ${found.committedOffset}`);
    this.#committed.set(target, Math.max(before, found.committedOffset));
    return found.committedOffset;
  }

  /** O2: of everything that is still there, every record was handed out. */
  checkDelivered(): void {
    for (const { history } of this.targets) {
      const delivered = this.#delivered.get(history)!;
      for (const offset of history.ackedOffsets()) {
        if (offset >= history.startAsked) expect(delivered.has(offset), `${this.name}: ${history.name} at ${offset} was acknowledged and never handed out`);
      }
    }
  }
}

/** One member of a group; it leaves and joins again now and then. */
export class OwnMember extends Actor {
  readonly #readings: GroupReadings;
  readonly #protocol: 'classic' | 'consumer';
  #client: Client | null = null;
  #consumer: Consumer | null = null;

  constructor(name: string, stage: Stage, readings: GroupReadings, protocol: 'classic' | 'consumer' = 'classic') {
    super(name, stage);
    this.#readings = readings;
    this.#protocol = protocol;
  }

  protected override async act(): Promise<void> {
    const { random } = this.stage;
    if (this.#consumer === null) await this.join();
    else if (random.chance(0.05)) await this.leave();
    else if (random.chance(0.5)) await this.#readings.committed(this.stage, random.pick(this.#readings.targets));
  }

  override async end(): Promise<void> {
    await this.leave();
    await this.#client?.close();
    await super.end();
  }

  /** Joins, if it is not a member. */
  async join(): Promise<void> {
    if (this.#consumer !== null) return;
    this.#client ??= await connectAs(this.name, this.stage);
    const topics = [...new Set(this.#readings.targets.map((target) => target.topic))];
    const membership = this.#protocol === 'consumer' ? { groupProtocol: 'consumer' as const } : { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 1000 };
    const consumer = this.#client.consumer({ topics, group: this.#readings.name, ...membership, rebalanceTimeoutMs: 5000, commitIntervalMs: 200, maxWaitMs: 100 });
    this.#consumer = consumer;
    this.trace('joins');
    consumer.run({ eachRecord: (record) => this.#take(record) }).catch(async (error: unknown) => {
      if (!isFault(error)) this.stage.fail(error);
      this.trace(`fault: ${String(error)}`);
      await consumer.close(1000).catch(() => {}); // else it stays a member that reads nothing
    }).finally(() => { if (this.#consumer === consumer) this.#consumer = null; });
  }

  /** Leaves as its users would. */
  async leave(): Promise<void> {
    const consumer = this.#consumer;
    if (consumer === null) return;
    this.#consumer = null;
    this.trace('leaves');
    await consumer.close(5000);
  }

  /** Waits until the group has committed the end of every partition. */
  async catchUp(): Promise<void> {
    const { world, client } = this.stage;
    const untilMs = world.time.nowMs + catchUpMs;
    for (const target of this.#readings.targets) {
      for (;;) {
        await this.join();
        const end = await listOffset(client, target, -1);
        const committed = await this.#readings.committed(this.stage, target);
        if (end === null || end === 0 || committed === end) break;
        expect(world.time.nowMs < untilMs, `${this.#readings.name}: does not get on: ${target.history.name} is committed at ${String(committed)} of ${end}`);
        await this.sleep(500);
      }
    }
  }

  #take(record: ConsumedRecord): void {
    this.#readings.delivered(record.topic, record.partition, record.offset, record.text()!);
  }
}

function connectAs(name: string, stage: Stage): Promise<Client> {
  return connect('broker:9092', { clientId: name, machine: stage.machine, requestTimeoutMs: 5000, connectTimeoutMs: 5000, autoCreateTopics: false });
}
