// A move on simulated machines, from seeds: source, target and tool on three hosts, each killed at chosen moments, the target also by power cuts. What was copied is there once,
// in order, at its offset; what the tool thinks is never more than what the target has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, connect, type Move, planMove } from '../client/mod.ts';
import { startNode } from '../node/mod.ts';
import type { FakeDevice } from './fake-device.ts';
import type { FakeProcess } from './fake-process.ts';
import { World } from './world.ts';

const seeds = Array.from({ length: 25 }, (_, i) => i + 1);
const partitions = 3;
const records = 240;

class Side {
  readonly #world: World;
  readonly #name: string;
  readonly #drive: FakeDevice;
  readonly #as: string | undefined;
  #process: FakeProcess | null = null;

  constructor(world: World, name: string, as?: string) {
    this.#world = world;
    this.#name = name;
    this.#drive = world.device(name);
    this.#as = as;
  }

  get address(): string { return `${this.#name}:9092`; }

  async start(): Promise<void> {
    const { machine, process } = this.#world.start(this.#name, this.#name, this.#drive);
    this.#process = process;
    await startNode({ host: this.#name, port: 9092, machine, ...(this.#as === undefined ? {} : { asKafkaVersion: this.#as }) });
  }

  async restart(cut: boolean): Promise<void> {
    this.#process!.kill();
    if (cut) this.#drive.cutPower();
    await this.start();
  }
}

async function fill(client: Client, from: number, to: number): Promise<void> {
  const producer = client.producer();
  await producer.sendBatch(Array.from({ length: to - from }, (_, i) => ({ topic: 'house', partition: (from + i) % partitions, key: String(from + i), value: `record ${from + i}` })));
  await producer.close();
  const transactions = client.transactionalProducer({ transactionalId: `filler-${from}` });
  await transactions.transact(async (transaction) => {
    await transaction.send({ topic: 'house', partition: from % partitions, value: 'never seen' });
    throw new Error('no');
  }).catch(() => {});
  await transactions.close();
}

async function readAll(client: Client, count: number, withOffsets: boolean): Promise<string[]> {
  const found: string[] = [];
  const consumer = client.consumer({ topics: ['house'] });
  for await (const record of consumer) {
    found.push(`${record.partition} ${withOffsets ? record.offset : ''} ${record.keyText()} ${record.text()}`);
    if (found.length === count) break;
  }
  await consumer.close();
  return found.sort();
}

for (const kind of ['exact', 'mapped'] as const) {
  for (const seed of seeds) {
    test(`${kind}, seed ${seed}: killed anywhere, nothing is lost and nothing is doubled`, { timeout: 60_000 }, async () => {
      const world = new World(seed);
      const { random, time } = world;
      const below = (count: number): number => random.uint32() % count;
      const source = new Side(world, 'source');
      const target = new Side(world, 'target', kind === 'mapped' ? '4.3' : undefined);
      Object.assign(world.net.faults, { latencyMs: 4, spikeChance: 0.02, spikeMs: 60 });
      await time.settle((async () => {
        await source.start();
        await target.start();
        const clients = { requestTimeoutMs: 3_000, connectTimeoutMs: 60_000 };
        const here = world.start('observer', 'observer').machine;
        const from = await connect(source.address, { ...clients, machine: here });
        await from.admin().createTopics([{ topic: 'house', partitions }]);
        await fill(from, 0, records / 2);
        const open = (): { tool: FakeProcess; moving: Promise<Move> } => {
          const { process, machine } = world.start('tool', 'tool');
          const options = { ...clients, machine, waitForServer: true };
          return { tool: process, moving: planMove({ from: source.address, to: target.address, fromOptions: options, toOptions: options }).then(async (move) => { await move.prepare(); return move; }) };
        };
        const pause = (ms: number): Promise<void> => new Promise((resolve) => { here.clock.after(ms, resolve); });
        world.net.faults.resetChance = 0.05;
        for (let life = 0; life < 6; life++) {
          const { tool, moving } = open();
          const work = moving.then((move) => move.copy());
          work.catch(() => {}); // it dies with its process
          await pause(30 + below(90));
          if (below(3) === 0) await target.restart(below(2) === 0);
          if (below(4) === 0) await source.restart(false);
          await pause(below(400));
          tool.kill();
          if (life % 2 === 1) {
            world.net.faults.resetChance = 0;
            await fill(from, records / 2 + (records / 6) * ((life - 1) / 2), records / 2 + (records / 6) * ((life + 1) / 2));
            world.net.faults.resetChance = 0.05;
          }
        }
        world.net.faults.resetChance = 0;
        const { moving } = open();
        const move = await moving;
        const { verified } = await move.cutover();
        assert.equal(verified!.isEqual, true, JSON.stringify(verified));
        assert.equal(verified!.records, records);
        const to = await connect(target.address, { ...clients, machine: here });
        assert.deepEqual(await readAll(to, records, kind === 'exact'), await readAll(from, records, kind === 'exact'));
        await move.close();
        await Promise.all([from.close(), to.close()]);
      })());
    });
  }
}
