// test/conformance/restart.test.ts - the broker is killed and stopped under the load of all clients at once, and comes back on the same data and port.
// Owns: the load, the two ends of the broker, and the judgement of what is left. R1 what was acknowledged is there. R2 with idempotence it is there once, and
// every key's records are in order. R3 a group's members see everything, and positions that were committed stay committed.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../peers/processes.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import type { ClientName, Driver, Load, Received } from './driver.ts';
import { clients, Matrix, targets } from './matrix.ts';
import { createReady, Follower, until } from './scene.ts';
import { Stage } from './stage.ts';
import { startTarget } from './targets.ts';

const ratePerSecond = 100;
const keys = 6;
const partitions = 3;
const recordsBetween = 150;
const matrix = new Matrix('restart');

describe('restart under load', { concurrency: 1 }, () => {
  let stage: Stage;
  before(async () => { stage = await Stage.open(); });
  after(async () => {
    await stage[Symbol.asyncDispose]();
    process.stdout.write(matrix.print());
  });

  for (const target of targets) {
    describe(target, { concurrency: clients.length }, () => {
      const players = new Map<ClientName, Player>();
      let broker: Broker;
      before(async () => {
        broker = await startTarget(target);
        for (const client of clients) if (!stage.missing.has(client)) players.set(client, await Player.enter(client, stage, broker));
        for (const end of ['kill', 'stop'] as const) {
          await onAll(players, (player) => player.progress());
          await onAll(players, (player) => player.commit());
          await broker[end]();
          await broker.restart();
        }
        await onAll(players, (player) => player.progress());
        await onAll(players, (player) => player.finish());
      }, { timeout: 300_000 });
      after(async () => { await broker.dispose(); });

      for (const client of clients) {
        test(`${client}: broker killed and stopped under load, on ${target}`, { timeout: 120_000 }, async (t) => {
          const player = players.get(client);
          if (player === undefined) return t.skip(stage.missing.get(client));
          await judge(client, target, 'nothing acknowledged is lost', () => player.checkNothingLost());
          await judge(client, target, 'idempotent: once and in order', () => player.checkIdempotent());
          const reason = player.lacks['plain-order'];
          if (reason === undefined) await judge(client, target, 'not idempotent: in order', () => player.checkPlain());
          else matrix.note(client, 'not idempotent: in order', target, { kind: 'lacks', reason });
          await judge(client, target, 'the group saw everything', () => player.checkGroup());
        });
      }
    });
  }
});

async function judge(client: ClientName, target: BrokerKind, name: string, check: () => Promise<void>): Promise<void> {
  try {
    await check();
    matrix.note(client, name, target, { kind: 'pass' });
  } catch (error) {
    matrix.note(client, name, target, { kind: 'fail', reason: String(error).split('\n')[0]!.slice(0, 400) });
    throw error;
  }
}

// A failure of one player is kept for its own test, so that the others go on.
async function onAll(players: Map<ClientName, Player>, act: (player: Player) => Promise<void>): Promise<void> {
  await Promise.all([...players.values()].map(async (player) => {
    if (player.failure === undefined) await act(player).catch((error: unknown) => { player.failure = error; });
  }));
}

type Loaded = { topic: string; load: Load; acked: Awaited<ReturnType<Load['stop']>>['acked']; stored: Received[] };

// One client with an idempotent and a plain load, and one member that reads the first.
class Player {
  failure: unknown;
  readonly #driver: Driver;
  readonly #reference: Driver;
  readonly #group: string;
  readonly #idempotent: Loaded;
  readonly #plain: Loaded;
  readonly #follower: Follower;
  #committed: Record<string, [number, string]> = {};
  #target = 0;

  private constructor(driver: Driver, reference: Driver, group: string, idempotent: Loaded, plain: Loaded, follower: Follower) {
    this.#driver = driver;
    this.#reference = reference;
    this.#group = group;
    this.#idempotent = idempotent;
    this.#plain = plain;
    this.#follower = follower;
  }

  get lacks(): Driver['lacks'] { return this.#driver.lacks; }

  static async enter(client: ClientName, stage: Stage, broker: Broker): Promise<Player> {
    const driver = stage.driver(client, broker.bootstrap);
    const reference = stage.reference(broker.bootstrap);
    const word = client.replaceAll('.', '');
    const loads: Loaded[] = [];
    for (const idempotent of [true, false]) {
      const topic = `restart-${word}-${idempotent ? 'idempotent' : 'plain'}`;
      await createReady(reference.admin, topic, partitions);
      loads.push({ topic, load: await driver.startLoad({ topic, keys, rate: ratePerSecond, idempotent }), acked: [], stored: [] });
    }
    const group = `restart-${word}`;
    const follower = new Follower(await driver.join({ group, topics: [loads[0]!.topic], sessionMs: 10_000 }));
    return new Player(driver, reference, group, loads[0]!, loads[1]!, follower);
  }

  // Until the loads and the member have got on by some records.
  async progress(): Promise<void> {
    this.#target += recordsBetween;
    for (const { load, topic } of [this.#idempotent, this.#plain]) {
      await eventually(async () => await load.ackedCount() >= this.#target ? true : undefined, () => `'${topic}' does not get on`, 90_000, 100);
    }
    await until([this.#follower], () => this.#follower.received.length >= this.#target, `the member does not get on`, 90_000);
  }

  async commit(): Promise<void> {
    await this.#follower.commit();
    this.#committed = await this.#reference.admin.groupOffsets(this.#group);
    if (this.#driver.lacks['commit'] === undefined) assert.ok(Object.keys(this.#committed).length > 0, 'something is committed');
  }

  async finish(): Promise<void> {
    for (const loaded of [this.#idempotent, this.#plain]) {
      loaded.acked = (await loaded.load.stop()).acked;
      let end = 0;
      for (let partition = 0; partition < partitions; partition++) end += await this.#reference.admin.listOffset(loaded.topic, partition, { kind: 'latest' });
      loaded.stored = await this.#reference.consume({ topic: loaded.topic, partitions: [0, 1, 2], from: { kind: 'beginning' }, count: end, timeoutMs: 30_000 });
    }
    const all = new Set(this.#idempotent.stored.map(placeOf));
    await until([this.#follower], () => all.isSubsetOf(new Set(this.#follower.received.map(placeOf))), 'the member has not seen everything', 60_000);
    await this.#follower.leave();
  }

  async checkNothingLost(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    for (const { topic, acked, stored } of [this.#idempotent, this.#plain]) {
      assert.ok(acked.length >= this.#target, `${acked.length} were acknowledged`);
      const values = new Set(stored.map(({ value }) => value!.toString()));
      const places = new Map(stored.map((record) => [placeOf(record), record.value!.toString()]));
      for (const { key, number, partition, offset } of acked) {
        assert.ok(values.has(`${key}:${number}`), `'${topic}' has lost ${key}:${number}`);
        // Where the client tells where it is, it must be there.
        if (offset >= 0) assert.equal(places.get(`${partition}@${offset}`), `${key}:${number}`, `what is at ${partition}@${offset} of '${topic}'`);
      }
    }
  }

  async checkIdempotent(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    for (const [key, numbers] of numbersByKey(this.#idempotent.stored)) {
      numbers.forEach((number, i) => assert.ok(i === 0 || number > numbers[i - 1]!, `key ${key}: ${number} after ${numbers[i - 1]}`));
    }
  }

  async checkPlain(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    // A repeated request may store records twice; the first of each must be in order.
    for (const [key, numbers] of numbersByKey(this.#plain.stored)) {
      const first = [...new Set(numbers)];
      first.forEach((number, i) => assert.ok(i === 0 || number > first[i - 1]!, `key ${key}: ${number} after ${first[i - 1]}`));
    }
  }

  async checkGroup(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    const seen = new Set(this.#follower.received.map(placeOf));
    for (const record of this.#idempotent.stored) assert.ok(seen.has(placeOf(record)), `the member has not seen ${placeOf(record)}`);
    const stored = new Map(this.#idempotent.stored.map((record) => [placeOf(record), record.value!.toString()]));
    for (const record of this.#follower.received) assert.equal(record.value!.toString(), stored.get(placeOf(record)), `what the member saw at ${placeOf(record)}`);
    const now = await this.#reference.admin.groupOffsets(this.#group);
    for (const [partition, [offset]] of Object.entries(this.#committed)) assert.ok((now[partition]?.[0] ?? -1) >= offset, `${partition} was committed at ${offset}, is at ${now[partition]?.[0]}`);
  }
}

const placeOf = (record: Received): string => `${record.partition}@${record.offset}`;

function numbersByKey(records: readonly Received[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { key, value } of records) {
    const name = key!.toString();
    if (!found.has(name)) found.set(name, []);
    found.get(name)!.push(Number(value!.toString().split(':')[1]));
  }
  return found;
}
