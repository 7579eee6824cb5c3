// The journal after a crash: what a start reads of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk, DiskFile } from '../os/mod.ts';
import { World } from '../testing/mod.ts';
import { appendPatiently, batchOfSize, readAll, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import type { Log } from './types.ts';

/** A disk that counts how often each page of the journal's files is read. */
function counting(disk: Disk): { disk: Disk; pages: Map<string, number> } {
  const pages = new Map<string, number>();
  const note = (path: string, from: number, bytes: number): void => {
    for (let page = Math.ceil(from / 4096); (page + 1) * 4096 <= from + bytes; page++) pages.set(`${path} ${page}`, (pages.get(`${path} ${page}`) ?? 0) + 1);
  };
  const counted = (file: DiskFile): DiskFile => new Proxy(file, {
    get(target, name) {
      if (name === 'read') return async (into: Uint8Array, position: number) => { const read = await target.read(into, position); note(target.path, position, read); return read; };
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) as unknown : value;
    },
  });
  const proxy = new Proxy(disk, {
    get(target, name) {
      if (name === 'open') return async (path: string, options: object) => { const file = await target.open(path, options); return path.startsWith('journal') ? counted(file) : file; };
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) as unknown : value;
    },
  });
  return { disk: proxy, pages };
}

for (const [what, sizes] of Object.entries({
  'small groups': [3_000], 'groups of most of a window': [700_000], 'groups of more than a window': [1_500_000, 90_000], 'groups of all sizes': [40, 2_500_000, 300_000, 5_000, 900_000],
})) {
  test(`a start reads the journal's tail once: ${what}`, async () => {
    const world = new World(11);
    const device = world.device('drive');
    const options = { tailBytes: 32 << 20, journalFileBytes: 16 << 20, configOf: () => sampleConfig };
    const first = world.start('node', 'host', device);
    let written = 0;
    await world.time.settle((async () => {
      const log = await openLog({ ...first.machine, ...options });
      const partition = await log.create('flights-0', sampleConfig);
      for (let number = 0; written < 12_000_000 && number < 500; number++) {
        const batch = batchOfSize(1, sizes[number % sizes.length]!, number);
        written += batch.bytes.length;
        await appendPatiently(log, partition, batch);
      }
    })());
    first.process.kill();
    const { machine } = world.start('node', 'host', device);
    const { disk, pages } = counting(machine.disk);
    const reports: string[] = [];
    await world.time.settle((async () => {
      const log: Log = await openLog({ ...machine, disk, ...options, onReport: (line) => { reports.push(line); } });
      const replayed = Number(/, (\d+) bytes/.exec(reports.find((line) => line.includes('replayed'))!)![1]);
      assert.ok(replayed >= written, `${replayed} bytes were replayed of ${written}`);
      assert.ok(pages.size * 4096 >= replayed);
      const again = [...pages].filter(([, count]) => count > 1).map(([page]) => page);
      assert.ok(again.every((page) => page.endsWith(' 0')), `only the heads of files are read again: ${again.slice(0, 5)} ... ${again.length} of ${pages.size} pages`);
      assert.ok((await readAll(log.partitions.get('flights-0')!)).length > 0);
      await log.close();
    })());
  });
}
