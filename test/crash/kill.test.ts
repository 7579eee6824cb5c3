// kill -9 of a real node under the load of real clients, ten times on a push, a hundred times in the full run.
// After the last one: nothing acknowledged is lost, nothing of an idempotent producer is doubled, every key is in order, every position that a
// group was told is committed still is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prng } from '../../packages/millrace/src/testing/mod.ts';
import { kafkajsDriver } from '../conformance/drivers/kafkajs.ts';
import { javaDriver } from '../conformance/drivers/worker.ts';
import type { Driver, Load, Member } from '../conformance/driver.ts';
import { eventually } from '../peers/processes.ts';
import type { Broker } from '../peers/broker.ts';
import { startMillrace } from '../peers/millrace.ts';
import { startJavaWorker } from '../peers/worker.ts';
import { checkLoad, rawClient, readTopic } from './left.ts';
import { startOwnLoad } from './own-load.ts';

const kills = process.env['MILLRACE_TEST_FULL'] === '1' ? 100 : 10;
const partitions = 3;
const keys = 6;
const recordsBetween = 40;
const random = prng(0xdead);

interface Loaded { readonly topic: string; readonly load: Load; readonly idempotent: boolean }

test(`kill -9 under load, ${kills} times`, { timeout: 40 * 60_000 }, async (t) => {
  await using worker = await startJavaWorker('4.3');
  await using node = await startMillrace();
  await using java = javaDriver('java-4.3', worker, node.bootstrap);
  await using kafkajs = kafkajsDriver(node.bootstrap);
  const loads = await startLoads(node, java, kafkajs);
  const groups = await Promise.all([Group.join(java, 'crash-java', loads[0]!.topic), Group.join(kafkajs, 'crash-kafkajs', loads[0]!.topic)]);
  t.after(() => { for (const { load } of loads) void load.stop(); }); // a failed test must not go on sending
  for (let kill = 1; kill <= kills; kill++) {
    await Promise.all(loads.map((loaded) => progress(loaded)));
    if (kill % 5 === 0) for (const group of groups) await group.commit();
    await new Promise((resolve) => setTimeout(resolve, random.between(0, 150)));
    await node.kill();
    await node.restart();
    for (const group of groups) await group.check();
  }
  await Promise.all(loads.map((loaded) => progress(loaded)));
  await judge(node, loads, (line) => t.diagnostic(line));
  for (const group of groups) await group.leave();
});

async function startLoads(node: Broker, java: Driver, kafkajs: Driver): Promise<Loaded[]> {
  const own = { name: 'own', start: (request: Parameters<Driver['startLoad']>[0]) => startOwnLoad(node.bootstrap, request) };
  const clients = [own, { name: 'java', start: (request: Parameters<Driver['startLoad']>[0]) => java.startLoad(request) }, { name: 'kafkajs', start: (request: Parameters<Driver['startLoad']>[0]) => kafkajs.startLoad(request) }];
  const loads: Loaded[] = [];
  for (const client of clients) {
    for (const idempotent of [true, false]) {
      const topic = `crash-${client.name}-${idempotent ? 'idempotent' : 'plain'}`;
      await java.admin.createTopic(topic, partitions);
      loads.push({ topic, idempotent, load: await client.start({ topic, keys, rate: 200, idempotent }) });
    }
  }
  return loads;
}

/** Waits until the load was acknowledged some more records. */
async function progress({ topic, load }: Loaded): Promise<void> {
  const aim = await load.ackedCount() + recordsBetween;
  await eventually(async () => (await load.ackedCount() >= aim ? true : undefined), () => `'${topic}' does not get on`, 120_000, 20);
}

async function judge(node: Broker, loads: readonly Loaded[], say: (line: string) => void): Promise<void> {
  const client = rawClient(node.host, node.port);
  try {
    for (const { topic, load, idempotent } of loads) {
      const result = await load.stop();
      const stored = await readTopic(client, topic, partitions);
      checkLoad(topic, result, stored, idempotent);
      say(`${topic}: ${result.acked.length} acknowledged, ${result.failed.length} failed, ${stored.length} stored`);
    }
  } finally {
    client.drop();
  }
}

/** One member of a group of one, and the positions that it was told are committed. */
class Group {
  readonly #driver: Driver;
  readonly #name: string;
  readonly #member: Member;
  #committed: Record<string, [number, string]> = {};

  private constructor(driver: Driver, name: string, member: Member) {
    this.#driver = driver;
    this.#name = name;
    this.#member = member;
  }

  static async join(driver: Driver, name: string, topic: string): Promise<Group> {
    return new Group(driver, name, await driver.join({ group: name, topics: [topic], sessionMs: 10_000 }));
  }

  async commit(): Promise<void> {
    await eventually(async () => ((await this.#member.state()).received.length > 0 ? true : undefined), () => `${this.#name} sees nothing`, 60_000, 100);
    this.#committed = await eventually(async () => {
      await this.#member.commit();
      const committed = await this.#driver.admin.groupOffsets(this.#name);
      return Object.keys(committed).length > 0 ? committed : undefined;
    }, () => `${this.#name} cannot commit`, 60_000, 200);
  }

  async check(): Promise<void> {
    if (Object.keys(this.#committed).length === 0) return;
    const now = await this.#driver.admin.groupOffsets(this.#name);
    for (const [partition, [offset]] of Object.entries(this.#committed)) {
      assert.ok((now[partition]?.[0] ?? -1) >= offset, `${this.#name}: ${partition} was committed at ${offset}, now it is at ${now[partition]?.[0]}`);
    }
  }

  async leave(): Promise<void> { await this.#member.leave(); }
}
