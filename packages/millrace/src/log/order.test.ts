// What must come after what: a disk whose files take their time, and which tells what was done while something else was not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError, MillraceError } from '../base/mod.ts';
import { MemoryDisk, nodeClock, nodeRandom, type Disk, type DiskFile, type OpenOptions } from '../os/mod.ts';
import { appendAcked, batchOf, batchOfSize, sampleConfig } from './log-samples.ts';
import { checkFolder, openLog } from './mod.ts';
import type { Log } from './types.ts';

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const turns = async (count: number): Promise<void> => { for (let i = 0; i < count; i++) await turn(); };

/** Every act of its files and folders takes a few turns of the loop, is noted at its beginning and its end, and may be held back. */
class SlowDisk extends MemoryDisk {
  readonly acts: string[] = [];
  openFiles = 0;
  /** Acts that do not go on until they are taken out. */
  readonly held = new Set<string>();
  /** Told before an act is done. */
  before: (act: string) => void = () => {};

  override async open(path: string, options: OpenOptions = {}): Promise<DiskFile> {
    const file = await super.open(path, options);
    this.openFiles++;
    const { read, write, sync, close } = file;
    file.read = (into, position) => this.#act(`read ${path}`, () => read.call(file, into, position));
    file.write = (parts, position) => this.#act(`write ${path}`, () => write.call(file, parts, position));
    file.sync = () => this.#act(`sync ${path}`, () => sync.call(file));
    file.close = () => this.#act(`close ${path}`, () => { this.openFiles--; return close.call(file); });
    return file;
  }

  override syncFolder(path = '.'): Promise<void> { return this.#act(`sync folder ${path}`, () => super.syncFolder()); }
  override remove(path: string): Promise<void> { return this.#act(`remove ${path}`, () => super.remove(path)); }

  async #act<T>(act: string, work: () => Promise<T>): Promise<T> {
    this.acts.push(`${act} begins`);
    await turns(2);
    while (this.held.has(act)) await turn();
    this.before(act);
    const result = await work();
    this.acts.push(`${act} ends`);
    return result;
  }
}

const open = (disk: Disk, locked = true): Promise<Log> => openLog({
  disk: locked ? disk : new Proxy(disk, { get: (target, name) => (name === 'lock' ? async () => ({ release: async () => {} }) : bound(target, name)) }),
  clock: nodeClock(), random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 512 << 10, configOf: () => sampleConfig,
});

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === 'function' ? value.bind(target) : value;
}

test('a segment is synced after what was written to it, also where that is little', async () => {
  const disk = new SlowDisk();
  const log = await open(disk);
  const partition = await log.create('quiet-0', sampleConfig);
  await appendAcked(partition, batchOf(['a']));
  await log.checkpoint();
  const path = 'quiet-0/00000000000000000000.log';
  const acts = disk.acts.filter((act) => act.includes(path) && !act.startsWith('close'));
  assert.deepEqual(acts, [`write ${path} begins`, `write ${path} ends`, `sync ${path} begins`, `sync ${path} ends`]);
  await log.close();
});

test('a folder is given up to the next node when no file of it is open any more', async () => {
  const disk = new SlowDisk();
  const lock = disk.lock.bind(disk);
  let openAtRelease = -1;
  disk.lock = async () => {
    const taken = await lock();
    return { release: async () => { openAtRelease = disk.openFiles; await taken.release(); } };
  };
  const log = await open(disk);
  const partition = await log.create('some-0', sampleConfig);
  await appendAcked(partition, batchOf(['a']));
  await log.close();
  assert.equal(openAtRelease, 0);
});

test('a manifest of a backup is written when the names of all its files are on the disk', async () => {
  const log = await open(new MemoryDisk());
  await appendAcked(await log.create('some-0', sampleConfig), batchOf(['a']));
  const target = new SlowDisk();
  await log.backup(target);
  const synced = target.acts.indexOf('sync folder some-0 ends');
  const manifest = target.acts.findIndex((act) => act.includes('manifest') && act.startsWith('write'));
  assert.ok(synced >= 0 && manifest > synced, `${target.acts.join('\n')}`);
  await log.close();
});

test('the folder of a partition that was removed just before the end is removed by the next start', async () => {
  const disk = new SlowDisk();
  const log = await open(disk, false);
  await appendAcked(await log.create('gone-0', sampleConfig), batchOf(['a']));
  await appendAcked(await log.create('kept-0', sampleConfig), batchOf(['a']));
  await log.checkpoint();
  disk.held.add('remove gone-0');
  await log.remove('gone-0');
  await log.checkpoint(); // names the removal that has not come to its end
  const next = await open(new Proxy(disk, { get: (target, name) => (name === 'remove' ? (path: string) => MemoryDisk.prototype.remove.call(target, path) : bound(target, name)) }), false);
  const folders = (await disk.list('.')).filter(({ kind }) => kind === 'folder').map(({ name }) => name);
  assert.ok(!folders.includes('gone-0') && folders.includes('kept-0'), folders.join());
  assert.deepEqual([...next.partitions.keys()], ['kept-0']);
  await next.close();
  disk.held.clear();
  await log.close();
});

test('a read that finds its file gone tells that the partition was removed', async () => {
  const disk = new SlowDisk();
  const log = await open(disk);
  const partition = await log.create('some-0', sampleConfig);
  await appendAcked(partition, batchOf(['a']));
  await log.close();
  const again = await open(disk);
  const found = again.partitions.get('some-0')!;
  const path = 'some-0/00000000000000000000.log';
  disk.held.add(`read ${path}`);
  const reading = found.read(0, 1000, true);
  await turns(3);
  const removed = again.remove('some-0');
  await turns(10);
  disk.before = (act) => { if (act === `read ${path}`) throw new MillraceError('not-found', `Cannot read '${path}': no such file`, { path }); };
  disk.held.clear();
  await assert.rejects(async () => await reading, (error) => isMillraceError(error, 'topic-not-found'));
  await removed;
  await again.close();
});

test('a check of a folder in order finds nothing; of what is left over it tells file by file', async () => {
  const disk = new MemoryDisk();
  const log = await open(disk);
  await appendAcked(await log.create('some-0', sampleConfig), batchOfSize(3, 100));
  await log.close();
  const findings = async (): Promise<string[]> => {
    const found: string[] = [];
    await checkFolder(disk, ({ kind, path, what }) => found.push(`${kind} ${path}: ${what}`));
    return found.sort();
  };
  assert.deepEqual(await findings(), []);
  for (const path of ['manifest-0.new', 'some-0/notes.txt', 'some-0/00000000000000000009.log', 'gone-3/00000000000000000000.log', 'photos/cat.jpg', 'readme']) await disk.open(path, { create: true });
  for (const folder of ['gone-3', 'photos']) await disk.makeFolder(folder);
  assert.deepEqual(await findings(), [
    'note gone-3: a partition that was removed', 'note manifest-0.new: a file that was being written at a crash', 'note photos: no folder of Millrace',
    'note some-0/00000000000000000009.log: a segment that was deleted', 'note some-0/notes.txt: no file of Millrace',
  ]);
});
