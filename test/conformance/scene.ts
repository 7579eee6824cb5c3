// test/conformance/scene.ts - what a case gets: its client, a reference client, a broker, and small helpers to say what is expected.
// Owns: unique names, waiting, comparing records. Never: clients' ways (drivers/).
// S1 facts noted by a case must be equal on every broker; what differs is either a defect or listed in differences.ts.

import assert from 'node:assert/strict';
import { eventually } from '../peers/processes.ts';
import { ClientError } from '../peers/worker.ts';
import type { Broker } from '../peers/broker.ts';
import type { Ability, Admin, Driver, Member, Message, Received } from './driver.ts';

/** One case: a story that every client with the needed abilities must be able to live through. */
export type Case = { readonly name: string; readonly needs: readonly Ability[]; run(scene: Scene): Promise<void> };

/** Declares a case. */
export const story = (name: string, needs: readonly Ability[], run: (scene: Scene) => Promise<void>): Case => ({ name, needs, run });

/** For topics whose records are of long ago: a broker deletes them within a minute of its start otherwise. */
export const keptForEver = { 'retention.ms': '-1' };

let nameNext = 0;

/** The stage of one run of a case. */
export class Scene {
  readonly driver: Driver;
  /** The newest Java client: sets the stage and checks what the client under test wrote. */
  readonly reference: Driver;
  readonly broker: Broker;
  readonly facts: Record<string, unknown> = {};
  readonly #closings: (() => Promise<unknown>)[] = [];

  constructor(driver: Driver, reference: Driver, broker: Broker) {
    this.driver = driver;
    this.reference = reference;
    this.broker = broker;
  }

  /** Notes something that must be the same on every broker. */
  fact(name: string, value: unknown): void { this.facts[name] = value; }

  /** A name that no other case uses. */
  name(word: string): string { return `${word}-${this.driver.name.replaceAll('.', '')}-${process.pid}-${++nameNext}`; }

  /** Creates a topic and waits until its partitions have leaders that answer. */
  async topic(partitions = 1, configs: Record<string, string> = {}): Promise<string> {
    const topic = this.name('topic');
    await createReady(this.reference.admin, topic, partitions, configs);
    return topic;
  }

  /** Joins a group; the member leaves when the case is over, if it has not left before. */
  async join(...[request]: Parameters<Driver['join']>): Promise<Follower> {
    const follower = new Follower(await this.driver.join(request));
    this.#closings.push(() => follower.leave());
    return follower;
  }

  /** Ends what the case has left open. */
  async close(): Promise<void> { for (const close of this.#closings) await close().catch(() => {}); }
}

/** Creates a topic and waits until every partition answers: some clients fail on one that has no leader yet. */
export async function createReady(admin: Admin, topic: string, partitions: number, configs: Record<string, string> = {}): Promise<void> {
  await admin.createTopic(topic, partitions, configs);
  await eventually(async () => (await admin.describeTopic(topic).catch(() => undefined))?.leaders === partitions ? true : undefined, () => `no leaders for '${topic}'`);
  for (let partition = 0; partition < partitions; partition++) await admin.listOffset(topic, partition, { kind: 'latest' });
}

/** A member of a group, with everything it was given so far. */
export class Follower {
  readonly received: Received[] = [];
  readonly events: { kind: 'assigned' | 'revoked' | 'lost'; partitions: string[] }[] = [];
  assigned: string[] = [];
  readonly #member: Member;
  #isGone = false;

  constructor(member: Member) { this.#member = member; }

  /** Takes in what came since the last call. */
  async look(): Promise<this> {
    if (this.#isGone) return this;
    const state = await this.#member.state();
    this.received.push(...state.received);
    this.events.push(...state.events);
    this.assigned = state.assigned;
    return this;
  }

  commit(): Promise<void> { return this.#member.commit(); }

  async leave(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    await this.#member.leave();
  }

  async vanish(): Promise<void> {
    this.#isGone = true;
    await this.#member.vanish!();
  }
}

/** Waits until the members together have what is asked; each is looked at again and again. */
export async function until(followers: readonly Follower[], isSo: () => boolean, describe: string, timeoutMs = 30_000): Promise<void> {
  await eventually(async () => {
    for (const follower of followers) await follower.look();
    return isSo() ? true : undefined;
  }, () => `${describe}; assigned ${JSON.stringify(followers.map(({ assigned }) => assigned))}, received ${followers.map(({ received }) => received.length)}, events ${JSON.stringify(followers.map(({ events }) => events))}`, timeoutMs, 50);
}

/** True when the members have these shares of all partitions, in any order, and no partition twice. */
export function shares(followers: readonly Follower[], sizes: readonly number[]): boolean {
  const all = followers.flatMap(({ assigned }) => assigned);
  const found = followers.map(({ assigned }) => assigned.length).sort();
  return new Set(all).size === all.length && JSON.stringify(found) === JSON.stringify([...sizes].sort());
}

/** Numbered records for one partition. */
export const numbered = (count: number, partition: number | undefined = 0, word = 'value'): Message[] =>
  Array.from({ length: count }, (_, i) => ({ key: Buffer.from(`key-${i % 7}`), value: Buffer.from(`${word}-${i}-${'x'.repeat(i % 50)}`), partition }));

/** Numbered records spread over partitions in turn. */
export const spread = (count: number, partitions: number, word = 'value'): Message[] =>
  Array.from({ length: count }, (_, i) => ({ key: Buffer.from(`key-${i}`), value: Buffer.from(`${word}-${i}`), partition: i % partitions }));

/** What was sent and what came must be the same records in the same order. */
export function same(received: readonly Received[], sent: readonly Message[], firstOffset = 0): void {
  assert.equal(received.length, sent.length, `received ${received.length} records of ${sent.length}`);
  sent.forEach((message, i) => {
    const got = received[i]!;
    assert.equal(got.offset, firstOffset + i, 'offset');
    assert.deepEqual(text(got.key), text(message.key), `key at ${got.offset}`);
    assert.deepEqual(text(got.value), text(message.value), `value at ${got.offset}`);
    if (message.headers !== undefined) assert.deepEqual(got.headers.map(([name, value]) => [name, text(value)]), message.headers.map(([name, value]) => [name, text(value)]), `headers at ${got.offset}`);
    if (message.timestampMs !== undefined) assert.equal(got.timestampMs, message.timestampMs, `timestamp at ${got.offset}`);
  });
}

const text = (bytes: Buffer | null): string | null => bytes === null ? null : bytes.toString('latin1');

/** The values, for short comparisons. */
export const values = (records: readonly { value: Buffer | null }[]): string[] => records.map(({ value }) => value?.toString() ?? 'null');

/** The code that an administration call fails with; throws when it does not fail. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ClientError) return error.code;
    throw error;
  }
  throw new assert.AssertionError({ message: 'the call was expected to fail' });
}

/** Bytes that do not compress, the same in every run. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
