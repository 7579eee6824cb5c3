// No byte sequence before authentication reaches a handler: seeded noise, every request that can be encoded, and the messages of a login that were cut,
// flipped, reordered, said twice or said again by somebody who listened.
// A failure prints its seed; the same seed does the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../../os/mod.ts';
import { nodeClock } from '../../os/mod.ts';
import { arbitraryValue, between, chanceFrom, oneOf, type Chance } from '../../wire/arbitrary.ts';
import {
  ApiVersions, apis, authMessage, clientFinal, clientFinalWithoutProof, clientFirst, clientProof, credentialOf, decodeResponse, encodeRequest, plainMessage, readServerFirst, SaslAuthenticate,
  SaslHandshake, saltedPassword, type ScramMechanism,
} from '../../wire/mod.ts';
import { BeginTurns } from '../connection/begin-turns.ts';
import { ClientConnection, type ConnectionHost } from '../connection/client-connection.ts';
import { FrameBuffers } from '../connection/frame-buffers.ts';
import { MemoryBudget } from '../connection/memory-budget.ts';
import { SendTurns } from '../connection/send-turns.ts';
import { route, Router } from '../handlers.ts';
import { BrokerMetrics } from '../metrics/broker-metrics.ts';
import { Authenticator } from './authentication.ts';
import { securityOf } from './options.ts';

const seed = 20261128;
const password = 'pencil';
const salt = new Uint8Array(16).fill(7);
const salted = (mechanism: ScramMechanism) => saltedPassword(mechanism, password, salt, 4096);
const credentials = { 'SCRAM-SHA-256': credentialOf('SCRAM-SHA-256', salted('SCRAM-SHA-256'), salt, 4096), 'SCRAM-SHA-512': credentialOf('SCRAM-SHA-512', salted('SCRAM-SHA-512'), salt, 4096) };

/** A listener of which every handler says when it is reached, and clients as streams of bytes. */
function scene(chance: Chance) {
  const reached: string[] = [];
  const fatal: unknown[] = [];
  const router = new Router(apis.map((api) => route(api, (_body, context) => {
    reached.push(`${api.name} ${context.connection.principal}`);
    if (api.key === ApiVersions.key) context.reply({ errorCode: 0, apiKeys: [] });
    else context.replyNothing();
  })));
  const authenticator = new Authenticator({
    clock: nodeClock(), random: { uint32: () => Math.floor(chance() * 2 ** 32), fraction: chance, bytes: (count) => Uint8Array.from({ length: count }, () => between(chance, 0, 255)) },
    users: { find: (mechanism, user) => (user === 'alice' ? credentials[mechanism] : undefined), decoy: (mechanism) => credentials[mechanism] },
  });
  const [requestMemory, strangersMemory] = [new MemoryBudget(1 << 20), new MemoryBudget(1 << 20)];
  const delayed = new Set<() => void>();
  let nowMs = 0;
  const host: ConnectionHost = {
    router, metrics: new BrokerMetrics(), requestMemory, responseMemory: new MemoryBudget(1 << 20), strangersMemory, authenticator, strangersFrameBytesMax: 4096, frameBytesMax: 1 << 20, refusalDelayMs: 100,
    frameBuffers: new FrameBuffers(), beginTurns: new BeginTurns(setImmediate), sendTurns: new SendTurns(setImmediate), requestsPerConnectionMax: 8,
    monotonicMs: () => nowMs, after: (_ms, callback) => { delayed.add(callback); return { cancel: () => { delayed.delete(callback); } }; },
    flushSoon: (connection) => connection.flush(), ended: () => {}, report: () => {}, fatal: (error) => { fatal.push(error); },
  };
  const security = securityOf('S', { sasl: { plain: { bob: 'builder' } } });
  const dial = () => {
    let data: (chunk: Uint8Array) => void = () => {};
    let closed: (error: Error | null) => void = () => {};
    const sent: Uint8Array[] = [];
    const stream = {
      remote: 'host:1', peerCertificate: null, onData: (handler: typeof data) => { data = handler; }, onClose: (handler: typeof closed) => { closed = handler; },
      write: (parts: readonly Uint8Array[], done?: (error: null) => void) => { sent.push(new Uint8Array(Buffer.concat(parts))); done?.(null); }, pause() {}, resume() {}, close: () => closed(null), destroy: () => closed(null),
    };
    const connection = new ClientConnection(1, stream as unknown as Connection, { name: 'S', advertisedHost: 'h', advertisedPort: 1, security }, host);
    return { connection, sent, say: (bytes: Uint8Array) => { if (!connection.closed) data(bytes.slice()); }, end: () => closed(null) };
  };
  return { reached, fatal, dial, requestMemory, strangersMemory, pass: (ms: number) => { nowMs += ms; for (const callback of delayed) { delayed.delete(callback); callback(); } } };
}

type Scene = ReturnType<typeof scene>;
type Client = ReturnType<Scene['dial']>;
const whole = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const handshake = (mechanism: string, version = 1): Uint8Array => whole(encodeRequest(SaslHandshake, version, { correlationId: 1, clientId: 'f' }, { mechanism }));
const authenticate = (authBytes: Uint8Array): Uint8Array => whole(encodeRequest(SaslAuthenticate, 2, { correlationId: 2, clientId: 'f' }, { authBytes }));
const strangers = (reached: readonly string[]): string[] => reached.filter((one) => one !== 'ApiVersions User:ANONYMOUS');

/** The messages of a good login; the last one depends on what the server said to the one before. */
function login(client: Client, mechanism: ScramMechanism = 'SCRAM-SHA-256', nonce = 'abc'): Uint8Array[] {
  const first = clientFirst('alice', nonce);
  const messages = [handshake(mechanism), authenticate(first.bytes)];
  for (const message of messages) client.say(message);
  const challenge = decodeResponse(SaslAuthenticate, 2, client.sent.at(-1)!.subarray(4)).body.authBytes;
  const server = readServerFirst(challenge);
  const withoutProof = clientFinalWithoutProof('n,,', server.nonce);
  const message = authMessage(first.bare, new TextDecoder().decode(challenge), withoutProof);
  return [...messages, authenticate(clientFinal(withoutProof, clientProof(mechanism, salted(mechanism), message)))];
}

const anyRequest = (chance: Chance): Uint8Array => {
  const api = oneOf(chance, apis);
  const version = between(chance, api.versions.min, api.versions.max);
  return whole(encodeRequest(api, version, { correlationId: 3, clientId: 'f' }, arbitraryValue(api.request, version, chance) as object));
};

test('a login is a login: after it, and not before, a request reaches its handler', () => {
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] satisfies ScramMechanism[]) {
    const { dial, reached, strangersMemory, requestMemory } = scene(chanceFrom(1));
    const client = dial();
    const [, , final] = login(client, mechanism);
    assert.deepEqual(reached, []);
    client.say(final!);
    client.say(anyRequest(chanceFrom(5)));
    assert.equal(reached.length, 1);
    assert.match(reached[0]!, / User:alice$/);
    client.end();
    assert.deepEqual([strangersMemory.usedBytes, requestMemory.usedBytes], [0, 0]);
  }
});

test(`noise, and every request there is, in any order and any pieces (seed ${seed})`, () => {
  const chance = chanceFrom(seed);
  const { dial, reached, fatal, pass, strangersMemory, requestMemory } = scene(chance);
  let said = 0;
  for (let round = 0; round < 3000; round++) {
    const client = dial();
    for (let i = between(chance, 1, 4); i > 0; i--) {
      const kind = chance();
      const bytes = kind < 0.3 ? Uint8Array.from({ length: between(chance, 0, 80) }, () => between(chance, 0, 255))
        : kind < 0.4 ? handshake(oneOf(chance, ['SCRAM-SHA-256', 'PLAIN', 'OAUTHBEARER', '']), between(chance, 0, 1))
          : kind < 0.5 ? authenticate(plainMessage(oneOf(chance, ['bob', 'alice']), 'wrong'))
            : anyRequest(chance);
      for (let at = 0; at < bytes.byteLength;) {
        const size = between(chance, 1, bytes.byteLength);
        client.say(bytes.subarray(at, at + size));
        at += size;
      }
      said++;
    }
    if (chance() < 0.3) pass(100);
    client.end();
  }
  pass(100);
  assert.ok(said > 5000);
  assert.deepEqual(strangers(reached), []);
  assert.deepEqual(fatal, [], 'nothing stops the node');
  assert.deepEqual([strangersMemory.usedBytes, requestMemory.usedBytes], [0, 0], 'and nothing is left held');
});

test(`a login that was cut, flipped, reordered or said twice lets nobody in (seed ${seed})`, () => {
  const chance = chanceFrom(seed);
  let flippedProofs = 0;
  for (let round = 0; round < 800; round++) {
    const { dial, reached, pass } = scene(chance);
    const client = dial();
    const messages = login(client, oneOf(chance, ['SCRAM-SHA-256', 'SCRAM-SHA-512']));
    const last = messages[2]!;
    const kind = between(chance, 0, 4);
    if (kind === 0) { // one bit of the proof or of what it stands in is another; padding bits of base64 say nothing, so its last characters are left
      const changed = last.slice();
      changed[between(chance, 25, changed.byteLength - 5)]! ^= 1 << between(chance, 0, 6);
      flippedProofs++;
      client.say(changed);
    } else if (kind === 1) client.say(last.subarray(0, between(chance, 1, last.byteLength - 1)));
    else if (kind === 2) { client.say(messages[1]!); client.say(last); } // the first once more
    else if (kind === 3) { const other = dial(); other.say(messages[0]!); other.say(last); other.say(anyRequest(chance)); } // without the first
    else { const other = dial(); for (const message of messages) other.say(message); other.say(anyRequest(chance)); } // said again by somebody who listened
    client.say(anyRequest(chance));
    pass(100);
    client.say(anyRequest(chance));
    assert.deepEqual(strangers(reached), [], `round ${round}, kind ${kind}`);
  }
  assert.ok(flippedProofs > 100);
});

test('lengths that cannot be are the end, and cost nothing', () => {
  for (const size of [[0x7f, 0xff, 0xff, 0xff], [0x80, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0, 0, 0x10, 1]]) { // the last is one past the limit
    const { dial, strangersMemory } = scene(chanceFrom(1));
    const client = dial();
    client.say(Uint8Array.from(size));
    assert.ok(client.connection.closed, size.join());
    assert.equal(strangersMemory.usedBytes, 0);
  }
  const { dial, strangersMemory } = scene(chanceFrom(1));
  const waiting = Array.from({ length: 40 }, dial);
  for (const client of waiting) client.say(Uint8Array.of(0, 0, 0x10, 0)); // announced, never sent
  assert.ok(strangersMemory.usedBytes <= strangersMemory.bytesMax, 'many who announce a frame wait for each other');
});

test('what follows a refusal is not read; the refusal comes after its delay', () => {
  const { dial, reached, pass } = scene(chanceFrom(1));
  const client = dial();
  client.say(handshake('PLAIN'));
  client.say(authenticate(plainMessage('bob', 'wrong')));
  const answers = client.sent.length;
  client.say(authenticate(plainMessage('bob', 'builder')));
  assert.equal(client.sent.length, answers, 'nothing yet');
  pass(100);
  assert.equal(client.sent.length, answers + 1);
  const { errorCode, errorMessage } = decodeResponse(SaslAuthenticate, 2, client.sent.at(-1)!.subarray(4)).body;
  assert.deepEqual([errorCode, errorMessage], [58, 'Authentication failed: Invalid username or password']);
  assert.ok(client.connection.closed);
  assert.deepEqual(reached, []);
});
