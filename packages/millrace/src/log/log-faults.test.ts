// What goes wrong with disks: they fill up, their syncs fail, their bits flip. The log says so, and never serves or acknowledges what is not so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { MemoryDisk, nodeClock, nodeRandom, type Disk } from '../os/mod.ts';
import { prng, World } from '../testing/mod.ts';
import { appendAcked, appendPatiently, batchOf, batchOfSize, readAll, sampleConfig } from './log-samples.ts';
import { readManifests } from './manifest.ts';
import { checkFolder, openLog } from './mod.ts';
import type { Finding, Log, LogState } from './types.ts';

const stateOf = (log: Log): string => log.state.kind;
const small = { tailBytes: 1 << 20, journalFileBytes: 256 << 10, configOf: () => sampleConfig };

function scene(seed: number) {
  const world = new World(seed);
  const device = world.device('drive');
  const start = () => {
    const { machine, process } = world.start('node', 'host', device);
    return { process, open: (): Promise<Log> => openLog({ disk: machine.disk, clock: machine.clock, random: machine.random, ...small }), wait: (ms: number) => new Promise<void>((resolve) => machine.clock.after(ms, resolve)) };
  };
  return { world, device, start };
}

test('a full disk: appends are refused with a retriable error, reads go on, and appends resume by themselves', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { world, device, start } = scene(seed);
    const { open, wait } = start();
    await world.time.settle((async () => {
      const log = await open();
      const states: LogState['kind'][] = [];
      log.onState((state) => states.push(state.kind));
      const partition = await log.create('flights-0', sampleConfig);
      for (let index = 0; index < 20; index++) await appendAcked(partition, batchOfSize(1, 3000, index));
      await log.checkpoint();
      device.faults.capacityBytes = device.usedBytes() + 100_000;
      let acked = partition.highWatermark;
      let refused = 0;
      for (let tries = 0; tries < 300 && refused < 3; tries++) {
        try {
          await appendAcked(partition, batchOfSize(1, 3000, 100 + tries));
          acked++;
        } catch (error) {
          assert.ok(isMillraceError(error) && error.retry, String(error));
          if (error.code === 'disk-full') refused++;
          await wait(50);
        }
      }
      assert.equal(log.state.kind, 'full');
      assert.equal(refused, 3);
      assert.equal((await readAll(partition)).length, acked);
      device.faults.capacityBytes = Infinity;
      for (let waits = 0; stateOf(log) !== 'open'; waits++) { assert.ok(waits < 100, 'it resumes'); await wait(100); }
      assert.deepEqual([states[0], states.at(-1)], ['full', 'open']);
      for (let index = 0; index < 50; index++) { await appendPatiently(log, partition, batchOfSize(1, 3000, 1000 + index)); acked++; }
      await log.close();
      const again = (await open()).partitions.get('flights-0')!;
      assert.equal((await readAll(again)).length, acked);
    })());
  }
});

test('a full disk while the log closes or is killed loses nothing', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { world, device, start } = scene(seed);
    const first = start();
    let acked = 0;
    await world.time.settle((async () => {
      const log = await first.open();
      const partition = await log.create('flights-0', sampleConfig);
      device.faults.capacityBytes = device.usedBytes() + 60_000;
      for (let index = 0; index < 100; index++) {
        try {
          await appendAcked(partition, batchOf([`${index}`, 'y'.repeat(4000)]));
          acked += 2;
        } catch (error) {
          assert.ok(isMillraceError(error) && error.retry);
          await first.wait(20);
        }
      }
      if (seed % 2 === 0) await log.close();
    })());
    if (seed % 2 === 1) { first.process.kill(); device.cutPower(); }
    device.faults.capacityBytes = Infinity;
    await world.time.settle((async () => {
      const partition = (await start().open()).partitions.get('flights-0')!;
      assert.ok(partition.highWatermark >= acked);
      assert.equal((await readAll(partition)).length, partition.highWatermark);
    })());
  }
});

test('a log closes on a full disk, and tells those whose data has no place', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const { world, device, start } = scene(seed);
    const first = start();
    const told: (string | null)[] = [];
    await world.time.settle((async () => {
      const log = await first.open();
      const partition = await log.create('flights-0', sampleConfig);
      device.faults.capacityBytes = device.usedBytes() + 20_000;
      for (let index = 0; index < 300; index++) {
        try {
          partition.append([batchOfSize(1, 20_000, index)], (error) => told.push(isMillraceError(error) ? error.code : null));
        } catch (error) {
          assert.ok(isMillraceError(error) && error.retry);
          if (seed % 2 === 0) await first.wait(5);
        }
      }
      await log.close();
      assert.ok(told.every((code) => code === null || code === 'closed'));
      assert.throws(() => partition.append([batchOf(['late'])], () => {}), (error) => isMillraceError(error, 'closed'));
    })());
    first.process.kill();
    device.faults.capacityBytes = Infinity;
    await world.time.settle((async () => {
      const partition = (await start().open()).partitions.get('flights-0')!;
      assert.ok(partition.highWatermark >= told.filter((code) => code === null).length);
    })());
  }
});

test('a failed sync: that data is never acknowledged, the log says so and takes no more, what was acknowledged is kept', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const { world, device, start } = scene(seed);
    device.takesDirect = false;
    const first = start();
    let acked = 0;
    let sent = 0;
    await world.time.settle((async () => {
      const log = await first.open();
      const partition = await log.create('flights-0', sampleConfig);
      for (let index = 0; index < 40; index++) {
        if (index === 5 + seed) device.faults.syncsToFail = 1;
        try {
          sent++;
          await appendAcked(partition, batchOf([`${index}:${'z'.repeat(2000)}`]));
          acked++;
        } catch (error) {
          assert.ok(isMillraceError(error, 'storage-failed') && !error.retry, String(error));
        }
        await first.wait(20);
      }
      assert.equal(log.state.kind, 'failed');
      assert.throws(() => partition.append([batchOf(['more'])], () => {}), (error) => isMillraceError(error, 'storage-failed'));
      assert.equal(partition.highWatermark, acked, 'readers see nothing that was not acknowledged');
      assert.equal((await readAll(partition)).length, acked);
      await log.close();
    })());
    first.process.kill();
    if (seed % 2 === 0) device.cutPower();
    await world.time.settle((async () => {
      const log = await start().open();
      const partition = log.partitions.get('flights-0')!;
      assert.ok(partition.highWatermark >= acked && partition.highWatermark <= sent);
      await appendAcked(partition, batchOf(['again']));
      await log.close();
    })());
  }
});

/** A folder with something in every kind of file, closed cleanly or not. */
async function sampleFolder(disk: Disk, clean: boolean): Promise<{ values: Map<string, string[]>; log: Log }> {
  const log = await openLog({ disk, clock: nodeClock(), random: nodeRandom(), ...small });
  const values = new Map<string, string[]>();
  for (const name of ['flights-0', 'flights-1']) {
    const partition = await log.create(name, { ...sampleConfig, segmentBytes: 40_000 });
    const written: string[] = [];
    for (let index = 0; index < 60; index++) {
      const value = `${name}:${index}:${'w'.repeat(1500)}`;
      await appendPatiently(log, partition, batchOf([value, value], index * 1000));
      written.push(value, value);
      if (index === 20 || index === 45) await log.checkpoint();
    }
    values.set(name, written);
  }
  if (clean) await log.close();
  return { values, log };
}

async function copyOf(disk: Disk): Promise<MemoryDisk> {
  const copy = new MemoryDisk();
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await disk.list(folder)) {
      const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
      if (entry.kind === 'folder') { await copy.makeFolder(path); await walk(path); continue; }
      const file = await disk.open(path);
      const bytes = new Uint8Array(await file.size());
      await file.read(bytes, 0);
      await file.close();
      const to = await copy.open(path, { create: true });
      await to.write([bytes], 0);
      await to.close();
    }
  };
  await walk('.');
  return copy;
}

async function flip(disk: Disk, path: string, position: number, bit: number): Promise<void> {
  const file = await disk.open(path);
  const byte = new Uint8Array(1);
  await file.read(byte, position);
  byte[0]! ^= 1 << bit;
  await file.write([byte], position);
  await file.close();
}

/** Every file and how many of its bytes mean something. */
async function liveFiles(disk: Disk): Promise<{ path: string; bytes: number }[]> {
  const { slots } = await readManifests(disk);
  const newest = slots.filter((manifest) => manifest !== null).sort((a, b) => b.number - a.number)[0]!;
  const found: { path: string; bytes: number }[] = [];
  for (const folder of ['.', 'flights-0', 'flights-1']) {
    for (const entry of await disk.list(folder)) if (entry.kind === 'file') found.push({ path: folder === '.' ? entry.name : `${folder}/${entry.name}`, bytes: entry.bytes });
  }
  for (const entry of await disk.list('journal')) {
    const file = await disk.open(`journal/${entry.name}`);
    const head = new Uint8Array(32);
    await file.read(head, 0);
    await file.close();
    const sequence = new DataView(head.buffer).getFloat64(16, true);
    if (sequence === newest.journal.fileSequence) found.push({ path: `journal/${entry.name}`, bytes: newest.journal.position });
  }
  return found;
}

async function findings(disk: Disk): Promise<Finding[]> {
  const found: Finding[] = [];
  await checkFolder(disk, (finding) => found.push(finding));
  return found;
}

test('a failed sync of room that is prepared ahead fails the log too', async () => {
  const { world, device, start } = scene(3);
  device.takesDirect = false;
  const { open, wait } = start();
  await world.time.settle((async () => {
    const log = await open();
    const partition = await log.create('flights-0', sampleConfig);
    await wait(1000);
    let preparing = false;
    device.onStep = (step) => {
      if (step.kind === 'write' && step.path.endsWith('.journal')) preparing = true;
      if (step.kind === 'sync' && step.path.endsWith('.journal') && preparing) device.faults.syncsToFail = 1;
    };
    for (let index = 0; stateOf(log) === 'open' && index < 200; index++) await appendAcked(partition, batchOfSize(1, 3000, index)).catch(() => {});
    assert.ok(preparing);
    assert.equal(stateOf(log), 'failed');
    assert.throws(() => partition.append([batchOf(['late'])], () => {}), (error) => isMillraceError(error, 'storage-failed'));
  })());
});

test('a log that has failed takes no checkpoint: what the failed sync of a segment covered is written again by the next start, and survives a power cut', async () => {
  const { world, device, start } = scene(4);
  const { process, open } = start();
  await world.time.settle((async () => {
    const log = await open();
    const partition = await log.create('flights-0', sampleConfig);
    for (let index = 0; index < 20; index++) await appendAcked(partition, batchOfSize(1, 3000, index));
    device.onStep = (step) => { if (/sync/.test(step.kind) && step.path.endsWith('.log')) { device.faults.syncsToFail = 1; device.onStep = () => {}; } };
    await log.checkpoint();
    assert.equal(stateOf(log), 'failed');
    const manifests: string[] = [];
    device.onStep = (step) => { if (step.path.startsWith('manifest')) manifests.push(step.kind); };
    await log.checkpoint(); // also when asked again
    assert.deepEqual(manifests, []);
    device.onStep = () => {};
  })());
  process.kill();
  device.cutPower();
  const again = start();
  await world.time.settle((async () => {
    const log = await again.open();
    assert.equal((await readAll(log.partitions.get('flights-0')!)).length, 20);
    await log.close();
  })());
});

test('check finds nothing wrong in a folder that was closed, or whose node was killed', async () => {
  for (const clean of [true, false]) {
    const disk = new MemoryDisk();
    const { log } = await sampleFolder(disk, clean);
    const copy = await copyOf(disk);
    assert.deepEqual(await findings(copy), []);
    const summary = await checkFolder(copy, () => {});
    assert.ok(summary.partitions === 2 && summary.records > (clean ? 239 : 100) && summary.files > 10, JSON.stringify(summary));
    if (!clean) await log.close();
  }
});

test('check finds every bit flipped in every kind of file', async () => {
  const disk = new MemoryDisk();
  await sampleFolder(disk, true);
  const random = prng(7);
  const kinds = new Map<string, number>();
  for (const { path, bytes } of await liveFiles(disk)) {
    for (let round = 0; round < 6; round++) {
      const copy = await copyOf(disk);
      const position = Math.floor(random.fraction() * bytes);
      const bit = Math.floor(random.fraction() * 8);
      await flip(copy, path, position, bit);
      const found = (await findings(copy)).filter((finding) => finding.kind === 'damage');
      assert.ok(found.length > 0, `bit ${bit} of byte ${position} of ${bytes} in ${path} is not found`);
      kinds.set(path.replace(/\d+/g, 'N'), (kinds.get(path.replace(/\d+/g, 'N')) ?? 0) + 1);
    }
  }
  assert.deepEqual([...kinds.keys()].sort(), ['flights-N/N.index', 'flights-N/N.log', 'flights-N/N.timeindex', 'format.json', 'journal/N.journal', 'manifest-N'].sort());
});

test('check finds missing, short and foreign files', async () => {
  const disk = new MemoryDisk();
  await sampleFolder(disk, true);
  for (const { path } of await liveFiles(disk)) {
    const gone = await copyOf(disk);
    await gone.remove(path);
    const found = await findings(gone);
    if (!path.startsWith('manifest')) assert.ok(found.some((finding) => finding.kind === 'damage'), `${path} is missing: ${JSON.stringify(found)}`);
    if (!path.endsWith('.log')) continue;
    const short = await copyOf(disk);
    const file = await short.open(path);
    await file.truncate(Math.max(0, (await file.size()) - 10));
    await file.close();
    assert.ok((await findings(short)).some((finding) => finding.path === path && finding.kind === 'damage'));
  }
  const extra = await copyOf(disk);
  await (await extra.open('flights-0/notes.txt', { create: true })).close();
  await extra.makeFolder('strange-0');
  assert.deepEqual((await findings(extra)).map(({ kind, path }) => `${kind} ${path}`).sort(), ['note flights-0/notes.txt', 'note strange-0']);
});

test('what a power cut in the very first start leaves is no damage, and the next start begins anew', async () => {
  const disk = new MemoryDisk();
  await (await disk.open('format.json.new', { create: true })).close();
  assert.deepEqual(await findings(disk), []);
  await (await openLog({ disk, clock: nodeClock(), random: nodeRandom(), ...small })).close();
  assert.deepEqual(await findings(disk), []);
});

test('with any bit flipped a log opens or says why not, and never reads anything but what was written', async () => {
  for (const clean of [true, false]) {
    const disk = new MemoryDisk();
    const { values, log } = await sampleFolder(disk, clean);
    const snapshot = await copyOf(disk);
    if (!clean) await log.close();
    const random = prng(11);
    const outcomes = { refused: 0, 'read in full': 0, 'read error': 0 };
    for (const { path, bytes } of await liveFiles(snapshot)) {
      for (let round = 0; round < 3; round++) {
        const copy = await copyOf(snapshot);
        await flip(copy, path, Math.floor(random.fraction() * bytes), Math.floor(random.fraction() * 8));
        let opened: Log;
        try {
          opened = await openLog({ disk: copy, clock: nodeClock(), random: nodeRandom(), ...small });
        } catch (error) {
          assert.ok(isMillraceError(error) && ['data-damaged', 'data-folder-newer'].includes(error.code), `${path}: ${error}`);
          outcomes.refused++;
          continue;
        }
        for (const [name, written] of values) {
          const partition = opened.partitions.get(name)!;
          assert.equal(partition.highWatermark, written.length, `${path}: nothing acknowledged is cut`);
          for (const from of [0, 33, 77, written.length - 1]) {
            try {
              for (const { offset, value } of await readAll(partition, from)) assert.equal(value, written[offset]);
              outcomes['read in full']++;
            } catch (error) {
              assert.ok(isMillraceError(error, 'data-damaged'), `${path}: ${error}`);
              outcomes['read error']++;
            }
          }
          const byTime = await partition.offsetForTimestamp(33_000).catch((error) => { assert.ok(isMillraceError(error, 'data-damaged')); return null; });
          if (byTime !== null) assert.equal(byTime.offset, 66, path);
        }
        await opened.close();
      }
    }
    assert.ok(outcomes.refused > 0 && outcomes['read error'] > 0 && outcomes['read in full'] > 0, JSON.stringify(outcomes));
  }
});
