// The last groups of a journal at a start: which ones are written again, where, and that they are durable before anybody reads them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directAlignment, MemoryDisk, RecordingDisk } from '../os/mod.ts';
import { fileHeaderBytes } from './journal-format.ts';
import { UnprovenTail } from './journal-tail.ts';
import type { FoundGroup } from './journal-reader.ts';

const group = (sequence: number, syncedSequence: number, path: string, position: number): FoundGroup =>
  ({ header: { sequence, syncedSequence }, path, position }) as unknown as FoundGroup;
const bytesOf = (sequence: number, length = 100): Uint8Array => new Uint8Array(length).fill(sequence);

/** A disk with two journal files, and what is done to it from now on. */
async function scene(): Promise<{ memory: MemoryDisk; disk: RecordingDisk }> {
  const memory = new MemoryDisk();
  await memory.makeFolder('journal');
  for (const name of ['a', 'b']) {
    const file = await memory.open(`journal/${name}`, { create: true });
    await file.write([new Uint8Array(10 * fileHeaderBytes).fill(0xee)], 0);
    await file.write([new Uint8Array(fileHeaderBytes).fill(0x11)], 0);
    await file.close();
  }
  return { memory, disk: new RecordingDisk(memory) };
}

async function byteAt(disk: MemoryDisk, path: string, position: number): Promise<number> {
  const file = await disk.open(path, { readOnly: true });
  const byte = new Uint8Array(1);
  await file.read(byte, position);
  await file.close();
  return byte[0]!;
}

test('groups that a later one proves synced are left alone; the others are written again at their places, and synced', async () => {
  const { memory, disk } = await scene();
  const tail = new UnprovenTail();
  tail.add(group(1, 0, 'journal/a', 5 * fileHeaderBytes), bytesOf(1));
  tail.add(group(2, 0, 'journal/a', 6 * fileHeaderBytes), bytesOf(2));
  tail.add(group(3, 1, 'journal/a', 7 * fileHeaderBytes), bytesOf(3, directAlignment + 1));
  await tail.makeDurable(disk);
  assert.equal(await byteAt(memory, 'journal/a', 5 * fileHeaderBytes), 0xee, 'group 3 says that 1 is synced');
  assert.equal(await byteAt(memory, 'journal/a', 6 * fileHeaderBytes + 99), 2);
  assert.equal(await byteAt(memory, 'journal/a', 7 * fileHeaderBytes + directAlignment), 3, 'to its last byte');
  assert.equal(await byteAt(memory, 'journal/a', 7 * fileHeaderBytes + directAlignment + 1), 0, 'filled up with zeros to whole blocks');
  assert.equal(await byteAt(memory, 'journal/b', fileHeaderBytes), 0xee);
});

test('a file that begins with such a group gets its header again as well', async () => {
  const { memory, disk } = await scene();
  const tail = new UnprovenTail();
  tail.add(group(8, 7, 'journal/b', fileHeaderBytes), bytesOf(8));
  await tail.makeDurable(disk);
  assert.deepEqual([await byteAt(memory, 'journal/b', 0), await byteAt(memory, 'journal/b', fileHeaderBytes)], [0x11, 8]);
});

test('a file is synced after all of its writes have ended, and nothing is under way once that is told', async () => {
  const { disk } = await scene();
  const tail = new UnprovenTail();
  tail.add(group(3, 2, 'journal/a', 9 * fileHeaderBytes), bytesOf(3));
  tail.add(group(4, 2, 'journal/b', fileHeaderBytes), bytesOf(4));
  tail.add(group(5, 2, 'journal/b', 2 * fileHeaderBytes), bytesOf(5));
  await tail.makeDurable(disk);
  const names = new Map<number, string>();
  const story = disk.trace.flatMap((entry): string[] => {
    if (entry.kind === 'begin') names.set(entry.id, `${entry.action.kind} ${'path' in entry.action ? entry.action.path : ''}`);
    if (entry.kind === 'begin' || entry.kind === 'end') return [`${entry.kind} ${names.get(entry.id)!}`];
    return [];
  }).filter((line) => !/ open | close /.test(line));
  const written = (path: string, times: number): string[] => Array.from({ length: times }, () => [`begin write ${path}`, `end write ${path}`]).flat();
  assert.deepEqual(story, [
    ...written('journal/a', 1), 'begin sync journal/a', 'end sync journal/a',
    ...written('journal/b', 3), 'begin sync journal/b', 'end sync journal/b',
  ]);
});
