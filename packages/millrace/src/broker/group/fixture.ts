// broker/group/fixture.ts - for the tests of groups: topics that a test makes, and the settings of consumer groups.
// Owns: the plainest of both. Never: behaviour.
import type { ConsumerGroupConfig, GroupTopics } from './ports.ts';

/** Topics by name with their numbers of partitions; each one's id is made of its name. */
export class TestTopics implements GroupTopics {
  readonly counts: Map<string, number>;
  /** Topics that were made anew: part of their ids. */
  readonly #lives = new Map<string, number>();

  constructor(counts: Record<string, number> = {}) {
    this.counts = new Map(Object.entries(counts));
  }

  idOf(name: string): string | null { return this.counts.has(name) ? this.#id(name) : null; }
  nameOf(id: string): string | null { return [...this.counts.keys()].find((name) => this.#id(name) === id) ?? null; }
  hasPartition(name: string, partition: number): boolean { return partition < this.partitionCount(name); }
  partitionCount(name: string): number { return this.counts.get(name) ?? 0; }

  /** Makes a topic or makes it larger; 0 partitions delete it. */
  set(name: string, count: number): void {
    if (count > 0) return void this.counts.set(name, count);
    this.counts.delete(name);
    this.#lives.set(name, (this.#lives.get(name) ?? 0) + 1);
  }

  #id(name: string): string {
    const life = this.#lives.get(name) ?? 0;
    return `${life === 0 ? '' : life}${name.replaceAll(/[^a-zA-Z0-9]/g, '')}`.padEnd(21, '0').slice(0, 21) + 'A';
  }
}

/** Settings of consumer groups, in round numbers; a test may change them. */
export function testConsumerConfig(): { -readonly [Key in keyof ConsumerGroupConfig]: ConsumerGroupConfig[Key] } {
  return { sessionTimeoutMs: () => 10_000, heartbeatIntervalMs: () => 1_000, membersMax: 1000, assignors: ['uniform', 'range'], mayUpgrade: true, mayDowngrade: true };
}
