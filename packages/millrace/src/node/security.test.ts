// Listeners that want to know who their clients are, with our own client: users and passwords, tokens, certificates; and what is said when it goes wrong.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Authority } from '../../../../test/certificates.ts';
import { isMillraceError } from '../base/mod.ts';
import { type ClientOptions, connect } from '../client/mod.ts';
import { type NodeOptions, startNode } from './mod.ts';

const authority = await Authority.make('Test');
const server = await authority.sign('CN=localhost', ['localhost', '127.0.0.1']);
const fails = (code: string, words: RegExp) => (error: unknown): boolean => {
  assert.ok(isMillraceError(error), String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  return true;
};

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-security-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function roundTrip(target: Parameters<typeof connect>[0], options: ClientOptions): Promise<string> {
  await using client = await connect(target, options);
  const topic = `t${Math.floor(Math.random() * 1e9)}`;
  await client.producer().send({ topic, value: 'seen' });
  for await (const record of client.consumer({ topics: [topic] })) return record.text()!;
  return '';
}

const reporting = (options: NodeOptions) => {
  const lines: string[] = [];
  return { lines, options: { ...options, onReport: (line: string) => { lines.push(line); } } };
};

test('users of SCRAM and PLAIN log in, by option and by URL; a wrong password is said at once, and in words', async () => {
  const { lines, options } = reporting({ sasl: { plain: { bob: 'builder-secret' } } });
  await using node = await startNode(options);
  await node.users({ set: [{ user: 'alice', password: 'wonder-secret' }, { user: 'carol', password: 'old-secret', mechanism: 'SCRAM-SHA-256' }] });
  for (const sasl of [
    { username: 'alice', password: 'wonder-secret' }, { username: 'alice', password: 'wonder-secret', mechanism: 'SCRAM-SHA-512' }, { username: 'bob', password: 'builder-secret', mechanism: 'PLAIN' },
    { username: 'carol', password: 'old-secret', mechanism: 'SCRAM-SHA-256' },
  ] as const) assert.equal(await roundTrip(node, { sasl }), 'seen', sasl.username);
  assert.equal(await roundTrip(`kafka://alice:wonder-secret@${node.bootstrap}`, {}), 'seen');
  assert.equal(await roundTrip(`kafka://bob:builder-secret@${node.bootstrap}?mechanism=plain`, {}), 'seen');
  for (const [username, mechanism] of [['alice', 'SCRAM-SHA-512'], ['alice', 'SCRAM-SHA-256'], ['nobody', 'SCRAM-SHA-512'], ['bob', 'PLAIN']] as const) {
    await assert.rejects(connect(node, { sasl: { username, password: 'guess-secret', mechanism } }), fails('authentication-failed', new RegExp(`log in as '${username}'.*SASL_AUTHENTICATION_FAILED`)));
  }
  await assert.rejects(connect(node, { connectTimeoutMs: 500 }), fails('disconnected', /perhaps it wants to know who the client is \(sasl/));
  await assert.rejects(connect(node, { sasl: { mechanism: 'OAUTHBEARER', token: () => 'x' } }), fails('authentication-failed', /does not take OAUTHBEARER, only SCRAM-SHA-512, SCRAM-SHA-256, PLAIN/));
  assert.ok(!/secret/.test(lines.join('\n')), 'no password in the report');
  assert.ok(lines.some((line) => /refused by listener SASL_PLAINTEXT: authentication failed: PLAIN: user "bob"/.test(line)), lines.join('\n'));
});

test('users are remembered, changed and removed; a node on a thread of its own asks for them too', async (t) => {
  const data = folder(t);
  const options = { data, sasl: {} } as const;
  {
    await using node = await startNode(options);
    assert.deepEqual(await node.users(), []);
    await node.users({ set: [{ user: 'alice', password: 'one' }, { user: 'bob', password: 'two', iterations: 8192, mechanism: 'SCRAM-SHA-256' }] });
    await assert.rejects(node.users({ set: [{ user: 'x', password: 'y', iterations: 1 }] }), fails('invalid-argument', /iterations must be from 4096 to 16384/));
    await assert.rejects(node.users({ remove: [{ user: 'x', mechanism: 'SCRAM-SHA-256' }] }), fails('not-found', /does not exist/));
  }
  await using node = await startNode(options);
  assert.deepEqual(await node.users(), [
    { user: 'alice', credentials: [{ mechanism: 'SCRAM-SHA-512', iterations: 4096 }] }, { user: 'bob', credentials: [{ mechanism: 'SCRAM-SHA-256', iterations: 8192 }] },
  ]);
  assert.equal(await roundTrip(node, { sasl: { username: 'alice', password: 'one' } }), 'seen');
  await using admin = await connect(node, { sasl: { username: 'bob', password: 'two', mechanism: 'SCRAM-SHA-256' } });
  await admin.admin().setUser({ user: 'alice', password: 'three' });
  await assert.rejects(connect(node, { sasl: { username: 'alice', password: 'one' } }), fails('authentication-failed', /alice/));
  assert.equal(await roundTrip(node, { sasl: { username: 'alice', password: 'three' } }), 'seen');
  await admin.admin().removeUser({ user: 'alice', mechanism: 'SCRAM-SHA-512' });
  await assert.rejects(admin.admin().removeUser({ user: 'alice', mechanism: 'SCRAM-SHA-512' }), fails('not-found', /RESOURCE_NOT_FOUND/));
  await assert.rejects(connect(node, { sasl: { username: 'alice', password: 'three' } }), fails('authentication-failed', /alice/));
  assert.deepEqual((await admin.admin().listUsers()).map(({ user }) => user), ['bob']);
});

test('a session that ends is renewed in time, while the client works', async () => {
  await using node = await startNode({ sasl: { maxReauthMs: 1500 } });
  await node.users({ set: [{ user: 'alice', password: 'one' }] });
  await using client = await connect(node, { sasl: { username: 'alice', password: 'one' } });
  const producer = client.producer();
  const untilMs = Date.now() + 4000; // two sessions and more
  let sent = 0;
  while (Date.now() < untilMs) {
    await producer.send({ topic: 'steady', value: String(sent++) });
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  const values: string[] = [];
  for await (const record of client.consumer({ topics: ['steady'] })) if (values.push(record.text()!) === sent) break;
  assert.deepEqual(values, Array.from({ length: sent }, (_, i) => String(i)));
  assert.ok((await node.status()).connections.open <= 4, 'the connections are the same');
});

test('TLS: the server is believed for its authority, its name, and not else', async (t) => {
  const files = folder(t);
  writeFileSync(join(files, 'server.pem'), server.key + server.cert);
  await using node = await startNode({ tls: { cert: join(files, 'server.pem') } });
  assert.equal(await roundTrip(node, { tls: { ca: authority.cert } }), 'seen');
  assert.equal(await roundTrip(`kafkas://localhost:${node.port}`, { tls: { ca: authority.cert } }), 'seen');
  assert.equal(await roundTrip(node.bootstrap, { tls: { verify: false } }), 'seen');
  await assert.rejects(connect(`kafkas://${node.bootstrap}`), fails('authentication-failed', /certificate does not count.*set `ca`/));
  await assert.rejects(connect(node.bootstrap, { tls: { ca: authority.cert, servername: 'bus.example' } }), fails('authentication-failed', /for another name/));
  await assert.rejects(connect(node.bootstrap, { connectTimeoutMs: 400 }), fails('disconnected', /if the server speaks TLS there, say so/));
  await assert.rejects(connect(node.bootstrap, { tls: { ca: '/no/such/file' } }), fails('invalid-argument', /Cannot read '\/no\/such\/file'.*'ca'/));
  await using plain = await startNode();
  await assert.rejects(connect(plain.bootstrap, { tls: { ca: authority.cert }, connectTimeoutMs: 400 }), fails('disconnected', /does not speak TLS|disconnected|lost|ended/));
});

test('certificates of clients: required ones name the user by the rules, bad ones and none are refused', async () => {
  const other = await Authority.make('Other');
  const [alice, stranger] = [await authority.sign('CN=alice,OU=bus,O=Example'), await other.sign('CN=mallory')];
  const { lines, options } = reporting({ tls: { ...server, ca: authority.cert, clientAuth: 'required', principalRules: 'RULE:^CN=([a-z]+),.*$/$1/U,DEFAULT' } });
  await using node = await startNode(options);
  assert.equal(await roundTrip(node, { tls: { ca: authority.cert, ...alice } }), 'seen');
  for (const identity of [{}, stranger]) await assert.rejects(connect(node, { tls: { ca: authority.cert, ...identity }, connectTimeoutMs: 600 }), (error) => isMillraceError(error, 'authentication-failed') || isMillraceError(error, 'disconnected'));
  assert.ok(lines.some((line) => /TLS handshake/.test(line)), lines.join('\n'));
  lines.length = 0;
  const probe = createConnection(node.port, '127.0.0.1');
  await new Promise<void>((resolve) => { probe.once('connect', () => probe.end(resolve)); });
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  assert.deepEqual(lines, [], 'who only looks whether the port is open is no trouble');
});

test('where certificates are asked for and not required, none is nobody, and a bad one is refused all the same', async () => {
  const other = await Authority.make('Other');
  const [alice, stranger] = [await authority.sign('CN=alice'), await other.sign('CN=mallory')];
  await using node = await startNode({ tls: { ...server, ca: authority.cert, clientAuth: 'requested' } });
  assert.match(node.url, /^kafkas:/);
  for (const identity of [alice, {}]) assert.equal(await roundTrip(node, { tls: { ca: authority.cert, ...identity } }), 'seen');
  await assert.rejects(connect(node, { tls: { ca: authority.cert, ...stranger }, connectTimeoutMs: 600 }), (error) => isMillraceError(error, 'authentication-failed') || isMillraceError(error, 'disconnected'));
  await assert.rejects(startNode({ tls: { ...server, clientAuth: 'requested' } }), fails('invalid-argument', /whose signature counts/));
  await assert.rejects(startNode({ tls: { cert: server.cert, key: alice.key } }), fails('invalid-argument', /Cannot use the certificate or key/));
});

test('PKCS#12: certificate and key in one file with a password', async (t) => {
  const files = folder(t);
  writeFileSync(join(files, 'cert.pem'), server.cert);
  writeFileSync(join(files, 'key.pem'), server.key);
  try {
    execFileSync('openssl', ['pkcs12', '-export', '-in', join(files, 'cert.pem'), '-inkey', join(files, 'key.pem'), '-out', join(files, 'both.p12'), '-passout', 'pass:open-sesame'], { stdio: 'pipe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return t.skip('there is no openssl here to make the file with');
    throw error;
  }
  await using node = await startNode({ tls: { pfx: join(files, 'both.p12'), passphrase: 'open-sesame' } });
  assert.equal(await roundTrip(node, { tls: { ca: authority.cert } }), 'seen');
  await assert.rejects(startNode({ tls: { pfx: join(files, 'both.p12'), passphrase: 'wrong-sesame' } }), (error: Error) => isMillraceError(error, 'invalid-argument') && !error.message.includes('sesame'));
});

test('keys of tokens behind a URL are fetched once, and again when a token names one that is new', async () => {
  const made = await Promise.all(['one', 'two'].map(async (kid) => ({ kid, ...await generateKeyPair('ES256') })));
  let served = 1;
  let fetches = 0;
  const issuer = createServer((_request, response) => {
    fetches++;
    void Promise.all(made.slice(0, served).map(async ({ kid, publicKey }) => ({ ...await exportJWK(publicKey), kid, alg: 'ES256' }))).then((keys) => response.end(JSON.stringify({ keys })));
  });
  await new Promise<void>((resolve) => { issuer.listen(0, '127.0.0.1', resolve); });
  const jwks = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks`;
  const signedBy = ({ kid, privateKey }: typeof made[number]) => new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'ES256', kid }).setIssuedAt().setExpirationTime('1m').sign(privateKey);
  await using node = await startNode({ sasl: { oauthbearer: { jwks, retryMs: 1 } } });
  const login = async (token: string) => { await using _client = await connect(node, { sasl: { mechanism: 'OAUTHBEARER', token: () => token } }); };
  await login(await signedBy(made[0]!));
  await login(await signedBy(made[0]!));
  assert.equal(fetches, 1);
  await assert.rejects(login(await signedBy(made[1]!)), fails('authentication-failed', /invalid_token/));
  served = 2;
  await login(await signedBy(made[1]!));
  issuer.closeAllConnections();
  await new Promise((resolve) => { issuer.close(resolve); });
  await login(await signedBy(made[0]!)); // the keys that it has do
  await using lost = await startNode({ sasl: { oauthbearer: { jwks } } });
  await assert.rejects(connect(lost, { sasl: { mechanism: 'OAUTHBEARER', token: () => signedBy(made[0]!) } }), fails('authentication-failed', /invalid_token/));
});

test('a new certificate is taken from the same files while the node serves, a bad one is not', async (t) => {
  const files = folder(t);
  const write = async (name: string): Promise<void> => {
    const { cert, key } = await authority.sign(`CN=${name}`, ['localhost', '127.0.0.1']);
    writeFileSync(join(files, 'cert.pem'), cert);
    writeFileSync(join(files, 'key.pem'), key);
  };
  await write('first');
  const { lines, options } = reporting({ tls: { cert: join(files, 'cert.pem'), key: join(files, 'key.pem') } });
  const { runNode } = await import('./mod.ts');
  const { nodeNet, nodeClock, nodeRandom, MemoryDisk } = await import('../os/mod.ts');
  const { subjectOf } = await import('../broker/security/distinguished-name.ts');
  const net = nodeNet();
  const node = await runNode({ disk: new MemoryDisk(), net, clock: nodeClock(), random: nodeRandom() }, options);
  t.after(() => node.close());
  const seen = async (): Promise<string> => {
    const stream = await net.connect({ host: '127.0.0.1', port: node.port, timeoutMs: 2000, tls: { ca: authority.cert } });
    stream.destroy();
    return subjectOf(stream.peerCertificate!);
  };
  assert.equal(await seen(), 'CN=first');
  await write('second');
  await node.broker.reloadCertificates();
  assert.equal(await seen(), 'CN=second');
  writeFileSync(join(files, 'cert.pem'), 'nonsense');
  await node.broker.reloadCertificates();
  assert.equal(await seen(), 'CN=second');
  assert.ok(lines.some((line) => /keeps its certificate: .*holds no PEM/.test(line)), lines.join('\n'));
});

test('another certificate is taken when the configuration names it, and again after a restart', async (t) => {
  const files = folder(t);
  const written = async (name: string): Promise<string> => {
    const { cert, key } = await authority.sign(`CN=${name}`, ['localhost', '127.0.0.1']);
    writeFileSync(join(files, `${name}.pem`), key + cert);
    return join(files, `${name}.pem`);
  };
  const config = { 'listeners': 'PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0', 'ssl.keystore.location': await written('first') };
  const { runNode } = await import('./mod.ts');
  const { nodeNet, nodeClock, nodeRandom, MemoryDisk } = await import('../os/mod.ts');
  const { subjectOf } = await import('../broker/security/distinguished-name.ts');
  const machine = { disk: new MemoryDisk(), net: nodeNet(), clock: nodeClock(), random: nodeRandom() };
  const seen = async (port: number): Promise<string> => {
    const stream = await machine.net.connect({ host: '127.0.0.1', port, timeoutMs: 2000, tls: { ca: authority.cert } });
    stream.destroy();
    return subjectOf(stream.peerCertificate!);
  };
  const key = 'listener.name.ssl.ssl.keystore.location';
  for (const [life, before] of ['CN=first', 'CN=second'].entries()) {
    const node = await runNode(machine, { config });
    try {
      assert.equal(await seen(node.ports[1]!), before);
      await using client = await connect(`127.0.0.1:${node.port}`);
      if (life === 0) await client.admin().alterConfigs([{ kind: 'broker', name: '1', set: { [key]: await written('second') } }]);
      else await client.admin().alterConfigs([{ kind: 'broker', name: '1', unset: [key] }]);
      const after = life === 0 ? 'CN=second' : 'CN=first';
      for (let looks = 0; looks < 100 && await seen(node.ports[1]!) !== after; looks++) await new Promise((resolve) => { setTimeout(resolve, 20); });
      assert.equal(await seen(node.ports[1]!), after);
    } finally {
      await node.close();
    }
  }
});

test('tokens: signed by whose keys count, in time, for the right audience; refused ones are told with JSON', async (t) => {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const foreign = await generateKeyPair('RS256');
  const jwks = join(folder(t), 'keys.json');
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...await exportJWK(publicKey), kid: 'one', alg: 'RS256' }] }));
  const { lines, options } = reporting({ sasl: { mechanisms: ['OAUTHBEARER'], oauthbearer: { jwks, audience: 'bus', issuer: 'https://issuer.example', clockSkewSeconds: 0 } } });
  await using node = await startNode(options);
  const now = Math.floor(Date.now() / 1000);
  const signed = (claims: object, key = privateKey) => new SignJWT({ sub: 'alice', aud: 'bus', iss: 'https://issuer.example', iat: now, exp: now + 60, ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(key);
  let asked = 0;
  const token = async () => { asked++; return { value: await signed({ scope: 'read write' }), extensions: { traceId: 'x' } }; };
  assert.equal(await roundTrip(node, { sasl: { mechanism: 'OAUTHBEARER', token } }), 'seen');
  assert.ok(asked >= 1);
  const bad: Record<string, string> = {
    'another key': await signed({}, foreign.privateKey), expired: await signed({ exp: now - 5, iat: now - 10 }), audience: await signed({ aud: 'other' }), issuer: await signed({ iss: 'https://other.example' }),
    'no subject': await signed({ sub: '' }), 'no end': await signed({ exp: undefined }), scope: await signed({ scope: 7 }), nonsense: 'a.b.c', unsigned: `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: 'alice', exp: now + 60, iat: now })).toString('base64url')}.`,
  };
  for (const [what, value] of Object.entries(bad)) {
    await assert.rejects(connect(node, { sasl: { mechanism: 'OAUTHBEARER', token: () => value } }), fails('authentication-failed', /with a token.*"status":"invalid_token"/), what);
  }
  for (const value of Object.values(bad)) assert.ok(!lines.join('\n').includes(value), 'no token in the report');
});

test('a session ends with its token; the client brings a new one before', async (t) => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwks = join(folder(t), 'keys.json');
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...await exportJWK(publicKey), kid: 'one', alg: 'ES256' }] }));
  await using node = await startNode({ sasl: { oauthbearer: { jwks } } });
  let asked = 0;
  const token = () => { asked++; return new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'ES256', kid: 'one' }).setIssuedAt().setExpirationTime('3s').sign(privateKey); };
  await using client = await connect(node, { sasl: { mechanism: 'OAUTHBEARER', token } });
  const producer = client.producer();
  const untilMs = Date.now() + 5000;
  for (let i = 0; Date.now() < untilMs; i++) {
    await producer.send({ topic: 'tokens', value: String(i) });
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  assert.ok(asked >= 3, `asked ${asked} times`);
});

test('nothing is open to the network unless somebody says so', async () => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
    await assert.rejects(startNode({ host }), fails('invalid-argument', /without authentication.*--sasl.*insecure: true/s));
    await assert.rejects(startNode({ listeners: [{ name: 'OUT', host }] }), fails('invalid-argument', /without authentication/));
    await assert.rejects(startNode({ host, tls: { ...server } }), fails('invalid-argument', /without authentication/), 'TLS alone says nothing of the client');
    await assert.rejects(startNode({ host, tls: { ...server, ca: authority.cert, clientAuth: 'requested' } }), fails('invalid-argument', /without authentication/));
  }
  const open = reporting({ host: '0.0.0.0', insecure: true });
  await using _insecure = await startNode(open.options);
  assert.ok(open.lines.some((line) => /INSECURE/.test(line)));
  const clear = reporting({ host: '0.0.0.0', sasl: { plain: { bob: 'builder' } } });
  await using _clear = await startNode(clear.options);
  assert.ok(clear.lines.some((line) => /without TLS.*passwords of PLAIN/.test(line)));
  await using _safe = await startNode({ host: '0.0.0.0', tls: { ...server, ca: authority.cert, clientAuth: 'required' } });
});

test("listeners in Kafka's words: several at once, each with its own way, passwords hidden from whoever reads the configuration", async (t) => {
  const files = folder(t);
  writeFileSync(join(files, 'server.pem'), server.key + server.cert);
  const { lines, options } = reporting({ config: {
    'listeners': 'PLAINTEXT://127.0.0.1:0,SASL_SSL://127.0.0.1:0,TEAM://127.0.0.1:0', 'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,TEAM:SASL_PLAINTEXT',
    'ssl.keystore.location': join(files, 'server.pem'), 'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
    'listener.name.team.sasl.enabled.mechanisms': 'PLAIN', 'listener.name.team.plain.sasl.jaas.config': 'org.apache.kafka.common.security.plain.PlainLoginModule required user_bob="builder-secret" user_eve="e\\"ve";',
  } });
  const { runNode } = await import('./mod.ts');
  const { nodeNet, nodeClock, nodeRandom, MemoryDisk } = await import('../os/mod.ts');
  const node = await runNode({ disk: new MemoryDisk(), net: nodeNet(), clock: nodeClock(), random: nodeRandom() }, options);
  t.after(() => node.close());
  const [, tls, team] = node.ports;
  await node.users({ set: [{ user: 'alice', password: 'one', mechanism: 'SCRAM-SHA-256' }] });
  await using local = await connect(`127.0.0.1:${node.port}`);
  const [described] = await local.admin().describeConfigs([{ kind: 'broker', name: '1' }]) ;
  const { configs } = described!;
  const jaas = configs.find(({ name }) => name.endsWith('team.plain.sasl.jaas.config'));
  assert.deepEqual([jaas?.isSensitive, jaas?.value], [true, null]);
  assert.ok(!/secret/.test(JSON.stringify(configs) + lines.join('\n')));
  assert.equal(await roundTrip(`127.0.0.1:${tls}`, { tls: { ca: authority.cert }, sasl: { username: 'alice', password: 'one' } }), 'seen', 'finds SCRAM-SHA-256 by itself');
  assert.equal(await roundTrip(`127.0.0.1:${team}`, { sasl: { username: 'bob', password: 'builder-secret' } }), 'seen', 'and PLAIN on this machine');
  assert.equal(await roundTrip(`127.0.0.1:${team}`, { sasl: { username: 'eve', password: 'e"ve', mechanism: 'PLAIN' } }), 'seen');
  const wrong: Record<string, string>[] = [
    { listeners: 'X://127.0.0.1:0' }, { listeners: 'PLAINTEXT://127.0.0.1' }, { listeners: 'SSL://127.0.0.1:0' }, { listeners: 'SASL_PLAINTEXT://127.0.0.1:0', 'sasl.enabled.mechanisms': 'PLAIN' },
    { listeners: 'PLAINTEXT://127.0.0.1:0,PLAINTEXT://127.0.0.1:0' }, { 'sasl.enabled.mechanisms': 'GSSAPI' }, { 'ssl.keystore.type': 'JKS' }, { 'ssl.client.auth': 'maybe' }, { 'listener.name.x.num.partitions': '1' },
  ];
  for (const config of wrong) await assert.rejects(startNode({ config }), (error) => isMillraceError(error, 'invalid-argument') && !/secret/.test(error.message), JSON.stringify(config));
});
