// Who gets in and who does not, request by request: the order of the talk, both forms of tokens, sessions, limits, and the credentials behind it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AlterUserScramCredentials, ApiVersions, authMessage, clientFinal, clientFinalWithoutProof, clientFirst, clientProof, CreateTopics, DescribeConfigs, DescribeUserScramCredentials, IncrementalAlterConfigs, Metadata,
  plainMessage, readServerFinal, readServerFirst, SaslAuthenticate, SaslHandshake, saltedPassword, scramMechanismNumbers, type ScramMechanism,
} from '../../wire/mod.ts';
import { brokerUnderTest, TestClient, type BrokerUnderTest } from '../fixture.ts';
import type { SaslOptions } from './options.ts';

const salt = new Uint8Array(12).fill(3);
const plain = { bob: 'builder-secret', eve: 'apple' };

/** A listener with SASL beside the plain one, and a way to dial it. */
async function guarded(node: BrokerUnderTest, sasl: SaslOptions = { plain, mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN'] }) {
  const { port } = await node.broker.listen({ host: '127.0.0.1', port: 0, name: 'GUARDED', sasl });
  return async () => new TestClient(await node.machine.net.connect({ host: '127.0.0.1', port, timeoutMs: 1000 }));
}

const upsertion = (name: string, mechanism: ScramMechanism, password: string, iterations = 4096) =>
  ({ name, mechanism: scramMechanismNumbers[mechanism], iterations, salt, saltedPassword: saltedPassword(mechanism, password, salt, iterations) });

async function scramLogin(client: TestClient, user: string, password: string, mechanism: ScramMechanism = 'SCRAM-SHA-256', said = { header: 'n,,', nonceEnd: '' }) {
  const first = clientFirst(user, 'nonce-of-client');
  const challenge = (await client.ask(SaslAuthenticate, 2, { authBytes: first.bytes })).authBytes;
  const server = readServerFirst(challenge);
  const salted = saltedPassword(mechanism, password, server.salt, server.iterations);
  const withoutProof = clientFinalWithoutProof(said.header, server.nonce + said.nonceEnd);
  const message = authMessage(first.bare, new TextDecoder().decode(challenge), withoutProof);
  return { server, answer: await client.ask(SaslAuthenticate, 2, { authBytes: clientFinal(withoutProof, clientProof(mechanism, salted, message)) }) };
}

async function plainLogin(client: TestClient, user = 'bob', password = plain.bob) {
  await client.ask(SaslHandshake, 1, { mechanism: 'PLAIN' });
  return client.ask(SaslAuthenticate, 1, { authBytes: plainMessage(user, password) });
}

const isEnded = async (client: TestClient): Promise<boolean> => (await client.frame()) === null;

test('the talk: versions, handshake, tokens; then requests are answered, and have a principal', async () => {
  await using node = await brokerUnderTest();
  const dial = await guarded(node);
  const admin = await node.dial();
  await admin.ask(AlterUserScramCredentials, 0, { upsertions: [upsertion('alice', 'SCRAM-SHA-256', 'one')] });
  const client = await dial();
  assert.equal((await client.ask(ApiVersions, 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })).errorCode, 0);
  assert.deepEqual(await client.ask(SaslHandshake, 1, { mechanism: 'SCRAM-SHA-256' }), { errorCode: 0, mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN'] });
  const { answer } = await scramLogin(client, 'alice', 'one');
  assert.deepEqual([answer.errorCode, answer.errorMessage, answer.sessionLifetimeMs], [0, '', 0]);
  assert.equal(readServerFinal(answer.authBytes).error, null);
  assert.equal((await client.ask(Metadata, 12, { topics: [] })).brokers.length, 1);
  assert.equal((await client.ask(SaslAuthenticate, 2, { authBytes: new Uint8Array() })).errorCode, 34, 'out of place now');
  assert.equal((await admin.ask(SaslHandshake, 1, { mechanism: 'PLAIN' })).errorCode, 34, 'out of place where nobody is asked');
});

test('tokens without a header, as clients of the first version of the handshake send them', async () => {
  await using node = await brokerUnderTest();
  const dial = await guarded(node);
  const raw = (bytes: Uint8Array): Uint8Array => { const size = Buffer.alloc(4); size.writeUInt32BE(bytes.byteLength); return new Uint8Array(Buffer.concat([size, bytes])); };
  const client = await dial();
  await client.ask(SaslHandshake, 0, { mechanism: 'PLAIN' });
  client.sendBytes(raw(plainMessage('bob', plain.bob)));
  assert.equal((await client.frame())!.byteLength, 0);
  assert.equal((await client.ask(Metadata, 1, { topics: [] })).brokers.length, 1);
  const wrong = await dial();
  await wrong.ask(SaslHandshake, 0, { mechanism: 'PLAIN' });
  wrong.sendBytes(raw(plainMessage('bob', 'guess')));
  assert.ok(await isEnded(wrong), 'there are no words for it');
});

test('every other first request is the end', async () => {
  await using node = await brokerUnderTest();
  const dial = await guarded(node);
  for (const send of [
    (client: TestClient) => client.send(Metadata, 12, { topics: null }), (client: TestClient) => client.send(CreateTopics, 7, { topics: [{ name: 'x', numPartitions: 1, replicationFactor: 1 }] }),
    (client: TestClient) => client.send(SaslAuthenticate, 2, { authBytes: plainMessage('bob', plain.bob) }), (client: TestClient) => client.sendBytes(Uint8Array.of(0, 0, 0, 2, 0, 1)),
    (client: TestClient) => client.sendBytes(Uint8Array.of(0, 9, 0, 0)), // more than a stranger may send
  ]) {
    const client = await dial();
    send(client);
    assert.ok(await isEnded(client));
  }
  assert.equal(node.broker.services.topics.byName('x'), undefined);
  const greedy = await dial(); // ApiVersions again and again
  for (let i = 0; i < 4; i++) assert.equal((await greedy.ask(ApiVersions, 0, {})).errorCode, 0);
  greedy.send(ApiVersions, 0, {});
  assert.ok(await isEnded(greedy));
});

test('what is wrong is told in the words of Kafka, late, and is the end; who is unknown is not told from who has another password', async () => {
  await using node = await brokerUnderTest({ config: { 'connection.failed.authentication.delay.ms': '20' } });
  const dial = await guarded(node);
  await (await node.dial()).ask(AlterUserScramCredentials, 0, { upsertions: [upsertion('alice', 'SCRAM-SHA-256', 'one')] });
  const words = 'Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256';
  const salts: string[] = [];
  for (const user of ['alice', 'nobody', 'nobody']) {
    const client = await dial();
    await client.ask(SaslHandshake, 1, { mechanism: 'SCRAM-SHA-256' });
    const { answer, server } = await scramLogin(client, user, 'guess');
    assert.deepEqual([answer.errorCode, answer.errorMessage], [58, words], user);
    salts.push(Buffer.from(server.salt).toString('hex'));
    assert.ok(await isEnded(client));
  }
  assert.equal(salts[1], salts[2], 'a user that there is not has the same salt each time');
  for (const [user, password, message] of [
    ['bob', 'guess', 'Authentication failed: Invalid username or password'], ['zoe', 'guess', 'Authentication failed: Invalid username or password'], ['bob', 'apple', 'Authentication failed: Invalid username or password'],
    ['', 'x', 'Authentication failed during authentication due to invalid credentials with SASL mechanism PLAIN'], ['bob', '', 'Authentication failed during authentication due to invalid credentials with SASL mechanism PLAIN'],
  ] as const) {
    const client = await dial();
    const answer = await plainLogin(client, user, password);
    assert.deepEqual([answer.errorCode, answer.errorMessage], [58, message], `${user}/${password}`);
    assert.ok(await isEnded(client));
  }
  for (const said of [{ header: 'n,,', nonceEnd: 'x' }, { header: 'y,,', nonceEnd: '' }, { header: 'p=tls-unique,,', nonceEnd: '' }]) {
    const client = await dial();
    await client.ask(SaslHandshake, 1, { mechanism: 'SCRAM-SHA-256' });
    assert.equal((await scramLogin(client, 'alice', 'one', 'SCRAM-SHA-256', said)).answer.errorMessage, words, `with the right password, ${said.header} ${said.nonceEnd}`);
  }
  const other = await dial();
  assert.deepEqual(await other.ask(SaslHandshake, 1, { mechanism: 'GSSAPI' }), { errorCode: 33, mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN'] });
  assert.ok(await isEnded(other));
  const actingAs = await dial();
  await actingAs.ask(SaslHandshake, 1, { mechanism: 'PLAIN' });
  const answer = await actingAs.ask(SaslAuthenticate, 1, { authBytes: new TextEncoder().encode(`eve\0bob\0${plain.bob}`) });
  assert.equal(answer.errorMessage, 'Authentication failed: Client requested an authorization id that is different from username');
  assert.ok(!node.lines.join('\n').includes('secret') && !node.lines.join('\n').includes('guess'));
});

test('a session ends; who authenticates again in time goes on, as the same user and by the same mechanism only', async () => {
  await using node = await brokerUnderTest({ config: { 'connection.failed.authentication.delay.ms': '1' } });
  const dial = await guarded(node, { plain, mechanisms: ['PLAIN', 'SCRAM-SHA-256'], maxReauthMs: { PLAIN: 1300 } });
  const pause = (ms: number) => new Promise((resolve) => { setTimeout(resolve, ms); });
  const [lasting, lapsing, changing, switching] = await Promise.all(Array.from({ length: 4 }, async () => {
    const client = await dial();
    assert.equal((await plainLogin(client)).sessionLifetimeMs, 1300);
    return client;
  })) as [TestClient, TestClient, TestClient, TestClient];
  lasting.send(SaslHandshake, 1, { mechanism: 'PLAIN' });
  assert.equal((await lasting.answer(SaslHandshake, 1)).errorCode, 34, 'too soon: nobody authenticates all the time');
  await pause(1100);
  lasting.send(Metadata, 12, { topics: [] }); // a request that is under way meanwhile is answered in its turn
  lasting.send(SaslHandshake, 1, { mechanism: 'PLAIN' });
  await lasting.answer(Metadata, 12);
  assert.equal((await lasting.answer(SaslHandshake, 1)).errorCode, 0);
  assert.equal((await lasting.ask(SaslAuthenticate, 1, { authBytes: plainMessage('bob', plain.bob) })).errorCode, 0);
  assert.equal((await plainLogin(changing, 'eve', plain.eve)).errorMessage, 'Cannot change principals during re-authentication from User.bob: User.eve');
  assert.ok(await isEnded(changing));
  await switching.ask(SaslHandshake, 1, { mechanism: 'SCRAM-SHA-256' });
  assert.ok(await isEnded(switching));
  await pause(400);
  lapsing.send(Metadata, 12, { topics: [] });
  assert.ok(await isEnded(lapsing), 'the session is over');
  assert.equal((await lasting.ask(Metadata, 12, { topics: [] })).brokers.length, 1);
});

test('who never says who he is, is sent away; so is who begins to say it again and stops', async () => {
  await using node = await brokerUnderTest({ config: { 'millrace.authentication.timeout.ms': '300' } });
  const dial = await guarded(node);
  const [silent, halfway, good] = [await dial(), await dial(), await dial()];
  await halfway.ask(SaslHandshake, 1, { mechanism: 'PLAIN' });
  await plainLogin(good);
  assert.ok(await isEnded(silent));
  assert.ok(await isEnded(halfway));
  assert.equal((await good.ask(Metadata, 12, { topics: [] })).brokers.length, 1);
  assert.ok(node.lines.some((line) => line.includes('did not authenticate within 300 ms')));
});

test('credentials: what is set, listed and removed, what is refused and how, and what a restart keeps', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  const alter = async (body: Parameters<typeof client.ask<typeof AlterUserScramCredentials>>[2]) =>
    (await client.ask(AlterUserScramCredentials, 0, body)).results.map(({ user, errorCode, errorMessage }) => [user, errorCode, errorMessage]);
  assert.deepEqual(await alter({ upsertions: [upsertion('alice', 'SCRAM-SHA-256', 'one', 8192), upsertion('bob', 'SCRAM-SHA-512', 'two')] }), [['alice', 0, null], ['bob', 0, null]]);
  assert.deepEqual(await alter({ upsertions: [upsertion('alice', 'SCRAM-SHA-512', 'three')] }), [['alice', 0, null]]);
  assert.deepEqual(await alter({ upsertions: [
    upsertion('', 'SCRAM-SHA-256', 'x'), { ...upsertion('unknown', 'SCRAM-SHA-256', 'x'), mechanism: 3 }, { ...upsertion('few', 'SCRAM-SHA-256', 'x'), iterations: 4095 }, { ...upsertion('many', 'SCRAM-SHA-256', 'x'), iterations: 16385 },
    upsertion('twice', 'SCRAM-SHA-256', 'x'), upsertion('twice', 'SCRAM-SHA-512', 'x'), upsertion('good', 'SCRAM-SHA-256', 'x'),
  ], deletions: [{ name: 'missing', mechanism: 1 }, { name: 'bob', mechanism: 9 }] }), [
    ['missing', 91, 'Attempt to delete a user credential that does not exist'], ['bob', 33, 'Unknown SCRAM mechanism'], ['', 93, 'Username must not be empty'], ['unknown', 33, 'Unknown SCRAM mechanism'],
    ['few', 93, 'Too few iterations'], ['many', 93, 'Too many iterations'], ['twice', 92, 'A user credential cannot be altered twice in the same request'], ['good', 0, null],
  ]);
  const described = async (on: TestClient, names: string[] | null) => (await on.ask(DescribeUserScramCredentials, 0, { users: names && names.map((name) => ({ name })) }))
    .results.map(({ user, errorCode, credentialInfos }) => [user, errorCode, ...credentialInfos.map(({ mechanism, iterations }) => `${mechanism}/${iterations}`)]);
  assert.deepEqual(await described(client, null), [['alice', 0, '1/8192', '2/4096'], ['bob', 0, '2/4096'], ['good', 0, '1/4096']]);
  assert.deepEqual(await described(client, ['bob', 'missing', 'alice', 'alice']), [['bob', 0, '2/4096'], ['missing', 91], ['alice', 92]]);
  assert.deepEqual(await alter({ deletions: [{ name: 'bob', mechanism: 2 }] }), [['bob', 0, null]]);
  await using next = await node.restart();
  const later = await next.dial();
  assert.deepEqual(await described(later, []), [['alice', 0, '1/8192', '2/4096'], ['good', 0, '1/4096']]);
  const dial = await guarded(next);
  const login = await dial();
  await login.ask(SaslHandshake, 1, { mechanism: 'SCRAM-SHA-512' });
  assert.equal((await scramLogin(login, 'alice', 'three', 'SCRAM-SHA-512')).answer.errorCode, 0);
});

test('passwords in the configuration are told to nobody, and cannot be altered over the network', async () => {
  const secret = 'very-secret-7';
  await using node = await brokerUnderTest({ config: { 'listener.name.x.plain.sasl.jaas.config': `PlainLoginModule required user_bob="${secret}";`, 'ssl.key.password': secret } });
  const client = await node.dial();
  const resource = { resourceType: 4, resourceName: '1' };
  const [found] = (await client.ask(DescribeConfigs, 4, { resources: [{ ...resource, configurationKeys: null }], includeSynonyms: true, includeDocumentation: true })).results;
  assert.ok(!JSON.stringify(found).includes(secret));
  const hidden = found!.configs.filter(({ isSensitive }) => isSensitive);
  assert.ok(hidden.length >= 5 && hidden.every(({ value, configType, synonyms }) => value === null && configType === 9 && synonyms.every((one) => one.value === null)));
  for (const name of ['ssl.key.password', 'listener.name.x.plain.sasl.jaas.config']) {
    const [answer] = (await client.ask(IncrementalAlterConfigs, 1, { resources: [{ ...resource, configs: [{ name, configOperation: 0, value: secret }] }] })).responses;
    assert.ok(answer!.errorCode !== 0 && !answer!.errorMessage!.includes(secret));
  }
  assert.ok(!node.lines.join('\n').includes(secret));
});
