// Kill and power loss at any step: whatever was acknowledged is there afterwards, whatever is there was appended, in order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { World, type FakeDevice, type Hosted } from '../testing/mod.ts';
import { appendAcked, batchOf, readAll, sampleConfig } from './log-samples.ts';
import { checkFolder, openLog } from './mod.ts';
import type { Log, Partition } from './types.ts';

const seeds = Array.from({ length: Number(process.env.SEEDS ?? 60) }, (_, index) => Number(process.env.SEED ?? index));

/** What clients know of one partition. */
interface Model { acked: string[]; sent: string[]; start: number; created: boolean; removing: boolean }

class Play {
  readonly world: World;
  readonly device: FakeDevice;
  readonly models = new Map<string, Model>();
  readonly random: World['random'];
  hosted: Hosted;
  log: Log | null = null;
  counter = 0;

  constructor(seed: number) {
    this.world = new World(seed);
    this.random = this.world.random;
    this.device = this.world.device('drive');
    this.hosted = this.world.start('node', 'host', this.device);
  }

  async open(): Promise<Log> {
    const { disk, clock, random } = this.hosted.machine;
    return openLog({ disk, clock, random, tailBytes: 1 << 20, journalFileBytes: 256 << 10, configOf: () => sampleConfig });
  }

  /** One life: random work until killed. */
  async live(steps: number): Promise<void> {
    const log = (this.log = await this.open());
    await this.verify(log);
    const running: Promise<void>[] = [];
    for (let step = 0; step < steps && this.hosted.process.alive; step++) running.push(this.act(log));
    await Promise.all(running);
  }

  async act(log: Log): Promise<void> {
    const name = `topic-${this.random.below(4)}`;
    const partition = log.partitions.get(name);
    const chance = this.random.below(100);
    await new Promise<void>((resolve) => this.hosted.machine.clock.after(this.random.below(400), resolve));
    try {
      if (partition === undefined || log.partitions.get(name) !== partition) await this.create(log, name);
      else if (chance < 3) await this.remove(log, name);
      else if (chance < 12) await this.trim(partition);
      else if (chance < 16) await log.checkpoint();
      else await this.append(partition);
    } catch (error) {
      if (!isMillraceError(error) || !['topic-exists', 'topic-not-found', 'offset-out-of-range', 'overloaded'].includes(error.code)) throw error;
    }
  }

  async create(log: Log, name: string): Promise<void> {
    const known = this.models.get(name);
    if (known !== undefined && known.created) return;
    await log.create(name, sampleConfig);
    this.models.set(name, { acked: [], sent: [], start: 0, created: true, removing: false });
  }

  async remove(log: Log, name: string): Promise<void> {
    const model = this.models.get(name)!;
    if (model.removing) return;
    model.removing = true;
    await log.remove(name);
    this.models.delete(name);
  }

  async trim(partition: Partition): Promise<void> {
    const model = this.models.get(partition.name)!;
    const offset = this.random.below(partition.highWatermark + 1);
    model.start = Math.max(model.start, await partition.deleteBefore(offset));
  }

  async append(partition: Partition): Promise<void> {
    const model = this.models.get(partition.name)!;
    const values = Array.from({ length: 1 + this.random.below(8) }, () => `${++this.counter}:${'x'.repeat(this.random.below(3000))}`);
    const done = appendAcked(partition, batchOf(values));
    model.sent.push(...values);
    await done;
    if (model.acked.length < partition.highWatermark) model.acked = model.sent.slice(0, partition.highWatermark);
  }

  /** A crash is no damage. */
  async check(): Promise<void> {
    await checkFolder(this.hosted.machine.disk, (finding) => { assert.notEqual(finding.kind, 'damage', `${finding.path} at ${finding.position}: ${finding.what}`); });
  }

  /** After a start: nothing acknowledged is missing, nothing unknown is there. */
  async verify(log: Log): Promise<void> {
    for (const [name, model] of this.models) {
      const partition = log.partitions.get(name);
      if (model.removing && partition === undefined) { this.models.delete(name); continue; }
      assert.ok(partition, `${name} was created and is there`);
      assert.ok(partition.highWatermark >= model.acked.length, `${name} holds ${partition.highWatermark} of ${model.acked.length} acknowledged`);
      assert.ok(partition.logStartOffset >= model.start, `${name} starts at ${partition.logStartOffset}, was deleted before ${model.start}`);
      for (const { offset, value } of await readAll(partition)) assert.equal(value, model.sent[offset], `${name} at ${offset}`);
      model.sent = model.sent.slice(0, partition.highWatermark);
      model.acked = [...model.sent];
      model.start = partition.logStartOffset;
      model.removing = false;
    }
    for (const name of log.partitions.keys()) {
      if (!this.models.has(name)) this.models.set(name, { acked: [], sent: [], start: 0, created: true, removing: false });
    }
  }
}

for (const how of ['kill', 'power cut'] as const) {
  test(`after a ${how} at any step all that was acknowledged is there (${seeds.length} seeds)`, async () => {
    for (const seed of seeds) {
      const play = new Play(seed);
      try {
        for (let life = 0; life < 4; life++) {
          let left = 20 + play.random.below(400);
          play.device.onStep = () => { if (--left === 0) play.hosted.process.kill(); };
          const living = play.live(120);
          let failure: unknown = null;
          living.catch((error) => { failure = error; });
          await play.world.time.settle(Promise.race([living, new Promise<void>((resolve) => { play.hosted.process.onDeath(() => resolve()); })]));
          if (failure !== null) throw failure;
          play.hosted.process.kill();
          if (how === 'power cut') play.device.cutPower();
          play.device.onStep = () => {};
          play.hosted = play.world.start('node', 'host', play.device);
          await play.world.time.settle(play.check());
        }
        await play.world.time.settle((async () => {
          const log = await play.open();
          await play.verify(log);
          await log.close();
          await play.check();
        })());
      } catch (error) {
        throw new Error(`seed ${seed}: SEED=${seed} SEEDS=1 node --test packages/millrace/src/log/log-crash.test.ts`, { cause: error });
      }
    }
  });
}
