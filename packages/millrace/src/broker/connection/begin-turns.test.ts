// Requests in turns: a turn of the loop takes so many and no more, and those in line get on one after the other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BeginTurns } from './begin-turns.ts';

function scene(requestsMax: number, atOnceMax: number) {
  const begun: string[] = [];
  let next: (() => void)[] = [];
  const turns = new BeginTurns((callback) => { next.push(callback); }, requestsMax, atOnceMax);
  const turn = (): void => { const due = next; next = []; for (const callback of due) callback(); };
  const client = (name: string, requests: number) => {
    let left = requests;
    const retry = (): void => {
      for (let count = 0; left > 0 && turns.may(waiter, count); count++, left--) begun.push(name);
    };
    const waiter = { retry };
    return waiter;
  };
  return { begun, turns, turn, client };
}

test('few requests are begun as they come', () => {
  const { begun, client } = scene(10, 2);
  client('a', 6).retry();
  client('b', 3).retry();
  assert.equal(begun.join(''), 'aaaaaabbb');
});

test('a turn takes so many; then those in line go on by turns, a few requests each', () => {
  const { begun, turn, client } = scene(6, 2);
  for (const [name, requests] of [['a', 8], ['b', 5], ['c', 1]] as const) client(name, requests).retry();
  assert.equal(begun.splice(0).join(''), 'aaaaaa');
  turn();
  assert.equal(begun.splice(0).join(''), 'aabbcb', 'b has begun two and stands behind c');
  turn();
  assert.equal(begun.splice(0).join(''), 'bb');
  turn();
  assert.deepEqual(begun, []);
});

test('who comes while two thousand stand in line waits for one round of them, not for all their requests', () => {
  const { begun, turn, client } = scene(100, 2);
  for (let i = 0; i < 2000; i++) client('x', 50).retry();
  turn();
  client('good', 1).retry();
  let turns = 0;
  while (!begun.includes('good')) { turn(); turns++; }
  assert.ok(begun.length <= 2000 * 2 + 300, `${begun.length} requests of others were begun before`);
  assert.ok(turns <= 2000 * 2 / 100 + 1);
  while (begun.length < 100_001) { const before = begun.length; turn(); assert.ok(begun.length - before > 0 && begun.length - before <= 100); }
});

test('who has left the line is not called', () => {
  const { begun, turns, turn, client } = scene(2, 2);
  client('a', 2).retry();
  const gone = client('b', 2);
  gone.retry();
  turns.leave(gone);
  turn();
  assert.equal(begun.join(''), 'aa');
});
