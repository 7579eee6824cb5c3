// The simulated drive: what a power cut leaves, and what never comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import type { Machine } from '../os/mod.ts';
import { FakeDevice, World } from './mod.ts';

const text = (value: string) => new TextEncoder().encode(value);

interface Scene { readonly world: World; readonly device: FakeDevice; readonly start: () => { machine: Machine; kill: () => void } }

function scene(seed: number): Scene {
  const world = new World(seed);
  const device = world.device('drive');
  const start = () => {
    const { machine, process } = world.start('node', 'host', device);
    return { machine, kill: () => process.kill() };
  };
  return { world, device, start };
}

async function contentAfterCut(seed: number, write: (machine: Machine) => Promise<void>): Promise<string | null> {
  const { world, device, start } = scene(seed);
  const first = start();
  await world.time.settle(write(first.machine));
  first.kill();
  device.cutPower();
  const { machine } = start();
  try {
    const file = await world.time.settle(machine.disk.open('file'));
    const bytes = new Uint8Array(await world.time.settle(file.size()));
    await world.time.settle(file.read(bytes, 0));
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (isMillraceError(error, 'not-found')) return null;
    throw error;
  }
}

const seeds = Array.from({ length: 200 }, (_, i) => i);

test('synced bytes under a synced name survive every power cut', async () => {
  for (const seed of seeds) {
    const content = await contentAfterCut(seed, async ({ disk }) => {
      const file = await disk.open('file', { create: true });
      await file.write([text('durable')], 0);
      await file.sync();
      await disk.syncFolder('');
    });
    assert.equal(content, 'durable');
  }
});

test('a name whose folder was not synced is sometimes lost and sometimes kept', async () => {
  const contents = new Set<string | null>();
  for (const seed of seeds) contents.add(await contentAfterCut(seed, async ({ disk }) => {
    const file = await disk.open('file', { create: true });
    await file.write([text('x')], 0);
    await file.sync();
  }));
  assert.deepEqual([...contents].sort(), [null, 'x'].sort());
});

test('unsynced writes are lost, kept, torn at sectors and reordered', async () => {
  const shapes = new Set<string>();
  for (const seed of seeds) {
    const content = await contentAfterCut(seed, async ({ disk }) => {
      const file = await disk.open('file', { create: true });
      await file.write([text('-'.repeat(1536))], 0);
      await file.sync();
      await disk.syncFolder('');
      await file.write([text('a'.repeat(1024))], 0);
      await file.write([text('b'.repeat(512))], 1024);
    });
    shapes.add([0, 512, 1024].map((at) => content![at]).join(''));
    for (const at of [0, 512, 1024]) assert.equal(new Set(content!.slice(at, at + 512)).size, 1, 'a sector is never torn');
  }
  assert.deepEqual([...shapes].sort(), ['---', '--b', '-a-', '-ab', 'a--', 'a-b', 'aa-', 'aab']);
});

test('a sync covers only what was written before it was asked for', async () => {
  const contents = new Set<string | null>();
  for (const seed of seeds) contents.add(await contentAfterCut(seed, async ({ disk, clock }) => {
    const file = await disk.open('file', { create: true });
    await disk.syncFolder('');
    const syncing = file.sync();
    const writing = file.write([text('late')], 0);
    await Promise.all([syncing, writing]);
    await new Promise<void>((resolve) => { clock.after(10, resolve); });
  }));
  assert.ok(contents.has('') && contents.has('late'));
});

test('kill -9 keeps what was written', async () => {
  const { world, start } = scene(1);
  const first = start();
  await world.time.settle((async () => {
    const file = await first.machine.disk.open('file', { create: true });
    await file.write([text('page cache')], 0);
  })());
  first.kill();
  const { machine } = start();
  const file = await world.time.settle(machine.disk.open('file'));
  assert.equal(await world.time.settle(file.size()), 10);
});

test('after a failed sync the data may be gone, although later syncs succeed', async () => {
  const contents = new Set<string | null>();
  for (const seed of seeds) {
    const { world, device, start } = scene(seed);
    const { machine, kill } = start();
    await world.time.settle((async () => {
      const file = await machine.disk.open('file', { create: true });
      await machine.disk.syncFolder('');
      await file.write([text('x')], 0);
      device.faults.syncsToFail = 1;
      await assert.rejects(file.sync(), (error) => isMillraceError(error, 'storage-failed'));
      await file.sync();
    })());
    kill();
    device.cutPower();
    contents.add(new TextDecoder().decode(device.image('file').view()));
  }
  assert.deepEqual([...contents].sort(), ['', 'x']);
});

test('a full disk takes what fits, says so, and takes more when there is room', async () => {
  const { world, device, start } = scene(3);
  const { disk } = start().machine;
  await world.time.settle((async () => {
    const file = await disk.open('file', { create: true });
    device.faults.capacityBytes = 10;
    await assert.rejects(file.write([text('twelve bytes')], 0), (error) => isMillraceError(error, 'disk-full'));
    assert.equal(await disk.freeBytes(), 0);
    device.faults.capacityBytes = 100;
    await file.write([text('twelve bytes')], 0);
    assert.equal(await disk.freeBytes(), 88);
  })());
});

test('the first failing step of a lane ends its commit and every later one', async () => {
  const { world, device, start } = scene(4);
  const { disk } = start().machine;
  const errors: (Error | null)[] = [];
  await world.time.settle((async () => {
    const file = await disk.open('file', { create: true });
    const lane = await disk.openLane();
    const part = disk.allocate(4);
    device.faults.syncsToFail = 1;
    await Promise.all([0, 1].map((i) => new Promise<void>((resolve) => {
      lane.submit([{ kind: 'write', file, position: 4 * i, parts: [part] }, { kind: 'sync', file }], (error) => { errors.push(error); resolve(); });
    })));
    await lane.close();
  })());
  assert.equal(errors.length, 2);
  assert.ok(isMillraceError(errors[0], 'storage-failed'));
  assert.equal(errors[1], errors[0]);
});

test('the same seed does the same', async () => {
  const run = async () => {
    const { world, device, start } = scene(5);
    device.onStep = (step) => world.trace(`${step.kind} ${step.path}`);
    const { disk } = start().machine;
    await world.time.settle(Promise.all(['a', 'b', 'c'].map(async (name) => {
      const file = await disk.open(name, { create: true });
      await file.write([text(name)], 0);
      await file.sync();
    })));
    return world.traceHash;
  };
  assert.equal(await run(), await run());
});
