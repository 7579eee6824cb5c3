// testing/sim/node/queue.ts - the truth about a share group: what was handed out, to whom, and what was said of it.
// Owns: the checks. Never: requests (sharers.ts). Of a queue it finds: a record that was accepted or rejected and is handed out again, one that is handed out to two
// members at once, one handed out more often than the limit, one that nobody ever got, and dead letters that are missing, doubled or without cause.
import { expect } from '../log-model.ts';
import type { FoundRecord } from '../sim-batch.ts';

/** What must not be forgotten of one record. */
interface Item {
  readonly values: Set<string>;
  /** It was answered that this is durable. */
  decided: 'accepted' | 'rejected' | null;
  decidedAtMs: number;
  /** Somebody has asked for that, answered or not. */
  acceptAsked: boolean;
  /** Counts that deliveries had in each life of the node. */
  readonly counts: Map<number, Set<number>>;
}

/** The group's view of one topic. */
export class Queue {
  readonly topic: string;
  readonly deadTopic: string;
  readonly group: string;
  readonly partitions: number;
  readonly deliveriesMax: number;
  readonly lockMs: number;
  readonly #items = new Map<string, Item>();

  constructor(of: { topic: string; deadTopic: string; group: string; partitions: number; deliveriesMax: number; lockMs: number }) {
    this.topic = of.topic;
    this.deadTopic = of.deadTopic;
    this.group = of.group;
    this.partitions = of.partitions;
    this.deliveriesMax = of.deliveriesMax;
    this.lockMs = of.lockMs;
  }

  /** A member was given a record that it asked for at `askedMs`, in this life of the node; answers may come late, but each delivery has a count of its own. */
  delivered(member: string, partition: number, { offset, value }: FoundRecord, count: number, life: number, askedMs: number): void {
    const item = this.#item(partition, offset);
    const name = `${this.topic}-${partition}@${offset}`;
    expect(item.decided === null || askedMs < item.decidedAtMs, `${name} was ${item.decided} for good, and ${member} was given it`);
    expect(count >= 1 && count <= this.deliveriesMax, `${name} was delivered ${count} times, ${this.deliveriesMax} are allowed`);
    const counts = item.counts.get(life) ?? new Set();
    expect(!counts.has(count), `${name} was delivered for the ${count}th time to ${member}, and to another one, too`);
    item.counts.set(life, counts.add(count));
    item.values.add(value);
  }

  /** A member asks for something final. */
  asked(partition: number, offset: number, wish: 'accepted' | 'rejected'): void {
    if (wish === 'accepted') this.#item(partition, offset).acceptAsked = true;
  }

  /** It was answered that it is durable. */
  decided(partition: number, offset: number, wish: 'accepted' | 'rejected', nowMs: number): void {
    const item = this.#item(partition, offset);
    if (item.decided === null) item.decidedAtMs = nowMs;
    item.decided = wish;
  }

  /** Compares with all that is in the topic, once nothing is left to do, and with the dead letters. */
  check(partition: number, records: readonly FoundRecord[], letters: ReadonlyMap<string, number>): void {
    for (const { offset, value } of records) {
      const item = this.#items.get(`${partition}/${offset}`);
      const name = `${this.topic}-${partition}@${offset}`;
      const count = letters.get(`${partition}/${offset}`) ?? 0;
      expect(item !== undefined || count > 0, `${name} was neither delivered nor is it a dead letter`);
      expect(count <= 1, `${name} has ${count} dead letters`);
      if (item === undefined) continue;
      for (const seen of item.values) expect(seen === value, `${name} was delivered as '${seen}', it is '${value}'`);
      if (item.decided === 'accepted') expect(count === 0, `${name} was accepted and has a dead letter`);
      if (item.decided === 'rejected') expect(count === 1, `${name} was rejected and has no dead letter`);
      if (item.decided === null) expect(count === 1 || item.acceptAsked, `${name} is gone, and nobody has decided about it`);
    }
  }

  #item(partition: number, offset: number): Item {
    const key = `${partition}/${offset}`;
    let item = this.#items.get(key);
    if (item === undefined) this.#items.set(key, item = { values: new Set(), decided: null, decidedAtMs: Infinity, acceptAsked: false, counts: new Map() });
    return item;
  }
}
