// The queue of a partition as stories, and against a model of a broker that loses requests and answers by chance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prng } from '../../testing/mod.ts';
import { PartitionQueue, type BatchOutcome, type ProducerIdentity, type QueuedBatch } from './partition-queue.ts';

interface Batch extends QueuedBatch { readonly name: string; readonly from: number }

const first: ProducerIdentity = { producerId: 9, epoch: 0 };
const raised = (refused: ProducerIdentity): ProducerIdentity => ({ ...refused, epoch: refused.epoch + 1 });
const batch = (name: string, recordCount = 1, from = 0): Batch => ({ name, recordCount, from, identity: first, baseSequence: -1 });

/** A queue with these batches waiting, and ways to tell a story with it. The server has stored one of no records before, if it `isKnown`. */
function queueOf(names: readonly string[], isKnown = true) {
  const queue = new PartitionQueue<Batch>(5, raised);
  const batches = new Map(names.map((name) => [name, batch(name, 10)]));
  if (isKnown) {
    const before = batch('before', 0);
    queue.waiting.push(before);
    queue.take(first);
    queue.finish(before, { kind: 'settled', isStored: true });
  }
  queue.waiting.push(...batches.values());
  const sendAll = (): string => {
    const sent: string[] = [];
    while (queue.peek()) { const one = queue.take(first); sent.push(`${one.name}:${one.identity.epoch}.${one.baseSequence}`); }
    return sent.join(' ');
  };
  const answer = (name: string, kind: BatchOutcome['kind']) => queue.finish(batches.get(name)!, kind === 'settled' ? { kind, isStored: true } : { kind });
  return { queue, batches, sendAll, answer };
}

test('batches are numbered in order, five at a time', () => {
  const { sendAll, answer } = queueOf(['a', 'b', 'c', 'd', 'e', 'f']);
  assert.equal(sendAll(), 'a:0.0 b:0.10 c:0.20 d:0.30 e:0.40');
  answer('a', 'settled');
  assert.equal(sendAll(), 'f:0.50');
});

test('after a loss everything goes again in order with the same numbers, once all have been answered', () => {
  const { sendAll, answer } = queueOf(['a', 'b', 'c']);
  assert.equal(sendAll(), 'a:0.0 b:0.10 c:0.20');
  answer('a', 'again');
  assert.equal(sendAll(), '', 'b and c are in flight');
  answer('b', 'misnumbered'); // because a is missing
  answer('c', 'misnumbered');
  assert.equal(sendAll(), 'a:0.0');
  answer('a', 'settled');
  assert.equal(sendAll(), 'b:0.10 c:0.20');
});

test('until the server has stored one, batches go one at a time: it would take any as the first', () => {
  const { sendAll, answer } = queueOf(['a', 'b', 'c'], false);
  assert.equal(sendAll(), 'a:0.0');
  answer('a', 'again');
  assert.equal(sendAll(), 'a:0.0');
  answer('a', 'settled');
  assert.equal(sendAll(), 'b:0.10 c:0.20');
});

test('a batch that the first attempt stored is settled by its second', () => {
  const { queue, sendAll, answer } = queueOf(['a', 'b']);
  sendAll();
  answer('a', 'again');
  answer('b', 'again');
  assert.equal(sendAll(), 'a:0.0');
  answer('a', 'settled');
  assert.equal(sendAll(), 'b:0.10');
  answer('b', 'settled');
  assert.ok(queue.isEmpty && !queue.isRecovering);
});

test('when the server refuses the number of the oldest, all unsettled ones are renumbered under a higher epoch', () => {
  const { sendAll, answer } = queueOf(['a', 'b', 'c']);
  sendAll();
  answer('a', 'settled');
  answer('b', 'misnumbered');
  answer('c', 'misnumbered');
  assert.equal(sendAll(), 'b:1.0');
  answer('b', 'settled');
  assert.equal(sendAll(), 'c:1.10');
});

test('giving up one in the middle keeps the numbers of the others; the server decides what follows', () => {
  const { queue, batches, sendAll, answer } = queueOf(['a', 'b', 'c']);
  sendAll();
  for (const name of ['a', 'b', 'c']) answer(name, 'again');
  queue.giveUp(batches.get('a')!);
  assert.equal(sendAll(), 'b:0.10');
  answer('b', 'misnumbered');
  assert.equal(sendAll(), 'b:1.0');
  answer('b', 'settled');
  assert.equal(sendAll(), 'c:1.10');
});

test('halves take the place and the numbers of the whole', () => {
  const { queue, batches, sendAll, answer } = queueOf(['a', 'b']);
  sendAll();
  answer('a', 'again');
  const halves = [batch('a1', 5), batch('a2', 5)];
  queue.replace(batches.get('a')!, halves);
  answer('b', 'misnumbered');
  assert.equal(sendAll(), 'a1:0.0');
  queue.finish(halves[0]!, { kind: 'settled', isStored: true });
  assert.equal(sendAll(), 'a2:0.5 b:0.10');
});

test('whatever is lost on the way, each batch is stored once and in order', () => {
  for (let seed = 1; seed <= 1_000; seed++) storeAll(seed);
});

/** Kafka's rule for sequences of one partition: any from a producer that it does not know, else the next one, a known one of the last five, or a refusal. */
class ModelBroker {
  readonly stored: string[] = [];
  #epoch = -1;
  #next = 0;
  #known: { sequence: number; epoch: number }[] = [];
  receive(name: string, epoch: number, sequence: number, count: number): 'settled' | 'misnumbered' {
    if (this.#known.some((one) => one.epoch === epoch && one.sequence === sequence)) return 'settled';
    if (epoch < this.#epoch || (epoch > this.#epoch && sequence !== 0 && this.#epoch >= 0) || (epoch === this.#epoch && sequence !== this.#next)) return 'misnumbered';
    this.#epoch = epoch;
    this.#next = sequence + count;
    this.#known = [...this.#known.slice(-4), { sequence, epoch }];
    this.stored.push(name);
    return 'settled';
  }
}

function storeAll(seed: number): void {
  const random = prng(seed);
  const broker = new ModelBroker();
  const queue = new PartitionQueue<Batch>(5, raised);
  const names: string[] = [];
  const wire: Batch[] = [];
  for (let step = 0; step < 200 || !queue.isEmpty; step++) {
    if (step < 200 && random.chance(0.4)) { names.push(`b${step}`); queue.waiting.push(batch(`b${step}`, 1 + random.between(0, 9))); }
    if (queue.peek() && random.chance(0.7)) wire.push(queue.take(first));
    const arriving = wire.length > 0 && random.chance(0.6) ? wire.shift()! : null; // one connection: in order
    if (!arriving) continue;
    const chance = step < 200 ? random.fraction() : 1;
    const requestLost = chance < 0.15;
    const answerLost = chance >= 0.15 && chance < 0.3;
    const result = requestLost ? null : broker.receive(arriving.name, arriving.identity.epoch, arriving.baseSequence, arriving.recordCount);
    const kind = result === null || answerLost ? 'again' : result;
    queue.finish(arriving, kind === 'settled' ? { kind, isStored: true } : { kind });
    assert.ok(step < 20_000, `seed ${seed}: ends`);
  }
  assert.deepEqual(broker.stored, names, `seed ${seed}`);
}
