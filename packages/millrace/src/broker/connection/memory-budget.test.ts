// One bound for all connections: who gets, who waits, who is woken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryBudget } from './memory-budget.ts';

test('what does not fit waits, and is woken in order as long as there is room', async () => {
  const budget = new MemoryBudget(100);
  const woken: string[] = [];
  const waiter = (name: string, bytes: number) => ({ retry() { woken.push(`${name} ${budget.tryTake(bytes, this)}`); } });
  const [a, b, c] = [waiter('a', 50), waiter('b', 60), waiter('c', 10)];
  assert.ok(budget.tryTake(80, a));
  for (const [one, bytes] of [[a, 50], [b, 60], [c, 30]] as const) assert.ok(!budget.tryTake(bytes, one));
  assert.ok(budget.pressed);
  budget.give(80);
  await Promise.resolve();
  assert.deepEqual(woken, ['a true', 'b false', 'c true']);
  assert.equal(budget.usedBytes, 60);
  budget.give(60);
  await Promise.resolve();
  assert.deepEqual(woken.slice(3), ['b true']);
  assert.ok(!budget.pressed);
});

test('the largest piece is granted when nothing is held, whatever its size', () => {
  const budget = new MemoryBudget(100);
  const nobody = { retry() {} };
  assert.ok(budget.tryTake(1000, nobody));
  assert.equal(budget.freeBytes, 0);
  assert.ok(!budget.tryTake(1, nobody));
});

test('who has left the line is not woken', async () => {
  const budget = new MemoryBudget(10);
  const waiter = { retry() { assert.fail('it had left'); } };
  budget.take(10);
  budget.wait(waiter);
  budget.forget(waiter);
  budget.give(10);
  await Promise.resolve();
});

test('who gets back into the line is asked once a turn, however much is given', async () => {
  const budget = new MemoryBudget(100);
  let asked = 0;
  const waiter = { retry() { asked++; budget.wait(waiter); } };
  budget.take(90);
  budget.wait(waiter);
  for (let i = 0; i < 3; i++) budget.give(10);
  await new Promise((resolve) => { setImmediate(resolve); });
  assert.equal(asked, 1);
  budget.give(10);
  await new Promise((resolve) => { setImmediate(resolve); });
  assert.equal(asked, 2);
});
