// Sessions of incremental fetches by themselves: epochs, who makes room for whom, and what a set follows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes } from '../../wire/mod.ts';
import { nodeRandom } from '../../os/mod.ts';
import { FetchSessions } from './fetch-session.ts';
import { FetchSet } from './fetch-set.ts';

type Request = Parameters<FetchSessions['choose']>[0];
const request = (sessionId: number, sessionEpoch: number, partitions = 1): Request =>
  ({ sessionId, sessionEpoch, topics: [{ topic: 't', partitions: Array.from({ length: partitions }, (_, partition) => ({ partition })) }] }) as unknown as Request;

function sessionsOf(slots: number) {
  const sessions = new FetchSessions(nodeRandom(), () => slots);
  const begin = (nowMs: number, partitions = 1, byId = false): number | null => {
    const choice = sessions.choose(request(0, 0, partitions), byId, nowMs);
    assert.equal(choice.kind, 'full');
    if (choice.kind !== 'full' || choice.session === null) return null;
    for (let index = 0; index < partitions; index++) choice.set.put('t', index);
    return choice.session.id;
  };
  const next = (id: number, epoch: number, nowMs: number, byId = false): string => {
    const choice = sessions.choose(request(id, epoch), byId, nowMs);
    return choice.kind === 'refused' ? Object.entries(errorCodes).find(([, code]) => code === choice.errorCode)![0] : choice.kind;
  };
  return { sessions, begin, next };
}

test('epochs of a session rise by one; another epoch, another kind of name, another session are refused', () => {
  const { sessions, begin, next } = sessionsOf(10);
  const id = begin(0)!;
  assert.ok(id > 0);
  assert.deepEqual([next(id, 1, 0), next(id, 2, 0), next(id, 2, 0), next(id, 4, 0)], ['incremental', 'incremental', 'INVALID_FETCH_SESSION_EPOCH', 'INVALID_FETCH_SESSION_EPOCH']);
  assert.equal(next(id, 3, 0, true), 'FETCH_SESSION_TOPIC_ID_ERROR');
  assert.equal(next(id, 3, 0), 'incremental', 'what was refused changed nothing');
  assert.equal(next(id + 1, 1, 0), 'FETCH_SESSION_ID_NOT_FOUND');
  assert.equal(next(id, -1, 0), 'full', 'a final fetch');
  assert.deepEqual([next(id, 4, 0), sessions.size], ['FETCH_SESSION_ID_NOT_FOUND', 0]);
});

test('after the largest epoch comes 1', () => {
  const { sessions, begin, next } = sessionsOf(10);
  const id = begin(0)!;
  const choice = sessions.choose(request(id, 1), false, 0);
  assert.ok(choice.kind === 'incremental');
  choice.session.epoch = 2 ** 31 - 1;
  assert.deepEqual([next(id, 2 ** 31 - 1, 0), next(id, 1, 0)], ['incremental', 'incremental']);
});

test('a session begun in place of another ends that one', () => {
  const { sessions, begin, next } = sessionsOf(10);
  const id = begin(0)!;
  const choice = sessions.choose(request(id, 0), false, 0);
  assert.ok(choice.kind === 'full' && choice.session !== null && choice.session.id !== id);
  assert.deepEqual([next(id, 1, 0), sessions.size], ['FETCH_SESSION_ID_NOT_FOUND', 1]);
});

test('when all places are taken, an idle session goes, then an old one that is smaller; a young one never', () => {
  const { begin, next } = sessionsOf(2);
  const small = begin(0, 1)!;
  const large = begin(0, 5)!;
  assert.equal(begin(119_999, 9), null, 'both are younger than two minutes');
  assert.equal(next(small, 1, 119_999), 'incremental');
  const third = begin(120_000, 3)!;
  assert.equal(next(large, 1, 120_000), 'FETCH_SESSION_ID_NOT_FOUND', 'the one that was used longest ago, and is idle');
  assert.equal(next(third, 1, 120_000), 'incremental');
  assert.equal(begin(130_000, 1), null, 'nobody is smaller');
  assert.notEqual(begin(130_000, 2), null);
  assert.equal(next(small, 2, 130_000), 'FETCH_SESSION_ID_NOT_FOUND', 'it was old and the smallest');
  assert.equal(next(third, 2, 130_000), 'incremental');
});

test('no places, no partitions: no session', () => {
  assert.equal(sessionsOf(0).begin(0), null);
  assert.equal(sessionsOf(1).begin(0, 0), null);
});

test('a set follows what is put into it, in line, until it is removed or the set ends', () => {
  const watched: string[] = [];
  const partition = (name: string) => ({ watch: () => watched.push(`+${name}`), unwatch: () => watched.push(`-${name}`) }) as never;
  const set = new FetchSet();
  const [a, b] = [set.put('t', 0), set.put('t', 1)];
  assert.equal(set.put('t', 0), a);
  a.follow(partition('a'));
  b.follow(partition('b'));
  assert.deepEqual([set.size, [...set.line]], [2, [a, b]]);
  set.line.delete(a);
  const moved: unknown[] = [];
  set.onAdvance = (entry) => moved.push(entry);
  a.advanced();
  assert.deepEqual([moved, [...set.line]], [[a], [b, a]]);
  set.remove('t', 1);
  set.remove('t', 1);
  set.remove('u', 0);
  assert.deepEqual([set.size, [...set.line], watched], [1, [a], ['+a', '+b', '-b']]);
  set.end();
  a.advanced();
  assert.deepEqual([set.size, watched.at(-1), moved.length], [0, '-a', 1]);
  assert.notEqual(set.put('t', 0), a, 'nothing is left of what was followed');
});
