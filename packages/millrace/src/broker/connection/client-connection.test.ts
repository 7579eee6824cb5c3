// One connection by itself: who is told of its end, and what it holds then.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../../os/mod.ts';
import { encodeRequest, Metadata } from '../../wire/mod.ts';
import { route, Router, type RequestContext } from '../handlers.ts';
import { BrokerMetrics } from '../metrics/broker-metrics.ts';
import { BeginTurns } from './begin-turns.ts';
import { ClientConnection, type ConnectionHost } from './client-connection.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { MemoryBudget } from './memory-budget.ts';
import { SendTurns } from './send-turns.ts';

function scene() {
  const requests: RequestContext<typeof Metadata>[] = [];
  const sent: (() => void)[] = [];
  const calls: string[] = [];
  let data: (chunk: Uint8Array) => void = () => {};
  let ended: () => void = () => {};
  const stream = {
    remote: 'host:1', onData: (callback: typeof data) => { data = callback; }, onClose: (callback: typeof ended) => { ended = callback; },
    write: (_parts: readonly Uint8Array[], done: () => void) => { sent.push(done); }, pause: () => calls.push('pause'), resume: () => calls.push('resume'),
    close: () => calls.push('close'), destroy: () => calls.push('destroy'),
  };
  const [requestMemory, responseMemory] = [new MemoryBudget(10_000), new MemoryBudget(10_000)];
  let nowMs = 0;
  const timers: { atMs: number; callback: () => void; cancelled: boolean }[] = [];
  /** Lets time pass. */
  const pass = (ms: number): void => {
    nowMs += ms;
    for (const timer of timers.splice(0).filter(({ cancelled }) => !cancelled)) if (timer.atMs <= nowMs) timer.callback(); else timers.push(timer);
  };
  const metrics = new BrokerMetrics();
  const host: ConnectionHost = {
    router: new Router([route(Metadata, (_body, context) => { requests.push(context); })]), requestMemory, responseMemory, strangersMemory: new MemoryBudget(10_000), frameBuffers: new FrameBuffers(), metrics,
    authenticator: null as never, strangersFrameBytesMax: 10_000, refusalDelayMs: 0,
    beginTurns: new BeginTurns(setImmediate), sendTurns: new SendTurns(setImmediate),
    frameBytesMax: 10_000, requestsPerConnectionMax: 2, monotonicMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, callback, cancelled: false };
      timers.push(timer);
      return { cancel() { timer.cancelled = true; } };
    },
    flushSoon: (connection) => connection.flush(), ended: () => calls.push('ended'), report: (line) => calls.push(line), fatal: (error) => { throw error; },
  };
  const connection = new ClientConnection(1, stream as unknown as Connection, { name: 'test', advertisedHost: 'host', advertisedPort: 1 }, host);
  const bytes = Buffer.concat(encodeRequest(Metadata, 9, { correlationId: 1, clientId: 'x' }, { topics: [] }));
  return { connection, requests, sent, calls, requestMemory, responseMemory, ask: () => data(new Uint8Array(bytes)), feed: (chunk: Uint8Array) => data(chunk), frameBytes: bytes.length - 4, ended: () => ended(), pass, timersLeft: () => timers.filter(({ cancelled }) => !cancelled).length };
}

test('who wants to know of the end is told once, unless he has gone before', async () => {
  const { connection, calls, ended } = scene();
  const told: string[] = [];
  connection.onClose(() => told.push('a'));
  const leave = connection.onClose(() => told.push('b'));
  connection.onClose(() => told.push('c'));
  leave();
  ended();
  ended();
  connection.destroy();
  assert.deepEqual([told, calls.filter((call) => call === 'ended').length], [['a', 'c'], 1]);
  connection.onClose(() => told.push('late'));
  assert.deepEqual(told, ['a', 'c']);
  await Promise.resolve();
  assert.deepEqual(told, ['a', 'c', 'late']);
});

test('at most two requests are under way; the socket is read again once one is answered, or needs no answer', () => {
  for (const answer of ['reply', 'nothing'] as const) {
    const { ask, requests, calls, sent } = scene();
    for (let i = 0; i < 4; i++) ask();
    assert.deepEqual([requests.length, calls], [2, ['pause']]);
    if (answer === 'reply') requests[0]!.reply({ brokers: [], topics: [] });
    else requests[0]!.replyNothing();
    for (const done of sent) done();
    assert.equal(requests.length, 3, `after ${answer}`);
  }
});

test('a request is held until it is answered, an answer until it is sent; at the end nothing is', () => {
  for (const end of ['answered', 'unanswered', 'unsent', 'half a frame'] as const) {
    const { ask, feed, requests, sent, requestMemory, responseMemory, frameBytes, ended, connection } = scene();
    ask();
    ask();
    assert.equal(requestMemory.usedBytes, 2 * frameBytes);
    if (end === 'half a frame') feed(Uint8Array.of(0, 0, 1, 0, 1));
    let released = 0;
    if (end !== 'unanswered') for (const request of requests) request.reply({ brokers: [], topics: [] }, () => { released++; });
    if (end === 'answered' || end === 'half a frame') for (const done of sent) done();
    if (end === 'half a frame') assert.equal(connection.partialSinceMs, 0);
    ended();
    if (end === 'unanswered') for (const request of requests) request.reply({ brokers: [], topics: [] }, () => { released++; });
    if (end === 'unsent') for (const done of sent) done();
    assert.deepEqual([requestMemory.usedBytes, responseMemory.usedBytes, released], [0, 0, 2], end);
  }
});

test('an answer whose turn has not come goes back with the connection', () => {
  const { ask, requests, responseMemory, requestMemory, ended } = scene();
  ask();
  ask();
  let released = 0;
  requests[1]!.reply({ brokers: [], topics: [] }, () => { released++; });
  assert.ok(responseMemory.usedBytes > 0);
  ended();
  assert.deepEqual([responseMemory.usedBytes, released], [0, 1]);
  requests[0]!.replyNothing();
  assert.equal(requestMemory.usedBytes, 0);
});

test('closing lets what is under way be answered, and begins nothing more', () => {
  const { connection, ask, requests, calls, sent } = scene();
  ask();
  connection.close();
  ask();
  assert.deepEqual([requests.length, calls], [1, ['pause']]);
  requests[0]!.reply({ brokers: [], topics: [] });
  assert.deepEqual([sent.length, calls], [1, ['pause', 'close']]);
});

test('a client over its quota is not read for as long as it must pause, and neither idle nor slow meanwhile', () => {
  const { connection, requests, calls, ask, pass } = scene();
  ask();
  assert.equal(requests.length, 1);
  connection.throttle(1000);
  requests[0]!.reply({ brokers: [] });
  assert.ok(calls.includes('pause'), 'its socket fills up');
  ask(); // what was on its way all the same
  assert.equal(requests.length, 1, 'nothing is begun');
  pass(999);
  connection.throttle(500);
  assert.equal(connection.lastActiveMs, 1499, 'a longer pause counts');
  pass(1);
  assert.equal(requests.length, 1);
  connection.throttle(100); // a shorter one does not
  pass(499);
  assert.equal(requests.length, 2, 'then what had come is begun');
  assert.equal(calls.at(-1), 'resume');
});

test('a pause ends with its connection', () => {
  const { connection, ended, timersLeft } = scene();
  connection.throttle(1000);
  ended();
  assert.equal(timersLeft(), 0);
  connection.throttle(1000);
  assert.equal(timersLeft(), 0, 'who is gone has no pause to make');
});
