// A fetch session says only what changed, and starts over when in doubt.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FetchSession, type WantedPartition } from './fetch-session.ts';

const wanted = (...partitions: [name: string, offset: number, topicId?: string][]): Map<string, WantedPartition> => new Map(partitions.map(([topic, fetchOffset, topicId]) => [
  topic, { topic, topicId: topicId ?? `id-${topic}`, partition: 0, fetchOffset, fetchEpoch: -1, leaderEpoch: 0, maxBytes: 1 },
]));

const said = (session: FetchSession, of: Map<string, WantedPartition>): string => {
  const { sessionId, sessionEpoch, added, forgotten } = session.request(of);
  return `${sessionId}/${sessionEpoch} +${added.map((one) => `${one.topic}@${one.fetchOffset}`).join(',')} -${forgotten.map((one) => one.topicId).join(',')}`;
};

test('the story of a session', () => {
  const session = new FetchSession();
  assert.equal(said(session, wanted(['a', 0], ['b', 0])), '0/0 +a@0,b@0 -');
  session.answered(77);
  assert.equal(said(session, wanted(['a', 5], ['b', 0])), '77/1 +a@5 -', 'only what moved');
  session.answered(77);
  assert.equal(said(session, wanted(['b', 0])), '77/2 + -id-a', 'a is full and waits');
  session.answered(77);
  assert.equal(said(session, wanted(['a', 5], ['b', 0, 'anew'])), '77/3 +a@5,b@0 -id-b', 'b was created anew');
  session.reset();
  assert.equal(said(session, wanted(['a', 5])), '0/0 +a@5 -');
  session.answered(0);
  assert.equal(said(session, wanted(['a', 5])), '0/0 +a@5 -', 'the server keeps no session');
});
