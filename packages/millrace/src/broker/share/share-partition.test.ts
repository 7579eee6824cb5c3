// One partition as a share group sees it: stories of what is handed out, decided, given up, and what a restart finds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorName } from '../../wire/mod.ts';
import { acknowledgeType, type Acknowledgement, type ShareEffect, type ShareSettings } from './effects.ts';
import type { SharePartition } from './moves.ts';
import { dropFrom, recordState } from './runs.ts';
import { checkSharePartition, mayAcquire, newSharePartition, nextOffset, step } from './share-partition.ts';
import { changeText, replayRecord, stateText } from './stored-state.ts';

const settings: ShareSettings = { deliveryCountMax: 5, recordLocksMax: 100, lockDurationMs: 1000, renewAllowed: true };
const { accept, release, reject, renew, gap } = acknowledgeType;

/** A partition with its log: batches of `batchSize` records up to `end`, and the records of its state. */
class Story {
  partition: SharePartition;
  records: string[] = [];
  nowMs = 0;
  end = 0;
  batchSize = 10;
  settings = settings;
  letters: string[] = [];

  constructor(start = 0) {
    this.partition = newSharePartition(start, 0);
    this.records.push(stateText(this.partition));
  }

  /** Says what a member gets: '0-9', with '#2' for a second delivery. */
  acquire(memberId: string, recordsMax: number, how: { exact?: boolean; missing?: readonly number[] } = {}): string {
    const from = nextOffset(this.partition);
    const spans: number[] = [];
    for (let first = from - from % this.batchSize; first < this.end; first += this.batchSize) {
      if (how.missing?.includes(first) !== true) spans.push(first, Math.min(this.end, first + this.batchSize) - 1);
    }
    const to = Math.max(from, this.end);
    const effects = this.#do({ kind: 'acquire', memberId, spans, from, to, recordsMax, exact: how.exact === true, rangeRecords: 1000, nowMs: this.nowMs });
    const found = effects.find((effect) => effect.kind === 'acquired');
    return (found?.ranges ?? []).map(({ first, last, deliveryCount }) => `${first}-${last}${deliveryCount > 1 ? `#${deliveryCount}` : ''}`).join(' ');
  }

  say(memberId: string, ...batches: readonly (readonly [number, number, ...number[]])[]): string {
    const said = batches.map(([first, last, ...types]): Acknowledgement => ({ first, last, types }));
    const refusal = this.#do({ kind: 'acknowledge', memberId, batches: said, nowMs: this.nowMs }).find((effect) => effect.kind === 'refuse');
    return refusal === undefined ? 'ok' : errorName(refusal.errorCode);
  }

  leave(memberId: string): void { this.#do({ kind: 'release', memberId }); }

  pass(ms: number): void {
    this.nowMs += ms;
    if (this.partition.wakeAtMs <= this.nowMs) this.#do({ kind: 'tick', nowMs: this.nowMs });
  }

  /** What the log has is read back. */
  restart(): void {
    let partition: SharePartition | undefined;
    for (const record of this.records) partition = replayRecord(partition, record);
    this.partition = partition!;
    checkSharePartition(this.partition, this.settings.deliveryCountMax);
  }

  get text(): string {
    const names = Object.fromEntries(Object.entries(recordState).map(([name, state]) => [state, name]));
    const runs = this.partition.runs.map(({ first, last, state, deliveryCount, memberId }) => `${first}-${last} ${names[state]}${memberId === '' ? '' : ` by ${memberId}`}${deliveryCount > 1 ? `#${deliveryCount}` : ''}`);
    return `${this.partition.start}: ${runs.join(', ')}`;
  }

  #do(event: Parameters<typeof step>[1]): ShareEffect[] {
    const effects = step(this.partition, event, this.settings);
    for (const effect of effects) {
      if (effect.kind !== 'write') continue;
      for (const { first, last, cause } of effect.deadLetters) this.letters.push(`${first}-${last} ${cause}`);
      this.partition.unwritten.delete(effect.moveId);
      this.records.push(changeText(this.partition, effect.runs));
      step(this.partition, { kind: 'written', moveId: effect.moveId, ok: true, nowMs: this.nowMs }, this.settings);
    }
    checkSharePartition(this.partition, this.settings.deliveryCountMax);
    return effects;
  }
}

function storyOf(end: number, start = 0): Story {
  const story = new Story(start);
  story.end = end;
  return story;
}

test('members share a partition: each gets other records, and what is accepted is passed', () => {
  const story = storyOf(30);
  assert.deepEqual([story.acquire('a', 10), story.acquire('b', 10), story.acquire('a', 10), story.acquire('b', 10)], ['0-9', '10-19', '20-29', '']);
  assert.equal(story.say('b', [10, 19, accept]), 'ok');
  assert.equal(story.text, '0: 0-9 acquired by a, 10-19 acknowledged, 20-29 acquired by a');
  assert.equal(story.say('a', [0, 9, accept]), 'ok');
  assert.equal(story.text, '20: 20-29 acquired by a');
});

test('whole batches are handed out, or exactly as many records as were asked for', () => {
  const story = storyOf(30);
  assert.deepEqual([story.acquire('a', 3), story.acquire('a', 3, { exact: true }), story.acquire('b', 9, { exact: true })], ['0-9', '10-12', '13-21']);
});

test('what is released comes again, first; what is rejected does not', () => {
  const story = storyOf(20);
  story.acquire('a', 20);
  assert.equal(story.say('a', [0, 4, accept], [5, 5, release], [6, 6, reject], [7, 9, accept, release, gap]), 'ok');
  assert.equal(story.text, '5: 5-5 available, 6-6 archived, 7-7 acknowledged, 8-8 available, 9-9 archived, 10-19 acquired by a');
  assert.deepEqual([story.acquire('b', 20), story.letters], ['5-5#2 8-8#2', ['6-6 Offset rejected by client.']]);
});

test('only who holds a record may speak of it, once, and of all or nothing', () => {
  const story = storyOf(30);
  story.acquire('a', 10);
  story.acquire('b', 10);
  assert.deepEqual([
    story.say('b', [0, 0, accept]), story.say('a', [0, 10, accept]), story.say('a', [0, 3, accept], [25, 25, accept]), story.say('a', [0, 3, accept]), story.say('a', [0, 3, accept]),
  ], ['INVALID_RECORD_STATE', 'INVALID_RECORD_STATE', 'INVALID_REQUEST', 'ok', 'ok'], 'what lies before the start was decided: that is no fault');
  assert.equal(story.say('a', [6, 6, accept]), 'ok');
  assert.equal(story.say('a', [4, 9, accept]), 'INVALID_RECORD_STATE');
  assert.equal(story.text, '4: 4-5 acquired by a, 6-6 acknowledged, 7-9 acquired by a, 10-19 acquired by b');
});

test('locks expire, unless they are renewed', () => {
  const story = storyOf(10);
  story.acquire('a', 10);
  story.pass(600);
  assert.equal(story.say('a', [0, 4, renew]), 'ok');
  story.pass(600);
  assert.equal(story.text, '0: 0-4 acquired by a, 5-9 available');
  assert.equal(story.acquire('b', 10), '5-9#2');
  story.pass(600);
  assert.equal(story.text, '0: 0-4 available, 5-9 acquired by b#2');
  story.settings = { ...settings, renewAllowed: false };
  assert.equal(story.say('b', [5, 9, renew]), 'INVALID_RECORD_STATE');
});

test('a member that is gone gives everything up', () => {
  const story = storyOf(30);
  story.acquire('a', 10);
  story.acquire('b', 10);
  story.acquire('a', 10);
  story.leave('a');
  assert.equal(story.text, '0: 0-9 available, 10-19 acquired by b, 20-29 available');
});

test('after as many deliveries as allowed a record is archived; before that it goes out in ever smaller pieces, the last time alone', () => {
  const story = storyOf(16);
  story.batchSize = 16;
  const seen: string[] = [];
  const turn = (memberId: string) => { const got = story.acquire(memberId, 100); seen.push(got); return got; };
  for (let round = 0; round < 3; round++) { turn('a'); story.leave('a'); }
  turn('a');
  assert.deepEqual(seen, ['0-15', '0-15#2', '0-15#3', '0-7#4']);
  story.leave('a');
  assert.equal(story.acquire('a', 100), '0-0#5');
  story.leave('a');
  assert.deepEqual([story.text, story.letters], ['1: 1-7 available#4, 8-15 available#3', ['0-0 Offset delivery count exceeded the threshold.']]);
  assert.equal(story.acquire('a', 100), '1-1#5');
});

test('a limit that is lowered takes effect on what had more', () => {
  const story = storyOf(10);
  for (let round = 0; round < 3; round++) { story.acquire('a', 10); story.leave('a'); }
  story.settings = { ...settings, deliveryCountMax: 3 };
  assert.equal(story.acquire('a', 10), '');
  assert.deepEqual([story.text, story.letters], ['10: ', ['0-9 Offset delivery count exceeded the threshold.']]);
});

test('no more records are held than the limit says, whole batches apart; old ones may be taken up again', () => {
  const story = storyOf(300);
  story.settings = { ...settings, recordLocksMax: 25 };
  assert.deepEqual([story.acquire('a', 100), mayAcquire(story.partition, story.settings)], ['0-29', false]);
  story.say('a', [10, 19, accept]);
  assert.ok(mayAcquire(story.partition, story.settings));
  assert.equal(story.acquire('b', 100, { exact: true }), '30-34');
  story.leave('a');
  assert.equal(story.acquire('b', 100, { exact: true }), '0-9#2 20-29#2');
});

test('what is missing in the log is passed', () => {
  const story = storyOf(50);
  assert.equal(story.acquire('a', 100, { missing: [0, 20] }), '10-19 30-49');
  assert.equal(story.text, '10: 10-19 acquired by a, 20-29 archived, 30-49 acquired by a');
  story.leave('a');
  assert.equal(story.acquire('a', 100, { missing: [10, 20] }), '30-49#2');
  assert.equal(story.text, '30: 30-49 acquired by a#2');
});

test('what retention deletes is forgotten', () => {
  const story = storyOf(30);
  story.acquire('a', 30);
  step(story.partition, { kind: 'log-start', offset: 15 }, story.settings);
  assert.equal(story.text, '15: 15-29 acquired by a');
  step(story.partition, { kind: 'log-start', offset: 40 }, story.settings);
  assert.deepEqual([story.text, nextOffset(story.partition)], ['40: ', 40]);
});

test('records that a power cut took are forgotten: others will have their offsets', () => {
  for (const [end, text] of [[25, '10: 10-19 acquired by a, 20-24 acknowledged'], [10, '10: '], [4, '4: ']] as const) {
    const story = storyOf(30);
    story.acquire('a', 30);
    story.say('a', [0, 9, accept], [20, 29, accept]);
    dropFrom(story.partition, end);
    checkSharePartition(story.partition, 5);
    assert.equal(story.text, text);
  }
});

test('a restart finds what was decided; what was held is free, and that delivery did not count', () => {
  const story = storyOf(40);
  story.acquire('a', 20);
  story.leave('a');
  story.acquire('a', 40);
  story.say('a', [0, 9, accept], [12, 12, reject], [30, 30, accept]);
  story.restart();
  assert.equal(story.text, '10: 10-11 available, 12-12 archived#2, 13-19 available, 20-29 available, 30-30 acknowledged');
  story.records = [stateText(story.partition)];
  story.restart();
  assert.equal(story.acquire('b', 40), '10-11#2 13-19#2 20-29 31-39');
});

test('a change that was not written changes nothing, and is tried again', () => {
  const { partition } = storyOf(10);
  const done = (event: Parameters<typeof step>[1]) => step(partition, event, settings);
  done({ kind: 'acquire', memberId: 'a', spans: [0, 9], from: 0, to: 10, recordsMax: 10, exact: false, rangeRecords: 100, nowMs: 0 });
  const [write] = done({ kind: 'acknowledge', memberId: 'a', batches: [{ first: 0, last: 4, types: [accept] }], nowMs: 0 });
  assert.ok(write?.kind === 'write');
  assert.deepEqual(done({ kind: 'tick', nowMs: 5000 }).map(({ kind }) => kind), ['write'], 'what is on its way does not expire');
  assert.equal(nextOffset(partition), 10, 'and is free for nobody');
  assert.equal(replayRecord(undefined, stateText(partition)).start, 0, 'nor does a copy of the state speak of it');
  done({ kind: 'written', moveId: write.moveId, ok: false, nowMs: 5000 });
  checkSharePartition(partition, 5);
  assert.equal(done({ kind: 'tick', nowMs: 5999 }).length, 0);
  assert.deepEqual(done({ kind: 'tick', nowMs: 6000 }).map(({ kind }) => kind), ['write']);
});

/** A small generator: same seed, same story. */
function chance(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('whatever members do, every record is delivered until it is decided, never to two at once, never after', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const next = chance(seed);
    const story = storyOf(0);
    story.batchSize = 1 + next(12);
    story.settings = { ...settings, deliveryCountMax: 2 + next(5), recordLocksMax: 100 };
    const holders = new Map<number, string>();
    const accepted = new Set<number>();
    const deliveries = new Map<number, number>();
    const free = (memberId: string) => { for (const [offset, holder] of holders) if (holder === memberId) holders.delete(offset); };
    for (let turn = 0; turn < 120; turn++) {
      const member = `m${next(3)}`;
      const what = next(10);
      if (what < 2) story.end += next(30);
      else if (what < 6) {
        for (const range of story.acquire(member, 1 + next(20), { exact: next(2) === 0 }).split(' ').filter((text) => text !== '')) {
          const [, first, last, count] = /^(\d+)-(\d+)(?:#(\d+))?$/.exec(range)!.map(Number) as [number, number, number, number];
          for (let offset = first; offset <= last; offset++) {
            assert.ok(!holders.has(offset), `seed ${seed}: ${offset} is held`);
            assert.ok(!accepted.has(offset), `seed ${seed}: ${offset} was accepted`);
            holders.set(offset, member);
            deliveries.set(offset, Number.isNaN(count) ? 1 : count);
          }
        }
      } else if (what < 9) {
        const mine = [...holders].filter(([, holder]) => holder === member).map(([offset]) => offset).sort((a, b) => a - b);
        for (const offset of mine) {
          const type = [accept, release, reject, gap][next(4)]!;
          if (next(2) === 0) continue;
          assert.equal(story.say(member, [offset, offset, type]), 'ok', `seed ${seed}`);
          holders.delete(offset);
          if (type === accept) accepted.add(offset);
        }
      } else if (next(2) === 0) { story.leave(member); free(member); }
      else if (next(2) === 0) { story.pass(1000); holders.clear(); }
      else { story.restart(); holders.clear(); if (next(2) === 0) story.records = [stateText(story.partition)]; }
    }
    for (let rounds = 0; story.partition.start < story.end; rounds++) {
      assert.ok(rounds < 10_000, `seed ${seed}: it comes to an end`);
      holders.clear();
      story.pass(1000);
      for (const range of story.acquire('m0', 50).split(' ').filter((text) => text !== '')) {
        const [first, last] = range.split('#')[0]!.split('-').map(Number) as [number, number];
        for (let offset = first; offset <= last; offset++) { assert.ok(!accepted.has(offset)); deliveries.set(offset, deliveries.get(offset) ?? 1); }
        story.say('m0', [first, last, accept]);
      }
    }
    for (let offset = 0; offset < story.end; offset++) assert.ok(deliveries.has(offset), `seed ${seed}: ${offset} was delivered`);
  }
});
