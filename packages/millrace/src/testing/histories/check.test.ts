// Each anomaly has a small history in which it is found, and nothing else is; the same history without the fault has none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, HistoryRecorder, nameOf, type AnomalyKind, type TransactionRecord } from './mod.ts';

/** Tells a history in the order in which it happens; every call takes one unit of time. */
class Story {
  #now = 0;
  readonly history = new HistoryRecorder(() => ++this.#now);
  #numbers = new Map<string, number>();

  /** A transaction that wrote `writes` ('a@3' is value a, acknowledged at 3) and is open. */
  open(client: string, writes: Record<string, readonly string[]> = {}): TransactionRecord {
    const number = this.#numbers.get(client) ?? 0;
    this.#numbers.set(client, number + 1);
    const transaction = this.history.begin(client, number);
    for (const [key, values] of Object.entries(writes)) {
      for (const text of values) {
        const [value, offset] = text.split('@') as [string, string?];
        transaction.writes.push({ key, value, offset: offset === undefined ? null : Number(offset) });
      }
    }
    return transaction;
  }

  commit(client: string, writes: Record<string, readonly string[]>): TransactionRecord {
    const transaction = this.open(client, writes);
    this.history.askCommit(transaction);
    this.history.end(transaction, 'committed');
    return transaction;
  }

  abort(client: string, writes: Record<string, readonly string[]>): TransactionRecord {
    const transaction = this.open(client, writes);
    this.history.end(transaction, 'aborted');
    return transaction;
  }

  /** A poll from one position to the next, which found 'value@offset'. */
  poll(reader: string, key: string, from: number, next: number, found: readonly string[], transaction: TransactionRecord | null = null, session = 0): void {
    const startedAt = this.history.now();
    this.history.polls.push({ reader, session, key, from, next, records: seen(found), startedAt, endedAt: this.history.now(), transaction: transaction === null ? null : nameOf(transaction) });
  }

  /** A transaction of a group that consumed a range, with what it found, and wrote one value. */
  consume(client: string, from: number, next: number, found: readonly string[], writes: Record<string, readonly string[]>): TransactionRecord {
    const transaction = this.open(client, writes);
    this.poll(client, 'in-0', from, next, found, transaction, transaction.number);
    transaction.consumed.push({ group: 'g', key: 'in-0', from, next });
    this.history.askCommit(transaction);
    this.history.end(transaction, 'committed');
    return transaction;
  }

  stable(key: string, offset: number): void {
    const startedAt = this.history.now();
    this.history.stableEnds.push({ key, offset, startedAt, endedAt: this.history.now() });
  }

  position(offset: number, key = 'in-0'): void {
    const startedAt = this.history.now();
    this.history.positions.push({ group: 'g', key, offset, startedAt, endedAt: this.history.now() });
  }

  /** What is there in the end: 'value@offset'. */
  finally(finals: Record<string, readonly string[]>): HistoryRecorder {
    for (const [key, found] of Object.entries(finals)) this.history.finals.set(key, seen(found));
    return this.history;
  }
}

const seen = (found: readonly string[]) => found.map((text) => { const [value, offset] = text.split('@') as [string, string]; return { value, offset: Number(offset) }; });

function finds(history: HistoryRecorder, ...kinds: readonly AnomalyKind[]): void {
  const found = checkHistory(history);
  assert.deepEqual([...new Set(found.map(({ kind }) => kind))].sort(), [...kinds].sort(), found.map(({ kind, message }) => `${kind}: ${message}`).join('\n'));
}

/** Two clients, two partitions, an aborted transaction between, one reader. */
function clean(): Story {
  const story = new Story();
  story.commit('a', { 'x-0': ['a1@0', 'a2@1'], 'x-1': ['a3@0'] });
  story.abort('b', { 'x-0': ['b1@3'] });
  story.commit('b', { 'x-0': ['b2@5'], 'x-1': ['b3@2'] });
  story.poll('r', 'x-0', 0, 2, ['a1@0', 'a2@1']);
  story.poll('r', 'x-0', 2, 6, ['b2@5']);
  story.stable('x-0', 7);
  return story;
}
const cleanFinals = { 'x-0': ['a1@0', 'a2@1', 'b2@5'], 'x-1': ['a3@0', 'b3@2'] };

test('a history in which everything was kept has no finding', () => {
  finds(clean().finally(cleanFinals));
});

test('a committed transaction that is gone is a lost write; one that was never answered is none', () => {
  const story = clean();
  story.commit('c', { 'x-1': ['c1@4'] });
  finds(story.finally(cleanFinals), 'lost write');
  const unknown = clean();
  unknown.history.askCommit(unknown.open('c', { 'x-1': ['c1'] }));
  finds(unknown.finally(cleanFinals));
});

test('a transaction that was never answered is committed if it is there', () => {
  const story = clean();
  story.history.askCommit(story.open('c', { 'x-1': ['c1'] }));
  story.poll('r', 'x-1', 0, 5, ['a3@0', 'b3@2', 'c1@4']);
  finds(story.finally({ ...cleanFinals, 'x-1': ['a3@0', 'b3@2', 'c1@4'] }));
});

test('a record that is there twice is a duplicate, in one partition or in two', () => {
  finds(clean().finally({ ...cleanFinals, 'x-1': ['a3@0', 'b3@2', 'b3@3'] }), 'duplicate');
});

test('a record of an aborted transaction, or of one that never asked to commit, is an aborted read', () => {
  finds(clean().finally({ ...cleanFinals, 'x-1': ['a3@0', 'b3@2'], 'x-0': ['a1@0', 'a2@1', 'b1@3', 'b2@5'] }), 'aborted read', 'skipped read');
  const gone = clean();
  gone.poll('s', 'x-0', 0, 4, ['a1@0', 'a2@1', 'b1@3']);
  finds(gone.finally(cleanFinals), 'aborted read');
  const open = clean();
  open.open('c', { 'x-1': ['c1@4'] });
  finds(open.finally({ ...cleanFinals, 'x-1': ['a3@0', 'b3@2', 'c1@4'] }), 'aborted read');
});

test('a record that was read before its transaction asked to commit is an early read', () => {
  const early = clean();
  const transaction = early.open('c', { 'x-1': ['c1@4'] });
  early.poll('s', 'x-1', 0, 5, ['a3@0', 'b3@2', 'c1@4']);
  early.history.askCommit(transaction);
  early.history.end(transaction, 'committed');
  finds(early.finally({ ...cleanFinals, 'x-1': ['a3@0', 'b3@2', 'c1@4'] }), 'early read');
});

test('a part of a transaction is a torn one, whatever its client knows', () => {
  finds(clean().finally({ ...cleanFinals, 'x-1': ['a3@0'] }), 'torn transaction');
  const unknown = clean();
  unknown.history.askCommit(unknown.open('c', { 'x-0': ['c1'], 'x-1': ['c2'] }));
  finds(unknown.finally({ ...cleanFinals, 'x-1': ['a3@0', 'b3@2', 'c2@4'] }), 'torn transaction');
});

test('records of one client in another order than it sent them are reordered', () => {
  const story = new Story();
  story.commit('a', { 'x-0': ['a1', 'a2'] });
  finds(story.finally({ 'x-0': ['a2@0', 'a1@1'] }), 'reordered');
  const later = new Story();
  later.commit('a', { 'x-0': ['a1'] });
  later.commit('a', { 'x-0': ['a2'] });
  finds(later.finally({ 'x-0': ['a2@0', 'a1@2'] }), 'reordered');
});

test('a record that nobody sent there is an unknown value', () => {
  finds(clean().finally({ ...cleanFinals, 'x-1': ['a3@0', 'b3@2', 'z@9'] }), 'unknown value');
  const elsewhere = clean();
  elsewhere.poll('s', 'x-1', 0, 3, ['a3@0', 'a1@1', 'b3@2']);
  finds(elsewhere.finally(cleanFinals), 'unknown value');
});

test('an offset with two values, and a record that moved, are inconsistent offsets', () => {
  const moved = clean();
  moved.commit('c', { 'x-1': ['c1@4'] });
  finds(moved.finally({ ...cleanFinals, 'x-1': ['a3@0', 'b3@2', 'c1@6'] }), 'inconsistent offset');
  const two = clean();
  two.poll('s', 'x-0', 0, 2, ['a2@0']);
  finds(two.finally(cleanFinals), 'inconsistent offset', 'skipped read');
});

test('a reader whose position falls back polls nonmonotonically; one that seeks does not', () => {
  const back = clean();
  back.poll('r', 'x-0', 1, 2, ['a2@1']);
  finds(back.finally(cleanFinals), 'nonmonotonic poll');
  const seeks = clean();
  seeks.poll('r', 'x-0', 1, 2, ['a2@1'], null, 1);
  finds(seeks.finally(cleanFinals));
  const turned = clean();
  turned.poll('s', 'x-0', 0, 2, ['a2@1', 'a1@0']);
  finds(turned.finally(cleanFinals), 'nonmonotonic poll');
});

test('a reader that passes a committed record skips it, within a poll or between two', () => {
  const within = clean();
  within.poll('s', 'x-0', 0, 6, ['a1@0', 'b2@5']);
  finds(within.finally(cleanFinals), 'skipped read');
  const between = clean();
  between.poll('s', 'x-0', 0, 1, ['a1@0']);
  between.poll('s', 'x-0', 2, 6, ['b2@5']);
  finds(between.finally(cleanFinals), 'skipped read');
});

test('a stable end that falls back, or stops before what was acknowledged, is a stale read', () => {
  const back = clean();
  back.stable('x-0', 3);
  finds(back.finally(cleanFinals), 'stale read');
  const before = new Story();
  before.commit('a', { 'x-0': ['a1@0'] });
  before.stable('x-0', 0);
  finds(before.finally({ 'x-0': ['a1@0'] }), 'stale read');
  assert.deepEqual(checkHistory(before.history, { endsAtOnce: false }), [], 'Apache Kafka promises less');
  const aborted = new Story();
  aborted.abort('a', { 'x-0': ['a1@0'] });
  aborted.stable('x-0', 0);
  finds(aborted.finally({ 'x-0': [] }), 'stale read');
  const stillOpen = new Story();
  const open = stillOpen.open('b', { 'x-0': ['b1@0'] });
  stillOpen.commit('a', { 'x-0': ['a1@1'] });
  stillOpen.stable('x-0', 0);
  stillOpen.history.end(open, 'aborted');
  finds(stillOpen.finally({ 'x-0': ['a1@1'] }));
});

test('a group is where its committed transactions say, and not behind what was acknowledged', () => {
  const told = (position: number, change: (story: Story) => void = () => {}) => {
    const story = new Story();
    story.commit('p', { 'in-0': ['i0@0', 'i1@1'] });
    story.consume('c', 0, 1, ['i0@0'], { 'out-0': ['o0@0'] });
    story.consume('c', 1, 2, ['i1@1'], { 'out-0': ['o1@2'] });
    change(story);
    story.position(position);
    return story.finally({ 'in-0': ['i0@0', 'i1@1'], 'out-0': ['o0@0', 'o1@2'] });
  };
  finds(told(2));
  finds(told(1), 'stale position');
  finds(told(7), 'wrong position');
  finds(told(9, (story) => { story.abort('c', {}).consumed.push({ group: 'g', key: 'in-0', from: null, next: 9 }); }), 'wrong position');
  finds(told(9, (story) => { story.open('c').consumed.push({ group: 'g', key: 'in-0', from: null, next: 9 }); }), 'wrong position');
  finds(told(9, (story) => { const asked = story.open('c'); asked.consumed.push({ group: 'g', key: 'in-0', from: null, next: 9 }); story.history.askCommit(asked); }));
});

test('each record is consumed once by the committed transactions of a group', () => {
  const consumed = (...ranges: readonly (readonly [from: number, next: number])[]) => {
    const story = new Story();
    const input = ['i0@0', 'i1@1', 'i2@2', 'i3@3'];
    story.commit('p', { 'in-0': input });
    const out = ranges.map(([from, next], index) => { story.consume('c', from, next, input.slice(from, next), { 'out-0': [`o${index}`] }); return `o${index}@${index * 2}`; });
    story.abort('c', {}).consumed.push({ group: 'g', key: 'in-0', from: 0, next: 4 });
    return story.finally({ 'in-0': input, 'out-0': out });
  };
  finds(consumed([0, 2], [2, 4]));
  finds(consumed([0, 2], [1, 4]), 'consumed twice');
  finds(consumed([0, 2], [3, 4]), 'never consumed');
  finds(consumed([1, 2]), 'never consumed');
});

test('transactions that read from each other, or from themselves, are a circle', () => {
  const circle = new Story();
  const a = circle.open('a', { 'x-0': ['a1@0'] });
  const b = circle.open('b', { 'x-1': ['b1@0'] });
  for (const each of [a, b]) circle.history.askCommit(each);
  circle.poll('a', 'x-1', 0, 1, ['b1@0'], a);
  circle.poll('b', 'x-0', 0, 1, ['a1@0'], b);
  for (const each of [a, b]) circle.history.end(each, 'committed');
  finds(circle.finally({ 'x-0': ['a1@0'], 'x-1': ['b1@0'] }), 'circular flow');
  const own = new Story();
  const alone = own.open('a', { 'x-0': ['a1@0'] });
  own.history.askCommit(alone);
  own.poll('a', 'x-0', 0, 1, ['a1@0'], alone);
  own.history.end(alone, 'committed');
  finds(own.finally({ 'x-0': ['a1@0'] }), 'circular flow');
  const line = new Story();
  line.commit('a', { 'in-0': ['a1@0'] });
  line.consume('b', 0, 1, ['a1@0'], { 'x-1': ['b1@0'] });
  finds(line.finally({ 'in-0': ['a1@0'], 'x-1': ['b1@0'] }));
});

test('a history that was recorded wrongly is refused', () => {
  const twice = new Story();
  twice.commit('a', { 'x-0': ['same'] });
  twice.commit('b', { 'x-0': ['same'] });
  assert.throws(() => checkHistory(twice.history), /written once/);
});

test('a thousand findings of a kind are told a few times', () => {
  const story = new Story();
  for (let i = 0; i < 1000; i++) story.commit('a', { 'x-0': [`a${i}`] });
  assert.equal(checkHistory(story.finally({ 'x-0': [] })).length, 5);
});
