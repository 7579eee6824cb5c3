// One connection against a scripted server on virtual time: order, deadlines, silence, nonsense.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadlineAfter } from '../../base/mod.ts';
import { connectionPair, type Connection } from '../../os/mod.ts';
import { FakeClock } from '../../testing/mod.ts';
import { ApiVersions, decodeRequestHeader, encodeResponse, Heartbeat, Metadata } from '../../wire/mod.ts';
import { parseTarget, printAddress } from './address.ts';
import { BrokerConnection } from './connection.ts';
import { FrameReader } from './frames.ts';
import { chooseVersion } from './versions.ts';

interface Request { readonly apiKey: number; readonly apiVersion: number; readonly correlationId: number }

/** A connection and a server of which the test writes every answer. */
function scripted() {
  const clock = new FakeClock();
  const [near, far] = connectionPair(clock, 'client:1', 'server:9092');
  const requests: Request[] = [];
  const frames = new FrameReader((frame) => requests.push(decodeRequestHeader(frame)));
  let closed = false;
  far.onData((chunk) => frames.push(chunk));
  far.onClose(() => { closed = true; });
  const connection = new BrokerConnection(near, 'server:9092', clock, { clientId: 't', requestTimeoutMs: 1_000 });
  return { clock, time: clock.time, far, requests, connection, isClosed: () => closed };
}

const speaking = { errorCode: 0, apiKeys: [{ apiKey: 3, minVersion: 0, maxVersion: 9 }, { apiKey: 12, minVersion: 0, maxVersion: 4 }, { apiKey: 18, minVersion: 0, maxVersion: 3 }] };

async function shaken() {
  const scene = scripted();
  const { connection, clock, time, far, requests } = scene;
  const done = connection.handshake(deadlineAfter(clock, 500));
  await time.advance(1);
  answer(far, encodeResponse(ApiVersions, 3, requests.shift()!.correlationId, speaking));
  await time.settle(done);
  const beat = (ms: number) => connection.call(Heartbeat, { groupId: 'g' }, { deadline: deadlineAfter(clock, ms) });
  const reply = (errorCode: number) => answer(far, encodeResponse(Heartbeat, 4, requests.shift()!.correlationId, { errorCode }));
  return { ...scene, beat, reply };
}

function answer(far: Connection, parts: Uint8Array[]): void { far.write(parts); }

test('an old server answers the handshake in version 0, and is asked again', async () => {
  const { connection, clock, time, far, requests } = scripted();
  const done = connection.handshake(deadlineAfter(clock, 500));
  await time.advance(1);
  assert.equal(requests[0]!.apiVersion, 3);
  answer(far, encodeResponse(ApiVersions, 0, requests.shift()!.correlationId, { errorCode: 35, apiKeys: [] }));
  await time.advance(1);
  assert.equal(requests[0]!.apiVersion, 0);
  answer(far, encodeResponse(ApiVersions, 0, requests.shift()!.correlationId, speaking));
  await time.settle(done);
  assert.equal(connection.versionOf(Metadata), 9);
});

test('requests go out back to back and each gets its own answer', async () => {
  const { time, requests, beat, reply } = await shaken();
  const calls = [beat(500), beat(500), beat(500)];
  await time.advance(1);
  assert.equal(requests.length, 3);
  for (const code of [27, 0, 25]) reply(code);
  assert.deepEqual((await time.settle(Promise.all(calls))).map((one) => one.errorCode), [27, 0, 25]);
});

test('a deadline ends the call, not the connection; the late answer is passed over', async () => {
  const { time, connection, beat, reply } = await shaken();
  const early = assert.rejects(beat(100), { code: 'timeout' });
  const later = beat(900);
  await time.advance(150);
  await early;
  reply(1);
  reply(2);
  assert.equal((await time.settle(later)).errorCode, 2);
  assert.ok(connection.isOpen);
});

test('a server that owes an answer for too long counts as gone: everything in flight fails and the connection ends', async () => {
  const { time, connection, beat, isClosed } = await shaken();
  const calls = [beat(5_000), beat(5_000)].map((call) => assert.rejects(call, { code: 'timeout', retry: true }));
  await time.advance(1_100);
  await Promise.all(calls);
  assert.ok(!connection.isOpen);
  await time.advance(10);
  assert.ok(isClosed());
  await assert.rejects(beat(100), (error: { code: string; data: { sent: boolean } }) => error.code === 'disconnected' && error.data.sent === false);
});

test('a long poll has the patience that it asked for', async () => {
  const { time, connection, clock, far, requests } = await shaken();
  const call = connection.call(Heartbeat, {}, { deadline: deadlineAfter(clock, 60_000), serverWaitMs: 30_000 });
  await time.advance(29_000);
  answer(far, encodeResponse(Heartbeat, 4, requests.shift()!.correlationId, { errorCode: 5 }));
  assert.equal((await time.settle(call)).errorCode, 5);
});

test('an answer to another request, an answer to none, and nonsense each end the connection with a clear error', async () => {
  for (const [parts, pattern] of [
    [encodeResponse(Heartbeat, 4, 999, {}), /answer 999 came where \d+ was due/],
    [[new Uint8Array([0, 0, 0, 2, 1, 1])], /not a server of this protocol/],
    [[new Uint8Array([72, 84, 84, 80, 47, 49])], /not a server of this protocol/], // 'HTTP/1'
  ] as const) {
    const { time, connection, far, beat } = await shaken();
    const call = assert.rejects(beat(500), pattern);
    await time.advance(1);
    answer(far, [...parts]);
    await time.advance(5);
    await call;
    assert.ok(!connection.isOpen);
  }
});

test('a lost connection fails what is in flight and is told once', async () => {
  const { time, connection, far, beat } = await shaken();
  let told = 0;
  connection.onClose(() => { told++; });
  const call = assert.rejects(beat(500), { code: 'disconnected' });
  await time.advance(1);
  far.destroy();
  await time.advance(5);
  await call;
  assert.equal(told, 1);
});

test('frames are put together however they are cut', () => {
  const stream = Buffer.concat([Buffer.from([0, 0, 0, 5]), Buffer.from('abcde'), Buffer.from([0, 0, 0, 4]), Buffer.from('1234'), Buffer.from([0, 0, 0, 6]), Buffer.from('zzzzzz')]);
  for (let size = 1; size <= stream.length; size++) {
    const frames: string[] = [];
    const reader = new FrameReader((frame) => frames.push(Buffer.from(frame).toString()));
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
    assert.deepEqual(frames, ['abcde', '1234', 'zzzzzz'], `cut every ${size} bytes`);
  }
});

test('the highest common version is used, and the refusal names both ranges', () => {
  const server = new Map([[3, { min: 0, max: 5 }], [12, { min: 7, max: 8 }]]);
  assert.equal(chooseVersion(Metadata, server, 'b:1'), 5);
  assert.equal(chooseVersion(Metadata, server, 'b:1', 2), 2);
  assert.throws(() => chooseVersion(Heartbeat, server, 'b:1'), /it speaks 7 to 8, this client 0 to 4/);
  assert.throws(() => chooseVersion(ApiVersions, server, 'b:1'), /does not know it at all/);
});

test('addresses', () => {
  assert.deepEqual(parseTarget('kafka://a:1,b, [::1]:3').addresses.map(printAddress), ['a:1', 'b:9092', '[::1]:3']);
  assert.deepEqual(parseTarget(['millrace://h/', 'i:2']).addresses.map(printAddress), ['h:9092', 'i:2']);
  for (const wrong of ['', 'a:0', 'a:99999', 'http://a:1', 'a b']) assert.throws(() => parseTarget(wrong), { code: 'invalid-argument' }, wrong);
});
