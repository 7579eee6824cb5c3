// An append to several partitions is one: whatever happens to the machine, all of it is there or none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError, limits } from '../base/mod.ts';
import { MemoryDisk, nodeClock, nodeRandom } from '../os/mod.ts';
import { World } from '../testing/mod.ts';
import { batchOf, batchOfSize, readAll, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import type { JointAppend, Log } from './types.ts';

const seeds = Array.from({ length: Number(process.env.SEEDS ?? 40) }, (_, index) => Number(process.env.SEED ?? index));
const names = ['red-0', 'green-0', 'blue-0'];
const configOf = (name: string) => (name === 'blue-0' ? { ...sampleConfig, durability: 'page-cache' as const } : sampleConfig);

function appendTogether(log: Log, parts: readonly JointAppend[]): Promise<void> {
  return new Promise((resolve, reject) => { log.appendTogether(parts, (error) => (error === null ? resolve() : reject(error))); });
}

async function valuesIn(log: Log, name: string): Promise<Set<string>> {
  const partition = log.partitions.get(name);
  return new Set(partition === undefined ? [] : (await readAll(partition)).map(({ value }) => value));
}

for (const how of ['kill', 'power cut'] as const) {
  test(`after a ${how} a joint append is there wholly or not at all (${seeds.length} seeds)`, async () => {
    let torn = 0; // appends that were under way when the node ended
    for (const seed of seeds) {
      const world = new World(seed);
      const device = world.device('drive');
      const open = (hosted: ReturnType<World['start']>) => openLog({
        disk: hosted.machine.disk, clock: hosted.machine.clock, random: hosted.machine.random, tailBytes: 1 << 20, journalFileBytes: 256 << 10, configOf,
      });
      const sent = new Map<string, string[]>();
      const acked = new Set<string>();
      let hosted = world.start('node', 'host', device);
      let left = 30 + world.random.below(150);
      device.onStep = () => { if (--left === 0) hosted.process.kill(); };
      const living = (async () => {
        const log = await open(hosted);
        for (const name of names) await log.create(name, configOf(name));
        const running: Promise<void>[] = [];
        for (let step = 0; step < 200 && hosted.process.alive; step++) {
          running.push((async () => {
            await new Promise<void>((resolve) => hosted.machine.clock.after(world.random.below(300), resolve));
            const value = `${step}:${'x'.repeat(world.random.below(2000))}`;
            const into = names.filter(() => world.random.below(3) > 0);
            if (into.length === 0) return;
            sent.set(value, into);
            await appendTogether(log, into.map((name) => ({ partition: log.partitions.get(name)!, batches: [batchOf([value])] })));
            acked.add(value);
          })());
        }
        await Promise.all(running);
      })();
      living.catch(() => {});
      await world.time.settle(Promise.race([living, new Promise<void>((resolve) => { hosted.process.onDeath(() => resolve()); })]));
      hosted.process.kill();
      if (how === 'power cut') device.cutPower();
      device.onStep = () => {};
      hosted = world.start('node', 'host', device);
      await world.time.settle((async () => {
        const log = await open(hosted);
        const found = new Map<string, Set<string>>();
        for (const name of names) found.set(name, await valuesIn(log, name));
        for (const [value, into] of sent) {
          const there = into.filter((name) => found.get(name)!.has(value)).length;
          assert.ok(there === 0 || there === into.length, `seed ${seed}: '${value.slice(0, 8)}' is in ${there} of ${into.length} partitions`);
          if (acked.has(value)) assert.equal(there, into.length, `seed ${seed}: '${value.slice(0, 8)}' was acknowledged`);
          else torn++;
        }
        await log.close();
      })());
    }
    assert.ok(torn > seeds.length, 'nodes ended in the middle of appends');
  });
}

test('offsets are told for each part; one that cannot be appended takes the others with it', async () => {
  const log = await openLog({ disk: new MemoryDisk(), clock: nodeClock(), random: nodeRandom(), tailBytes: 32 << 20, journalFileBytes: 8 << 20, configOf });
  const [red, green, blue] = await Promise.all(names.map((name) => log.create(name, configOf(name))));
  let done = 0;
  const told = log.appendTogether([
    { partition: red!, batches: [batchOf(['a', 'b']), batchOf(['c'])] }, { partition: blue!, batches: [batchOf(['d'])] }, { partition: red!, batches: [batchOf(['e'])] },
  ], () => { done++; });
  assert.deepEqual(told, [{ baseOffset: 0, nextOffset: 3 }, { baseOffset: 0, nextOffset: 1 }, { baseOffset: 3, nextOffset: 4 }]);
  assert.deepEqual([red!.highWatermark, blue!.highWatermark], [0, 1]); // the page cache is read at once, the acknowledgement waits
  assert.equal(done, 0);
  await log.checkpoint();
  assert.equal(done, 1);
  assert.deepEqual((await readAll(red!)).map(({ value }) => value), ['a', 'b', 'c', 'e']);

  await log.remove('green-0');
  const gone = () => log.appendTogether([{ partition: red!, batches: [batchOf(['f'])] }, { partition: green!, batches: [batchOf(['f'])] }], () => {});
  assert.throws(gone, (error) => isMillraceError(error, 'topic-not-found'));
  const half = batchOfSize(1, limits.log.groupBytesMax / 2);
  const large = () => log.appendTogether([{ partition: red!, batches: [half] }, { partition: blue!, batches: [half] }], () => {});
  assert.throws(large, (error) => isMillraceError(error, 'message-too-large'));
  assert.deepEqual([red!.endOffset, blue!.endOffset], [4, 1]);
  await log.close();
});
