// Large answers in turns: nobody takes the loop for a whole answer, nobody is passed over, nothing is lost or doubled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../../os/mod.ts';
import { SendTurns } from './send-turns.ts';
import { SlicedWrites, type Outgoing } from './sliced-writes.ts';

const sizes = { bytesPerTurnMax: 100, sliceBytesMax: 40 };

/** Connections that take what they are given in the next turn, or nothing; and turns of a loop made by hand. */
function scene() {
  const events: string[] = [];
  let next: (() => void)[] = [];
  const soon = (callback: () => void): void => { next.push(callback); };
  const turns = new SendTurns(soon, sizes);
  const turn = (): void => { const due = next; next = []; for (const callback of due) callback(); };
  const client = (name: string, takes = true) => {
    const bytes: number[] = [];
    const undone: ((error: Error | null) => void)[] = [];
    const stream = {
      write(parts: readonly Uint8Array[], done: (error: Error | null) => void) {
        for (const part of parts) bytes.push(...part);
        events.push(`${name} ${parts.reduce((sum, part) => sum + part.length, 0)}`);
        if (takes) soon(() => done(null));
        else undone.push(done);
      },
    } as unknown as Connection;
    const writes = new SlicedWrites(stream, turns, { progressed: () => {}, sent: ({ bytes }) => events.push(`${name} sent ${bytes}`) });
    return { bytes, writes, undone };
  };
  return { events, turn, client };
}

/** An answer in parts of these lengths; its bytes count on from `from`. */
function answer(lengths: readonly number[], from = 0): Outgoing {
  const parts = lengths.map((length) => Uint8Array.from({ length }, () => from++ & 0xff));
  return { parts, bytes: parts.reduce((sum, part) => sum + part.length, 0), callbacks: [] };
}

const counting = (bytes: number): number[] => Array.from({ length: bytes }, (_, index) => index & 0xff);

test('a turn takes so much and no more, a slice to each in line, and who has written goes to the end', () => {
  const { events, turn, client } = scene();
  const clients = ['a', 'b', 'c', 'd'].map((name) => client(name));
  for (const { writes } of clients) writes.add(answer([90]));
  assert.deepEqual(events.splice(0), ['a 90', 'b 10'], 'who comes first is alone, and what is left of the turn is for the next');
  turn();
  assert.deepEqual(events.splice(0), ['a sent 90', 'c 40', 'd 60'], 'while others stand in line a turn is a slice; the last one has what is left');
  for (let i = 0; i < 10; i++) turn();
  for (const { bytes } of clients) assert.deepEqual(bytes, counting(90));
  assert.equal(events.filter((event) => event.endsWith('sent 90')).length, 3);
});

test('two thousand that take nothing cost each a slice, and then nothing', () => {
  const { events, turn, client } = scene();
  const greedy = Array.from({ length: 2000 }, (_, index) => client(`greedy ${index}`, false));
  for (const { writes } of greedy) writes.add(answer([1000]));
  let worst = 0;
  for (let i = 0; i < 2000; i++) {
    worst = Math.max(worst, events.splice(0).reduce((sum, event) => sum + Number(event.split(' ').at(-1)), 0));
    turn();
  }
  assert.equal(worst, sizes.bytesPerTurnMax, 'what a turn of the loop took at most');
  const good = client('good');
  good.writes.add(answer([30]));
  turn();
  assert.deepEqual(events, ['good 30', 'good sent 30']);
});

test('parts are cut anywhere, and answers stay in order and whole', () => {
  for (const lengths of [[1], [39, 2], [0, 40, 0, 40, 0], [100, 1, 1, 1, 100], [7, 7, 7, 7, 7, 7, 7], [250]]) {
    const { turn, client, events } = scene();
    const { writes, bytes } = client('a');
    const total = lengths.reduce((sum, length) => sum + length, 0);
    writes.add(answer(lengths));
    writes.add(answer(lengths, total));
    assert.equal(writes.isEmpty, false);
    for (let i = 0; i < 30; i++) turn();
    assert.deepEqual(bytes, counting(2 * total), String(lengths));
    assert.equal(events.filter((event) => event === `a sent ${total}`).length, 2);
    assert.equal(writes.isEmpty, true);
  }
});

test('a connection that ends lets go of all its answers, each once, the one under way when the system has', () => {
  const { events, turn, client } = scene();
  const { writes, undone } = client('a', false);
  for (const length of [120, 50, 60]) writes.add(answer([length]));
  turn();
  writes.end();
  assert.deepEqual(events.splice(0), ['a 100', 'a sent 50', 'a sent 60']);
  undone[0]!(new Error('the connection was lost'));
  writes.end();
  turn();
  assert.deepEqual(events, ['a sent 120']);
});

test('a write that fails before the connection says that it has ended', () => {
  const { events, turn, client } = scene();
  const { writes, undone } = client('a', false);
  for (const length of [120, 50]) writes.add(answer([length]));
  undone[0]!(new Error('the connection was lost'));
  turn();
  writes.end();
  assert.deepEqual(events, ['a 100', 'a sent 120', 'a sent 50']);
});
