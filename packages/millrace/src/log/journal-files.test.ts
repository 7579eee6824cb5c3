// The files of the journal by themselves: which one the next group goes to, and which may be written again.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { MemoryDisk } from '../os/mod.ts';
import { JournalFiles, type FoundJournalFile, type Place } from './journal-files.ts';
import { fileHeaderBytes, readFileHeader, writeFileHeader } from './journal-format.ts';

const fileBytes = 256 * 1024;
const groupBytes = 64 * 1024;

/** Files as an earlier life left them; all wholly prepared. */
async function opened(t: TestContext, found: readonly (readonly [slot: number, sequence: number])[], sequence: number, position: number, disk = new MemoryDisk()): Promise<JournalFiles> {
  await disk.makeFolder('journal');
  for (const [slot, sequenceOf] of found) {
    const file = await disk.open(`journal/${slot}.journal`, { create: true });
    await file.write([new Uint8Array(fileBytes)], 0);
    const header = new Uint8Array(fileHeaderBytes);
    writeFileHeader(header, { journalId: 1n, fileSequence: sequenceOf, term: 1 });
    if (sequenceOf > 0) await file.write([header], 0);
    await file.close();
  }
  const files = new JournalFiles(disk, 1n, 1, fileBytes);
  t.after(() => files.close());
  await files.open(found.map(([slot, each]): FoundJournalFile => ({ slot, sequence: each, bytes: fileBytes })), sequence, position);
  return files;
}

/** The next place, once one is prepared. */
async function placed(files: JournalFiles): Promise<Place> {
  for (;;) {
    const place = files.place(groupBytes);
    if (place !== null) return place;
    await files.prepare();
  }
}

test('a start goes on in the current file; when that is full the next group begins another, never the current one again', async (t) => {
  const files = await opened(t, [[0, 5], [1, 4]], 5, fileBytes - groupBytes);
  const last = await placed(files);
  assert.deepEqual([last.fileSequence, last.position, last.header], [5, fileBytes - groupBytes, null]);
  const next = await placed(files);
  assert.deepEqual([next.fileSequence, next.position], [6, fileHeaderBytes]);
  assert.notEqual(next.file, last.file);
  assert.notEqual(next.header, null, 'a file that is entered gets its header');
});

test('a file that was ahead of the last group that was found may be written again, one before it may not', async (t) => {
  const files = await opened(t, [[0, 4], [1, 5], [2, 6]], 5, fileBytes - groupBytes);
  const current = await placed(files);
  const places: Place[] = [];
  for (let group = 0; group < 12; group++) places.push(await placed(files));
  assert.deepEqual(places.map(({ fileSequence }) => fileSequence), [6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9], 'three groups fit behind a header');
  assert.equal(new Set([current.file, ...places.map(({ file }) => file)]).size, 5, 'no file is entered twice');
});

test('a file that was entered at a crash, and got no group, loses its header: no two files ever have one sequence', async (t) => {
  const disk = new MemoryDisk();
  const files = await opened(t, [[0, 5], [1, 6]], 5, fileBytes - groupBytes, disk);
  const headerOf = async (slot: number): Promise<number | undefined> => {
    const file = await disk.open(`journal/${slot}.journal`, { readOnly: true });
    const head = new Uint8Array(fileHeaderBytes);
    await file.read(head, 0);
    await file.close();
    return readFileHeader(head)?.fileSequence;
  };
  assert.deepEqual([await headerOf(0), await headerOf(1)], [5, undefined]);
  await files.prepare();
});

test('recycling frees the files before a sequence, and never the current one', async (t) => {
  const files = await opened(t, [[0, 4], [1, 5]], 5, fileBytes - groupBytes);
  let ready = 0;
  files.onReady = () => { ready++; };
  const current = await placed(files);
  ready = 0;
  files.recycle(4);
  assert.equal(ready, 1, 'who waits for a file is told');
  files.recycle(5);
  const next = await placed(files);
  assert.equal(next.fileSequence, 6);
  files.recycle(Number.MAX_SAFE_INTEGER);
  const after = await placed(files);
  assert.deepEqual([after.file === next.file, after.fileSequence, after.position], [true, 6, fileHeaderBytes + groupBytes]);
  assert.notEqual(next.file, current.file);
});

test('files that were prepared and never entered are no current file: the first group gets a header', async (t) => {
  const files = await opened(t, [[0, 0], [1, 0]], 0, fileHeaderBytes);
  const first = await placed(files);
  assert.deepEqual([first.fileSequence, first.position, first.header === null], [1, fileHeaderBytes, false]);
});

test('a log that is new prepares one piece, and more as it is used', async (t) => {
  const disk = new MemoryDisk();
  await disk.makeFolder('journal');
  const files = new JournalFiles(disk, 1n, 1, 16 * fileBytes);
  t.after(() => files.close());
  await files.open([], 0, fileHeaderBytes);
  await files.prepare();
  const sizes = async () => Promise.all((await disk.list('journal')).map(({ bytes }) => bytes));
  assert.deepEqual(await sizes(), [fileBytes]);
  await placed(files);
  await files.prepare();
  assert.deepEqual(await sizes(), [2 * fileBytes]);
});
