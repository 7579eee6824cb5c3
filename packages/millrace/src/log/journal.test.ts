// How a journal ends: a torn tail is cut, damage to what was acknowledged is reported, and old groups in recycled files are never taken for new ones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { MemoryDisk, nodeRandom, RecordingDisk, type Clock, type Disk } from '../os/mod.ts';
import { JournalFiles } from './journal-files.ts';
import { alignUp, EntryCursor, entryKind, groupHeaderBytes, groupIsWhole, readFileHeader, readGroupHeader, sealGroup, writeEntryHeader, writeFileHeader } from './journal-format.ts';
import { appendAcked, batchOf, batchOfSize, readAll, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import type { Log } from './types.ts';

/** A clock whose timers never fire: no group proves the last one, no checkpoint comes by itself. */
const still: Clock = { nowMs: () => 0, monotonicMs: () => 0, after: () => ({ cancel() {} }), soon: (callback) => { setImmediate(callback); }, watchStalls: () => ({ cancel() {} }) };
const options = { random: nodeRandom(), tailBytes: 1 << 20, journalFileBytes: 256 << 10, configOf: () => sampleConfig };
const open = (disk: Disk, clock = still): Promise<Log> => openLog({ disk, clock, ...options });

/** The disk as a killed process leaves it: the same files, nobody's lock. */
async function afterKill(disk: MemoryDisk): Promise<MemoryDisk> {
  const copy = new MemoryDisk();
  for (const folder of ['.', 'journal', ...(await disk.list('.')).filter((entry) => entry.kind === 'folder' && entry.name !== 'journal').map((entry) => entry.name)]) {
    await copy.makeFolder(folder);
    for (const entry of await disk.list(folder)) {
      if (entry.kind === 'folder') continue;
      const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
      const from = await disk.open(path);
      const bytes = new Uint8Array(entry.bytes);
      await from.read(bytes, 0);
      await (await copy.open(path, { create: true })).write([bytes], 0);
    }
  }
  return copy;
}

/** Positions of the groups of the only journal file, in order. */
async function groupsOf(disk: Disk): Promise<{ position: number; sequence: number }[]> {
  const file = await disk.open('journal/0.journal');
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  const found: { position: number; sequence: number }[] = [];
  for (let position = 4096; position < bytes.length; ) {
    const header = readGroupHeader(bytes, position);
    if (header === null || !groupIsWhole(bytes, position, header)) break;
    found.push({ position, sequence: header.sequence });
    position += alignUp(header.bytes);
  }
  return found;
}

async function spoil(disk: Disk, position: number, bytes = 8): Promise<void> {
  const file = await disk.open('journal/0.journal');
  await file.write([new Uint8Array(bytes).fill(0xa5)], position);
}

async function filled(appends: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await open(disk);
  const partition = await log.create('flights-0', sampleConfig);
  for (let index = 0; index < appends; index++) await appendAcked(partition, batchOf([`value ${index}`]));
  return afterKill(disk);
}

test('after a kill every group is replayed, and the next start continues the chain', async () => {
  let disk = await filled(10);
  for (let life = 0; life < 3; life++) {
    const log = await open(disk);
    const partition = log.partitions.get('flights-0')!;
    assert.deepEqual((await readAll(partition)).map(({ value }) => value), Array.from({ length: 10 + life }, (_, index) => `value ${index}`));
    await appendAcked(partition, batchOf([`value ${10 + life}`]));
    disk = await afterKill(disk);
  }
  assert.deepEqual((await groupsOf(disk)).map(({ sequence }) => sequence), Array.from({ length: 14 }, (_, index) => index + 1));
});

test('the term rises with every start', async () => {
  let disk = await filled(2);
  for (let life = 0; life < 3; life++) {
    const log = await open(disk);
    await appendAcked(log.partitions.get('flights-0')!, batchOf(['x']));
    disk = await afterKill(disk);
  }
  const file = await disk.open('journal/0.journal');
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  const terms = (await groupsOf(disk)).map(({ position }) => readGroupHeader(bytes, position)!.term);
  assert.deepEqual(terms, [1, 1, 1, 2, 3, 4]);
});

test('a torn last group is cut, and what follows overwrites it', async () => {
  const disk = await filled(10);
  const groups = await groupsOf(disk);
  await spoil(disk, groups.at(-1)!.position + 80);
  const log = await open(disk);
  const partition = log.partitions.get('flights-0')!;
  assert.equal(partition.highWatermark, 9);
  await appendAcked(partition, batchOf(['another']));
  const again = (await open(await afterKill(disk))).partitions.get('flights-0')!;
  assert.equal((await readAll(again)).at(-1)!.value, 'another');
});

test('a bad group that a later one proves to be acknowledged is damage: the start is refused, with file and position', async () => {
  const groups = await groupsOf(await filled(10));
  for (const index of [0, 4, groups.length - 2]) {
    for (const at of [0, 12, 80]) {
      const disk = await filled(10);
      await spoil(disk, groups[index]!.position + at);
      await assert.rejects(open(disk), (error) => {
        assert.ok(isMillraceError(error, 'data-damaged'), String(error));
        assert.deepEqual([error.data.path, error.data.position, error.data.sequence], ['journal/0.journal', groups[index]!.position, groups[index]!.sequence]);
        return true;
      }, `group ${index}, byte ${at}`);
    }
  }
});

test('a quiet journal proves its last group, so that a bit flipped there is damage too', async () => {
  const disk = new MemoryDisk();
  const timers: (() => void)[] = [];
  const clock: Clock = { ...still, after: (delayMs, callback) => { if (delayMs <= 50) timers.push(callback); return { cancel() {} }; } };
  const log = await open(disk, clock);
  const partition = await log.create('flights-0', sampleConfig);
  await appendAcked(partition, batchOf(['last']));
  const before = await groupsOf(disk);
  for (const fire of timers.splice(0)) fire();
  await new Promise((resolve) => setImmediate(resolve));
  const after = await groupsOf(disk);
  assert.equal(after.length, before.length + 1);
  assert.equal(timers.length, 0, 'the proof needs no proof');
  const left = await afterKill(disk);
  await spoil(left, before.at(-1)!.position + 80);
  await assert.rejects(open(left), (error) => isMillraceError(error, 'data-damaged'));
});

test('groups of earlier rounds in recycled files are never taken for new ones', async () => {
  let disk = new MemoryDisk();
  let written = 0;
  for (let life = 0; life < 6; life++) {
    const log = await open(disk);
    const partition = log.partitions.get('flights-0') ?? (await log.create('flights-0', sampleConfig));
    assert.equal(partition.highWatermark, written);
    for (let index = 0; index < 60; index++) {
      await appendAcked(partition, batchOfSize(1, 9000, index));
      written++;
      if (index % 20 === 19) await log.checkpoint();
    }
    disk = await afterKill(disk);
  }
  const log = await open(disk);
  assert.equal((await readAll(log.partitions.get('flights-0')!)).length, written);
});

test('headers and entries read back as they were written; any bit flipped is seen', () => {
  const file = new Uint8Array(4096);
  writeFileHeader(file, { journalId: 77n, fileSequence: 3, term: 2 });
  assert.deepEqual(readFileHeader(file), { journalId: 77n, fileSequence: 3, term: 2 });
  const slab = new Uint8Array(8192).fill(9);
  const view = new DataView(slab.buffer);
  writeEntryHeader(view, groupHeaderBytes, entryKind.batch, 5, 3, 4_000_000_000, 2 ** 52);
  writeEntryHeader(view, groupHeaderBytes + 32, entryKind.remove, 6, 0, 0, 0);
  const fields = { bytes: groupHeaderBytes + 56, journalId: 77n, sequence: 9, previousCrc: 123, entryCount: 2, syncedSequence: 8, term: 2, fileSequence: 3 };
  const crc = sealGroup(slab, 0, fields);
  const header = readGroupHeader(slab, 0)!;
  assert.deepEqual(header, { ...fields, crc });
  const cursor = new EntryCursor(slab, groupHeaderBytes, fields.bytes);
  const entries: unknown[] = [];
  while (cursor.next()) entries.push([cursor.kind, cursor.partitionId, cursor.bodyBytes, cursor.position, cursor.offset, cursor.bodyAt]);
  assert.deepEqual(entries, [[1, 5, 3, 4_000_000_000, 2 ** 52, 88], [3, 6, 0, 0, 0, 120]]);
  for (let bit = 0; bit < 4096 * 8; bit += 61) {
    slab[bit >> 3]! ^= 1 << (bit & 7);
    const read = readGroupHeader(slab, 0);
    assert.ok(read === null || read.bytes > 4096 || !groupIsWhole(slab, 0, read), `bit ${bit}`);
    slab[bit >> 3]! ^= 1 << (bit & 7);
    file[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(readFileHeader(file), null);
    file[bit >> 3]! ^= 1 << (bit & 7);
  }
});

test('room for many small groups is prepared ahead in few large pieces, and no group waits for it', async () => {
  const disk = new RecordingDisk(new MemoryDisk());
  const files = new JournalFiles(disk, 7n, 1, 4 << 20);
  await files.open([], 0, 0);
  await files.prepare();
  for (let group = 0; group < 500; group++) {
    assert.notEqual(files.place(4096), null);
    await files.prepare();
  }
  await files.close();
  const pieces = disk.trace.flatMap((entry) => (entry.kind === 'begin' && entry.action.kind === 'write' ? [entry.action.bytes.length] : []));
  const bytes = pieces.reduce((sum, piece) => sum + piece, 0);
  assert.ok(pieces.length <= bytes / (256 << 10), `${pieces.length} pieces for ${bytes} bytes`);
});
