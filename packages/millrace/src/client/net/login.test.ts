// Who a client is, on its side: logins that are renewed while others wait, servers that do not know the password, and addresses that say it all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadlineAfter, isMillraceError, MillraceError } from '../../base/mod.ts';
import { connectionPair } from '../../os/mod.ts';
import { FakeClock } from '../../testing/mod.ts';
import {
  ApiVersions, apiByKey, bearerRefusal, decodeRequest, decodeRequestHeader, encodeResponse, Heartbeat, readClientFirst, SaslAuthenticate, SaslHandshake, serverFirst, serverFinal,
} from '../../wire/mod.ts';
import { parseTarget } from './address.ts';
import { BrokerConnection } from './connection.ts';
import { FrameReader } from './frames.ts';
import { login, OtherMechanism } from './sasl.ts';
import { type ClientSasl, connectionSecurity } from './security.ts';

interface Seen { readonly name: string; readonly body: any; answer(init: object): void }

/** A connection, and all requests that its server has seen, to be answered by the test. */
async function scene() {
  const clock = new FakeClock();
  const [near, far] = connectionPair(clock, 'client:1', 'server:9092');
  const seen: Seen[] = [];
  const frames = new FrameReader((frame) => {
    const { apiKey, apiVersion, correlationId, bodyAt } = decodeRequestHeader(frame);
    const api = apiByKey(apiKey)!;
    seen.push({ name: api.name, body: decodeRequest(api, apiVersion, frame, bodyAt), answer: (init) => { far.write(encodeResponse(api, apiVersion, correlationId, init)); } });
  });
  far.onData((chunk) => frames.push(chunk.slice()));
  const connection = new BrokerConnection(near, 'server:9092', clock, { clientId: 't', requestTimeoutMs: 60_000 });
  const { time } = clock;
  const next = async (): Promise<Seen> => { await time.advance(1); return seen.shift()!; };
  const shaken = connection.handshake(deadlineAfter(clock, 500));
  (await next()).answer({ errorCode: 0, apiKeys: [Heartbeat, SaslHandshake, SaslAuthenticate, ApiVersions].map((api) => ({ apiKey: api.key, minVersion: api.versions.min, maxVersion: api.versions.max })) });
  await time.settle(shaken);
  const context = (known: null | 'SCRAM-SHA-256' = null, isPrivate = true) => ({ connection, deadline: deadlineAfter(clock, 5_000), random: (count: number) => new Uint8Array(count).fill(1), isPrivate, known });
  return { clock, time, connection, seen, next, context };
}

const alice: ClientSasl = { username: 'alice', password: 'open-sesame' };

test('while a login is renewed, requests wait, in order; those whose time is over meanwhile are never sent', async () => {
  const { clock, time, connection, seen, next } = await scene();
  let logins = 0;
  const renew = async (over: BrokerConnection, deadline: number): Promise<number> => {
    logins++;
    if (logins > 1) await over.call(SaslHandshake, { mechanism: 'PLAIN' }, { deadline: deadline as never, ahead: true });
    return 10_000;
  };
  await time.settle(connection.authenticate(renew, deadlineAfter(clock, 1_000), { timeoutMs: 5_000, fraction: () => 0 }));
  await time.advance(8_400);
  const before = connection.call(Heartbeat, { groupId: 'before' }, { deadline: deadlineAfter(clock, 5_000) });
  await time.advance(150); // past 85 % of the session
  assert.deepEqual(seen.map(({ name }) => name), ['Heartbeat', 'SaslHandshake']);
  const waiting = ['one', 'two'].map((groupId) => connection.call(Heartbeat, { groupId }, { deadline: deadlineAfter(clock, 20_000) }));
  const hasty = assert.rejects(connection.call(Heartbeat, { groupId: 'hasty' }, { deadline: deadlineAfter(clock, 500) }), (error) => isMillraceError(error, 'timeout') && error.data['sent'] === false);
  assert.equal(connection.inFlightCount, 5);
  await time.advance(1_000);
  await hasty;
  assert.equal(seen.length, 2, 'nothing came in between');
  seen.shift()!.answer({ errorCode: 0 });
  seen.shift()!.answer({ errorCode: 0, mechanisms: [] });
  await time.settle(before);
  const sent = [await next(), seen.shift()!];
  assert.deepEqual(sent.map(({ body }) => body.groupId), ['one', 'two']);
  for (const one of sent) one.answer({ errorCode: 0 });
  await time.settle(Promise.all(waiting));
  await time.advance(8_600);
  assert.equal(logins, 3, 'and so on');
  connection.close();
});

test('a login that cannot be renewed ends the connection, and who waited is told why', async () => {
  const { clock, time, connection } = await scene();
  let logins = 0;
  const renew = async (): Promise<number> => { if (++logins > 1) throw new MillraceError('authentication-failed', 'Cannot log in: no'); return 1_000; };
  await time.settle(connection.authenticate(renew, deadlineAfter(clock, 1_000), { timeoutMs: 5_000, fraction: () => 0 }));
  let told = 0;
  connection.onClose(() => { told++; });
  await time.advance(900);
  assert.deepEqual([connection.isOpen, told], [false, 1]);
  await assert.rejects(connection.call(Heartbeat, {}, { deadline: deadlineAfter(clock, 100) }), { code: 'disconnected' });
});

test('a server of SCRAM that does not know the password is not believed, nor one whose part is not of the form', async () => {
  const salt = new Uint8Array(16);
  const answers: readonly ((nonce: string) => string)[] = [
    () => serverFirst('of-somebody-else', salt, 4096), (nonce) => serverFirst(nonce, salt, 4096), (nonce) => serverFirst(`${nonce}x`, salt, 1), (nonce) => serverFirst(`${nonce}x`, salt, 999_999_999),
    () => 'nonsense', (nonce) => serverFirst(`${nonce}x`, salt, 4096),
  ];
  for (const [i, answer] of answers.entries()) {
    const { time, next, context, connection } = await scene();
    const done = assert.rejects(login({ ...alice, mechanism: 'SCRAM-SHA-256' } as ClientSasl, context()), (error) => isMillraceError(error, 'authentication-failed') && /its part of SCRAM is wrong/.test(error.message) && !error.message.includes('sesame'), `answer ${i}`);
    (await next()).answer({ errorCode: 0, mechanisms: ['SCRAM-SHA-256'] });
    const first = await next();
    first.answer({ errorCode: 0, authBytes: new TextEncoder().encode(answer(readClientFirst(first.body.authBytes).nonce)) });
    if (i === answers.length - 1) (await next()).answer({ errorCode: 0, authBytes: serverFinal(new Uint8Array(32)) });
    await time.settle(done);
    connection.close();
  }
});

test('the strongest mechanism of the server is taken; a password goes out readable only where nobody listens, or by word', async () => {
  const asks = async (sasl: ClientSasl, offered: string[], isPrivate: boolean): Promise<string> => {
    const { time, next, context, connection } = await scene();
    const outcome = login(sasl, context(null, isPrivate)).then(() => 'in', (error: Error) => (error instanceof OtherMechanism ? error.mechanism : error.message));
    const asked = await next();
    asked.answer(offered.includes(asked.body.mechanism) ? { errorCode: 0, mechanisms: offered } : { errorCode: 33, mechanisms: offered });
    const following = await next();
    following?.answer({ errorCode: 58, errorMessage: 'no' });
    const text = await time.settle(outcome);
    connection.close();
    return text;
  };
  assert.equal(await asks(alice, ['PLAIN', 'SCRAM-SHA-256'], false), 'SCRAM-SHA-256');
  assert.equal(await asks(alice, ['PLAIN'], true), 'PLAIN');
  assert.match(await asks(alice, ['PLAIN'], false), /the password would be readable on the way; use TLS, or say mechanism 'PLAIN'/);
  assert.match(await asks({ ...alice, mechanism: 'PLAIN' } as ClientSasl, ['PLAIN'], false), /did not accept the user or the password.*it said: no/, 'by word');
  assert.match(await asks({ ...alice, mechanism: 'SCRAM-SHA-512' } as ClientSasl, ['GSSAPI'], true), /does not take SCRAM-SHA-512, only GSSAPI/);
});

test('a refused token is acknowledged, and its JSON told; one that cannot be had may be had later', async () => {
  const { time, next, context, connection } = await scene();
  const done = assert.rejects(login({ mechanism: 'OAUTHBEARER', token: () => 'a.b.c' }, context()), (error) => isMillraceError(error, 'authentication-failed') && !error.message.includes('a.b.c'));
  (await next()).answer({ errorCode: 0, mechanisms: ['OAUTHBEARER'] });
  (await next()).answer({ errorCode: 0, authBytes: bearerRefusal('invalid_token') });
  const last = await next();
  assert.deepEqual([...last.body.authBytes], [1]);
  last.answer({ errorCode: 58, errorMessage: '{"status":"invalid_token"}' });
  await time.settle(done);
  const later = login({ mechanism: 'OAUTHBEARER', token: () => { throw new Error('the provider is away'); } }, context());
  const failed = assert.rejects(later, (error) => isMillraceError(error, 'unavailable') && error.retry && /the provider is away/.test(error.message));
  (await next()).answer({ errorCode: 0, mechanisms: ['OAUTHBEARER'] });
  await time.settle(failed);
  connection.close();
});

test('URLs with TLS, user and password; what is wrong with one is told without the password', () => {
  assert.deepEqual(parseTarget('kafkas://al%40ice:pa%3Ass%2Cword@a:1,b?mechanism=plain'), {
    addresses: [{ host: 'a', port: 1 }, { host: 'b', port: 9092 }], tls: true, sasl: { username: 'al@ice', password: 'pa:ss,word', mechanism: 'PLAIN' },
  });
  assert.deepEqual(parseTarget('millrace://u:p@[::1]:5?mechanism=scram-sha-256').sasl, { username: 'u', password: 'p', mechanism: 'SCRAM-SHA-256' });
  assert.deepEqual(parseTarget(['a', 'kafkas://b']).tls, true);
  for (const wrong of ['kafkas://alice@a', 'kafkas://alice:sesame@a:0', 'alice:sesame@a:1', 'kafkas://alice:sesame@a?mechanism=oauthbearer', 'kafkas://alice:sesame%@a', 'kafkas://alice:sesame@a,kafkas://bob:sesame2@b', 'kafkas://alice:sesame@a b']) {
    assert.throws(() => parseTarget(wrong), (error: Error) => isMillraceError(error, 'invalid-argument') && !JSON.stringify([error.message, error.data]).includes('sesame'), wrong);
  }
  const fromUrl = { tls: false, sasl: null };
  for (const sasl of [{ username: '', password: 'x' }, { username: 'x', password: '' }, { mechanism: 'GSSAPI', username: 'x', password: 'y' }, { mechanism: 'OAUTHBEARER' }, { username: 'a\0', password: 'x' }]) {
    assert.throws(() => connectionSecurity(undefined, sasl as never, fromUrl), { code: 'invalid-argument' });
  }
  assert.deepEqual(connectionSecurity(undefined, undefined, { tls: true, sasl: null }), { tls: {}, sasl: null });
  assert.deepEqual(connectionSecurity(false, undefined, { tls: true, sasl: null }).tls, null, 'an option goes before');
});
