// When checkpoints are taken, and what a start finds after one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/mod.ts';
import { World } from '../testing/mod.ts';
import { appendAcked, appendPatiently, batchOf, batchOfSize, readAll, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import type { Log } from './types.ts';

function scene(seed: number) {
  const world = new World(seed);
  const device = world.device('drive');
  const reports: string[] = [];
  const start = () => {
    const { machine, process } = world.start('node', 'host', device);
    return { process, open: (): Promise<Log> => openLog({ ...machine, tailBytes: 1 << 20, journalFileBytes: 256 << 10, configOf: () => sampleConfig, onReport: (line) => reports.push(line) }) };
  };
  const journalFiles = () => device.names.files().filter(([path]) => path.endsWith('.journal')).length;
  return { world, device, start, reports, journalFiles };
}

test('the journal goes round in a few files however much is appended', async () => {
  const { world, start, journalFiles } = scene(1);
  await world.time.settle((async () => {
    const log = await start().open();
    const partition = await log.create('flights-0', sampleConfig);
    for (let index = 0; index < 1500; index++) await appendPatiently(log, partition, batchOfSize(1, 4000, index));
    assert.ok(journalFiles() < limits.log.journalFilesMax, `${journalFiles()} files for 24 times the bytes of one`);
    await log.close();
  })());
});

test('a checkpoint that is asked for while one is under way holds what was acknowledged before it was asked for', async () => {
  const { world, device, start, reports } = scene(2);
  const first = start();
  await world.time.settle((async () => {
    const log = await first.open();
    const partition = await log.create('flights-0', sampleConfig);
    for (let index = 0; index < 20; index++) await appendAcked(partition, batchOf([`${index}`], index));
    let second: Promise<void> | null = null;
    device.onStep = ({ kind, path }) => {
      if (kind !== 'write' || !path.startsWith('manifest') || second !== null) return;
      second = appendAcked(partition, batchOf(['late'], 20)).then(() => log.checkpoint());
    };
    await log.checkpoint();
    assert.ok(second !== null);
    await second;
  })());
  first.process.kill();
  device.onStep = () => {};
  await world.time.settle((async () => {
    const log = await start().open();
    assert.deepEqual(reports.filter((line) => line.includes('replayed')), [], 'nothing is left to replay');
    assert.equal((await readAll(log.partitions.get('flights-0')!)).at(-1)!.value, 'late');
    await log.close();
  })());
});
