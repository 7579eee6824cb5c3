// os/disk-contract.ts - what every Disk must do, as tests: the real one, the one in memory and the simulated one all pass.
// Owns: the cases. A disk under test comes empty, with `pass`, which lets its time go by until a promise settles.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { directAlignment, type Disk, type Lane, type LaneStep } from './ports.ts';

/** An empty disk, how to let its time pass, and how to clear it away. */
export interface DiskUnderTest { readonly disk: Disk; readonly pass: <T>(until: Promise<T>) => Promise<T>; readonly end?: () => Promise<void> }

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Declares the contract's tests for one implementation. */
export function diskContract(name: string, make: () => Promise<DiskUnderTest>): void {
  const story = (title: string, tell: (disk: Disk) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      const { disk, pass, end } = await make();
      try {
        await pass(disk.makeFolder('.').then(() => tell(disk)));
      } finally {
        await end?.();
      }
    });
  };
  const content = async (disk: Disk, path: string): Promise<string> => {
    const file = await disk.open(path, { readOnly: true });
    const bytes = new Uint8Array(await file.size());
    assert.equal(await file.read(bytes, 0), bytes.length);
    await file.close();
    return new TextDecoder().decode(bytes);
  };
  const write = async (disk: Disk, path: string, value: string): Promise<void> => {
    const file = await disk.open(path, { create: true });
    await file.write([text(value)], 0);
    await file.close();
  };
  const fails = (promise: Promise<unknown>, code: string): Promise<void> => assert.rejects(promise, (error) => isMillraceError(error) && error.code === code);
  const commit = (lane: Lane, steps: readonly LaneStep[]): Promise<Error | null> => new Promise((resolve) => {
    let inside = true;
    lane.submit(steps, (error) => { assert.ok(!inside, 'done never runs inside submit'); resolve(error); });
    inside = false;
  });

  story('parts are written back to back at a position, and read to the end of the file', async (disk) => {
    const file = await disk.open('a', { create: true });
    await file.write([text('one '), text(''), text('two')], 3);
    assert.equal(await file.size(), 10);
    const into = new Uint8Array(20).fill(1);
    assert.equal(await file.read(into, 0), 10);
    assert.equal(new TextDecoder().decode(into.subarray(0, 10)), '\0\0\0one two');
    assert.equal(file.readSync(into.subarray(0, 3), 7), 3);
    assert.equal(new TextDecoder().decode(into.subarray(0, 3)), 'two');
    assert.equal(await file.read(into, 100), 0);
    await file.close();
  });

  story('very many parts in one write', async (disk) => {
    const file = await disk.open('many', { create: true });
    const parts = Array.from({ length: 5000 }, (_, index) => text(`${index},`));
    await file.write(parts, 0);
    await file.close();
    assert.equal(await content(disk, 'many'), parts.map((_, index) => `${index},`).join(''));
  });

  story('truncate shortens, and makes longer with zeros', async (disk) => {
    const file = await disk.open('a', { create: true });
    await file.write([text('abcdef')], 0);
    await file.truncate(3);
    await file.truncate(5);
    await file.sync();
    await file.close();
    assert.equal(await content(disk, 'a'), 'abc\0\0');
  });

  story('a missing file is not found, a closed one is closed', async (disk) => {
    await fails(disk.open('none'), 'not-found');
    await fails(disk.rename('none', 'other'), 'not-found');
    const file = await disk.open('a', { create: true });
    await file.close();
    await file.close();
    await fails(file.read(new Uint8Array(1), 0), 'closed');
  });

  story('folders list what is in them, sorted; an absent one is empty', async (disk) => {
    await disk.makeFolder('x/y');
    await disk.makeFolder('x/y');
    await write(disk, 'x/b', 'bb');
    await write(disk, 'x/a', 'a');
    assert.deepEqual(await disk.list('x'), [{ name: 'a', kind: 'file', bytes: 1 }, { name: 'b', kind: 'file', bytes: 2 }, { name: 'y', kind: 'folder', bytes: 0 }]);
    assert.deepEqual(await disk.list('none'), []);
    await disk.syncFolder('x');
  });

  story('rename replaces, remove takes all below and forgives what is missing', async (disk) => {
    await write(disk, 'a', 'new');
    await write(disk, 'b', 'old');
    await disk.rename('a', 'b');
    assert.equal(await content(disk, 'b'), 'new');
    await fails(disk.open('a'), 'not-found');
    await disk.makeFolder('f');
    await write(disk, 'f/x', '1');
    await disk.remove('f');
    await disk.remove('f');
    assert.deepEqual((await disk.list('.')).map((entry) => entry.name).filter((entry) => entry === 'f'), []);
  });

  story('a removed file stays readable for who has it open', async (disk) => {
    await write(disk, 'a', 'still');
    const file = await disk.open('a');
    await disk.remove('a');
    const into = new Uint8Array(5);
    assert.equal(await file.read(into, 0), 5);
    await file.close();
  });

  story('one owner at a time holds the lock', async (disk) => {
    const lock = await disk.lock();
    await fails(disk.lock(), 'data-folder-locked');
    await lock.release();
    await (await disk.lock()).release();
  });

  story('a lane runs commits in order, off the caller, from shared memory', async (disk) => {
    const lane = await disk.openLane();
    const file = await disk.open('lane', { create: true });
    const memory = disk.allocate(1 << 16);
    const order: number[] = [];
    const commits = Array.from({ length: 300 }, (_, index) => {
      memory[index] = 97 + (index % 26);
      const parts = [memory.subarray(index, index + 1)];
      return commit(lane, [{ kind: 'write', file, position: index, parts }, { kind: 'sync', file }]).then((error) => { assert.equal(error, null); order.push(index); });
    });
    await Promise.all(commits);
    assert.deepEqual(order, Array.from({ length: 300 }, (_, index) => index));
    assert.equal(await content(disk, 'lane'), new TextDecoder().decode(memory.slice(0, 300)));
    await file.close();
    await lane.close();
  });

  story('a lane writes thousands of small and large parts in one step', async (disk) => {
    const lane = await disk.openLane();
    const file = await disk.open('gather', { create: true });
    const memory = disk.allocate(1 << 20);
    for (let index = 0; index < memory.length; index++) memory[index] = (index * 31) & 255;
    const parts: Uint8Array[] = [];
    let expected = 0;
    for (let index = 0; index < 20_000; index++) { parts.push(memory.subarray(index * 20, index * 20 + (index % 40))); expected += index % 40; }
    for (let index = 0; index < 40; index++) { parts.push(memory.subarray(index * 8192, index * 8192 + 9000)); expected += 9000; }
    assert.equal(await commit(lane, [{ kind: 'write', file, position: 0, parts: parts.slice(0, 20_000) }, { kind: 'write', file, position: expected - 360_000, parts: parts.slice(20_000) }]), null);
    const bytes = new Uint8Array(expected + 10);
    assert.equal(await file.read(bytes, 0), expected);
    let at = 0;
    for (const part of parts) { assert.deepEqual(bytes.subarray(at, at + part.length), part.slice()); at += part.length; }
    await file.close();
    await lane.close();
  });

  story('a direct file takes aligned writes from shared memory, and any reads', async (disk) => {
    const lane = await disk.openLane();
    const file = await disk.open('direct', { create: true, direct: true });
    const memory = disk.allocate(4 * directAlignment);
    memory.fill(7, directAlignment, 2 * directAlignment);
    await file.write([memory.subarray(0, directAlignment)], 0);
    await file.sync();
    assert.equal(await commit(lane, [{ kind: 'write', file, position: directAlignment, parts: [memory.subarray(directAlignment, 3 * directAlignment)] }, { kind: 'sync', file }]), null);
    await file.close();
    const reader = await disk.open('direct', { readOnly: true });
    const into = new Uint8Array(10);
    assert.equal(await reader.read(into, directAlignment - 5), 10);
    assert.deepEqual([...into], [0, 0, 0, 0, 0, 7, 7, 7, 7, 7]);
    await reader.close();
    await lane.close();
  });
}
