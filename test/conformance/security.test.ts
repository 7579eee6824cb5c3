// test/conformance/security.test.ts - how clients say who they are: Java, librdkafka, kafkajs, @platformatic/kafka and our own, by each mechanism, with and without
// TLS, on Apache Kafka and on Millrace, which read the same configuration. What a wrong password is told is compared.
// Owns: certificates, users and tokens for the run. Never: authorization.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Consumer as PlatformaticConsumer, Producer as PlatformaticProducer } from '@platformatic/kafka';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import kafkajs from 'kafkajs';
import { connect } from '../../packages/millrace/src/client/mod.ts';
import { Authority, type Identity } from '../certificates.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import { smallJvm, startKafka } from '../peers/kafka.ts';
import { startMillrace } from '../peers/millrace.ts';
import { freePorts } from '../peers/processes.ts';
import { startJavaWorker, startPythonWorker, type Worker } from '../peers/worker.ts';
import { clients, isChosen, targets } from './matrix.ts';
import { Toolbox } from './tools.ts';

const { Kafka, logLevel } = kafkajs;
const allowUrls = '-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls';
const password = 'wonder-pencil-7';

type Listener = 'SASL_PLAINTEXT' | 'SASL_SSL' | 'SSL';
type Mechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';
/** One way to come in. */
interface Way { readonly listener: Listener; readonly mechanism?: Mechanism; readonly wrong?: boolean }

const ways: readonly Way[] = [
  ...(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const).flatMap((mechanism): Way[] => [{ listener: 'SASL_PLAINTEXT', mechanism }, { listener: 'SASL_SSL', mechanism }]),
  { listener: 'SSL' },
  ...(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).map((mechanism): Way => ({ listener: 'SASL_SSL', mechanism, wrong: true })),
];
const nameOf = ({ listener, mechanism, wrong }: Way): string => `${listener}${mechanism === undefined ? ' with a certificate' : ` ${mechanism}`}${wrong === true ? ', wrong password' : ''}`;

/** Clients whose producers say only that they gave up. */
const keepsToItself: ReadonlySet<string> = new Set(['python', 'platformatic']);

const folder = mkdtempSync(join(tmpdir(), 'millrace-conformance-security-'));
const open = new AsyncDisposableStack();
const file = (name: string, text: string): string => { const path = join(folder, name); writeFileSync(path, text); return path; };

interface Scene { readonly broker: Broker; readonly ports: Readonly<Record<Listener, number>> }
const scenes = new Map<BrokerKind, Scene>();
let authority: Authority;
let identity: Identity;
let tokenText: string;
let java: Worker;
let python: Worker | undefined;
let topicNext = 0;

async function startScene(target: BrokerKind, paths: Record<'server' | 'ca', string>, jwks: string): Promise<Scene> {
  const [own, plain, secure, tls] = await freePorts(4) as [number, number, number, number];
  const listeners = [`SASL_PLAINTEXT://127.0.0.1:${plain}`, `SASL_SSL://127.0.0.1:${secure}`, `SSL://127.0.0.1:${tls}`];
  const url = `file://${jwks}`;
  const users = `org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="${password}" user_bob="other";`;
  const shared: Record<string, string> = {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'ssl.keystore.type': 'PEM', 'ssl.keystore.location': paths.server, 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': paths.ca, 'listener.name.ssl.ssl.client.auth': 'required',
    'sasl.oauthbearer.jwks.endpoint.url': url, 'sasl.oauthbearer.expected.audience': 'bus',
  };
  for (const name of ['sasl_plaintext', 'sasl_ssl']) shared[`listener.name.${name}.plain.sasl.jaas.config`] = users;
  shared['listener.name.sasl_plaintext.plain.connections.max.reauth.ms'] = '3000';
  const ports = { SASL_PLAINTEXT: plain, SASL_SSL: secure, SSL: tls };
  if (target === 'kafka') {
    const modules: Record<string, string> = {};
    for (const name of ['sasl_plaintext', 'sasl_ssl']) {
      for (const mechanism of ['scram-sha-256', 'scram-sha-512']) modules[`listener.name.${name}.${mechanism}.sasl.jaas.config`] = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
      modules[`listener.name.${name}.oauthbearer.sasl.jaas.config`] = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;';
      modules[`listener.name.${name}.oauthbearer.sasl.server.callback.handler.class`] = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler';
    }
    const map = ['PLAINTEXT', 'SASL_PLAINTEXT', 'SASL_SSL', 'SSL'].map((one) => `${one}:${one}`).join(',');
    return { ports, broker: open.use(await startKafka({ jvm: [...smallJvm, `${allowUrls}=${url}`], listeners, properties: { ...shared, ...modules, 'listener.security.protocol.map': `${map},CONTROLLER:PLAINTEXT`, 'group.initial.rebalance.delay.ms': 0, 'offsets.topic.num.partitions': 4 } })) };
  }
  const settings = { ...shared, listeners: [`PLAINTEXT://127.0.0.1:${own}`, ...listeners].join(',') };
  return { ports, broker: open.use(await startMillrace({ port: own, ownListeners: true, flags: Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]) })) };
}

const secretFor = (way: Way): string => (way.wrong === true ? 'a-guess' : password);
const usesTls = ({ listener }: Way): boolean => listener !== 'SASL_PLAINTEXT';
const usesCertificate = ({ listener }: Way): boolean => listener === 'SSL';

type RoundTrip = (bootstrap: string, topic: string, way: Way) => Promise<string>;

/** Each client writes a record and reads it. */
const roundTrips: Readonly<Record<string, RoundTrip>> = {
  async 'java-4.3'(bootstrap, topic, way) {
    const config = { ...javaConfig(way), 'delivery.timeout.ms': '10000', 'request.timeout.ms': '8000', 'max.block.ms': '10000' };
    return workerRoundTrip(java, bootstrap, topic, config);
  },
  async 'python'(bootstrap, topic, way) {
    const config = {
      'security.protocol': way.listener, 'message.timeout.ms': '5000', ...(usesTls(way) ? { 'ssl.ca.location': join(folder, 'ca.pem') } : {}),
      ...(usesCertificate(way) ? { 'ssl.certificate.location': join(folder, 'client.crt'), 'ssl.key.location': join(folder, 'client.key') } : {}),
      ...(way.mechanism === undefined ? {} : { 'sasl.mechanisms': way.mechanism, 'sasl.username': 'alice', 'sasl.password': secretFor(way) }),
    };
    return workerRoundTrip(python!, bootstrap, topic, config);
  },
  async 'kafkajs'(bootstrap, topic, way) {
    const mechanism = way.mechanism?.toLowerCase();
    const sasl = mechanism === undefined ? {} : { sasl: mechanism === 'oauthbearer' ? { mechanism, oauthBearerProvider: async () => ({ value: tokenText }) } : { mechanism, username: 'alice', password: secretFor(way) } };
    const ssl = usesTls(way) ? { ssl: { ca: [authority.cert], ...(usesCertificate(way) ? { cert: identity.cert, key: identity.key } : {}) } } : {};
    const kafka = new Kafka({ clientId: 'security', brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { retries: 2 }, reauthenticationThreshold: 1000, ...ssl, ...sasl } as ConstructorParameters<typeof Kafka>[0]);
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ value: 'value' }] }).finally(() => producer.disconnect());
    const consumer = kafka.consumer({ groupId: `${topic}-kafkajs` });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const read = new Promise<string>((resolve) => { void consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) }); });
    return await read.finally(() => consumer.disconnect());
  },
  async 'platformatic'(bootstrap, topic, way) {
    const sasl = way.mechanism === undefined ? {} : { sasl: way.mechanism === 'OAUTHBEARER' ? { mechanism: way.mechanism, token: tokenText } : { mechanism: way.mechanism, username: 'alice', password: secretFor(way) } };
    const tls = usesTls(way) ? { tls: { ca: authority.cert, ...(usesCertificate(way) ? { cert: identity.cert, key: identity.key } : {}) } } : {};
    const base = { clientId: 'security', bootstrapBrokers: [bootstrap], retries: 1, ...tls, ...sasl };
    const producer = new PlatformaticProducer(base as ConstructorParameters<typeof PlatformaticProducer>[0]);
    await producer.send({ messages: [{ topic, value: Buffer.from('value') }] as never }).finally(() => producer.close());
    const consumer = new PlatformaticConsumer({ ...base, groupId: `${topic}-platformatic` } as ConstructorParameters<typeof PlatformaticConsumer>[0]);
    try {
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest', sessionTimeout: 10_000, heartbeatInterval: 500 });
      for await (const message of stream) return String(message.value);
      return 'nothing';
    } finally {
      await consumer.close(true);
    }
  },
  async 'millrace'(bootstrap, topic, way) {
    const sasl = way.mechanism === undefined ? {} : { sasl: way.mechanism === 'OAUTHBEARER' ? { mechanism: way.mechanism, token: () => tokenText } : { mechanism: way.mechanism, username: 'alice', password: secretFor(way) } };
    const tls = usesTls(way) ? { tls: { ca: authority.cert, ...(usesCertificate(way) ? { cert: identity.cert, key: identity.key } : {}) } } : {};
    await using client = await connect(bootstrap, { ...tls, ...sasl });
    await client.producer().send({ topic, value: 'value' });
    for await (const record of client.consumer({ topics: [topic] })) return record.text()!;
    return 'nothing';
  },
};

describe('security', { concurrency: 1 }, () => {
  before(async () => {
    authority = await Authority.make('Conformance');
    identity = await authority.sign('CN=alice,O=Example');
    const server = await authority.sign('CN=localhost', ['localhost', '127.0.0.1']);
    const paths = { server: file('server.pem', server.key + server.cert), ca: file('ca.pem', authority.cert), cert: file('client.crt', identity.cert), key: file('client.key', identity.key) };
    file('client.pem', identity.key + identity.cert);
    const keys = await generateKeyPair('RS256');
    const jwks = file('jwks.json', JSON.stringify({ keys: [{ ...await exportJWK(keys.publicKey), kid: 'one', alg: 'RS256', use: 'sig' }] }));
    tokenText = await new SignJWT({ sub: 'alice', scope: 'all' }).setProtectedHeader({ alg: 'RS256', kid: 'one' }).setIssuedAt().setAudience('bus').setExpirationTime('1h').sign(keys.privateKey);
    file('token', tokenText);
    for (const target of targets) scenes.set(target, await startScene(target, paths, jwks));
    java = open.use(await startJavaWorker('4.3', [`${allowUrls}=file://${join(folder, 'token')}`]));
    if (clients.includes('python')) python = open.use(await startPythonWorker());
    for (const { broker } of scenes.values()) {
      for (const credential of [`SCRAM-SHA-256=[iterations=8192,password=${password}]`, `SCRAM-SHA-512=[password=${password}]`]) {
        await new Toolbox('4.3', java, broker).run('kafka-configs', ['--alter', '--add-config', credential, '--entity-type', 'users', '--entity-name', 'alice'], { note: false });
      }
    }
  });
  after(async () => {
    await open.disposeAsync();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [client, roundTrip] of Object.entries(roundTrips)) {
    if (client !== 'millrace' && !(clients as readonly string[]).includes(client)) continue;
    for (const way of ways) {
      const name = `${client}: ${nameOf(way)}`;
      if (!isChosen(name)) continue;
      const lacking = client === 'python' && way.mechanism === 'OAUTHBEARER' ? 'its tokens come from a callback, which a worker cannot be told' : undefined;
      test(name, { timeout: 60_000, skip: lacking ?? false }, async () => {
        const outcomes = new Map<BrokerKind, string>();
        for (const [target, scene] of scenes) {
          const topic = `security-${process.pid}-${topicNext++}`;
          await java.ask('admin.createTopic', { bootstrap: scene.broker.bootstrap, topic, partitions: 1, configs: {} });
          outcomes.set(target, await roundTrip(`127.0.0.1:${scene.ports[way.listener]}`, topic, way).catch((error: unknown) => `failed: ${reasonOf(error)}`));
        }
        for (const [target, outcome] of outcomes) {
          if (way.wrong === true) assert.match(outcome, keepsToItself.has(client) ? /^failed: / : /^failed: .*(authenticat|log in|SASL)/i, `${target}: ${outcome}`);
          else assert.equal(outcome, 'value', target);
        }
        assert.equal(new Set(outcomes.values()).size, 1, JSON.stringify([...outcomes]));
      });
    }
  }

  // The session of PLAIN over SASL_PLAINTEXT lasts three seconds; who works through several of them has logged in again.
  for (const client of ['java-4.3', 'python', 'millrace'] as const) {
    const name = `${client}: sessions that end`;
    if (!isChosen(name) || (client !== 'millrace' && !clients.includes(client))) continue;
    test(name, { timeout: 60_000 }, async () => {
      for (const [target, { broker, ports }] of scenes) {
        const topic = `sessions-${process.pid}-${topicNext++}`;
        await java.ask('admin.createTopic', { bootstrap: broker.bootstrap, topic, partitions: 1, configs: {} });
        const bootstrap = `127.0.0.1:${ports.SASL_PLAINTEXT}`;
        const reading = readLate(client, bootstrap, topic);
        await new Promise((resolve) => { setTimeout(resolve, 8000); });
        await java.ask('produce', { bootstrap: broker.bootstrap, topic, messages: [{ k: null, v: Buffer.from('late').toString('base64'), p: 0 }] });
        assert.equal(await reading, 'late', target);
        if (target === 'millrace') assert.doesNotMatch(broker.output(), /its session is over/, 'it logged in again, and did not only come back');
      }
    });
  }

  for (const target of targets) {
    const name = `tools: console producer and consumer over SASL_SSL on ${target}`;
    if (isChosen(name)) {
      test(name, { timeout: 120_000 }, async () => {
        const { broker, ports } = scenes.get(target)!;
        const tools = new Toolbox('4.3', java, broker);
        const topic = `tools-${process.pid}-${topicNext++}`;
        const bootstrap = `127.0.0.1:${ports.SASL_SSL}`;
        const config = file(`${target}.properties`, Object.entries(javaConfig({ listener: 'SASL_SSL', mechanism: 'SCRAM-SHA-512' })).map(([key, value]) => `${key}=${value}\n`).join(''));
        await tools.run('kafka-topics', ['--bootstrap-server', bootstrap, '--command-config', config, '--create', '--topic', topic], { bare: true });
        await tools.run('kafka-console-producer', ['--bootstrap-server', bootstrap, '--command-config', config, '--topic', topic], { bare: true, stdin: 'one\ntwo\n' });
        const read = await tools.run('kafka-console-consumer', ['--bootstrap-server', bootstrap, '--command-config', config, '--topic', topic, '--from-beginning', '--max-messages', '2', '--timeout-ms', '20000'], { bare: true });
        assert.deepEqual(read.out.trim().split('\n').slice(-2), ['one', 'two']);
      });
    }
  }

  const names = 'tools: kafka-configs removes a user, and says what is wrong';
  if (isChosen(names)) {
    test(names, { timeout: 120_000 }, async () => {
      const transcripts: string[] = [];
      for (const { broker } of scenes.values()) {
        const tools = new Toolbox('4.3', java, broker);
        const alter = (args: readonly string[], exit = 0) => tools.run('kafka-configs', ['--alter', ...args, '--entity-type', 'users', '--entity-name', 'carol'], { exit });
        await alter(['--add-config', 'SCRAM-SHA-512=[password=a-pencil]']);
        const both = await tools.try('kafka-configs', ['--alter', '--add-config', 'SCRAM-SHA-256=[password=a-pencil],SCRAM-SHA-512=[password=a-pencil]', '--entity-type', 'users', '--entity-name', 'dave']);
        tools.transcript.push(`both at once: ${both.exit} ${/\w+Exception: .*/.exec(both.err + both.out)?.[0] ?? ''}`);
        await alter(['--add-config', 'SCRAM-SHA-256=[iterations=4095,password=a-pencil]'], 1);
        await alter(['--add-config', 'SCRAM-SHA-256=[iterations=16385,password=a-pencil]'], 1);
        await alter(['--delete-config', 'SCRAM-SHA-256'], 1);
        await alter(['--delete-config', 'SCRAM-SHA-512']);
        await alter(['--delete-config', 'SCRAM-SHA-512'], 1);
        transcripts.push(tools.transcript.join('\n'));
      }
      assert.equal(new Set(transcripts).size, 1, transcripts.join('\n\n'));
    });
  }
});

async function workerRoundTrip(worker: Worker, bootstrap: string, topic: string, config: Record<string, string>): Promise<string> {
  const [ack] = await worker.ask<{ error?: string }[]>('produce', { bootstrap, config, topic, messages: [{ k: null, v: Buffer.from('value').toString('base64'), p: 0 }] });
  if (ack?.error !== undefined) throw new Error(ack.error);
  const [record] = await worker.ask<{ v: string }[]>('consume', { bootstrap, config, topic, partitions: [0], from: { kind: 'beginning' }, count: 1 });
  return Buffer.from(record!.v, 'base64').toString();
}

/** Reads from now on, until the first record comes. */
async function readLate(client: 'java-4.3' | 'python' | 'millrace', bootstrap: string, topic: string): Promise<string> {
  if (client === 'millrace') {
    await using own = await connect(bootstrap, { sasl: { mechanism: 'PLAIN', username: 'alice', password } });
    for await (const record of own.consumer({ topics: [topic] })) return record.text()!;
    return 'nothing';
  }
  const way: Way = { listener: 'SASL_PLAINTEXT', mechanism: 'PLAIN' };
  const config = client === 'python' ? { 'security.protocol': way.listener, 'sasl.mechanisms': 'PLAIN', 'sasl.username': 'alice', 'sasl.password': password } : javaConfig(way);
  const [record] = await (client === 'python' ? python! : java).ask<{ v: string }[]>('consume', { bootstrap, config, topic, partitions: [0], from: { kind: 'beginning' }, count: 1, timeoutMs: 20_000 });
  return Buffer.from(record!.v, 'base64').toString();
}

function javaConfig(way: Way): Record<string, string> {
  const { listener, mechanism } = way;
  const scram = mechanism?.startsWith('SCRAM') ? 'scram.ScramLoginModule' : 'plain.PlainLoginModule';
  const login: Record<string, string> = mechanism === undefined ? {} : mechanism === 'OAUTHBEARER' ? {
    'sasl.jaas.config': 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;', 'sasl.oauthbearer.token.endpoint.url': `file://${join(folder, 'token')}`,
    'sasl.login.callback.handler.class': 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler',
  } : { 'sasl.jaas.config': `org.apache.kafka.common.security.${scram} required username="alice" password="${secretFor(way)}";` };
  return {
    'security.protocol': listener, ...(mechanism === undefined ? {} : { 'sasl.mechanism': mechanism }), ...login,
    ...(usesTls(way) ? { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': join(folder, 'ca.pem') } : {}),
    ...(usesCertificate(way) ? { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': join(folder, 'client.pem') } : {}),
  };
}

/** What a client says, without what differs from run to run. */
function reasonOf(error: unknown): string {
  const texts: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && texts.length < 5; cause = cause.cause) texts.push(`${cause.name}: ${cause.message.split('\n')[0]}`);
  return texts.join(' < ').replaceAll(/127\.0\.0\.1:\d+/g, '<broker>').replaceAll(/security-\d+-\d+/g, '<topic>').slice(0, 400);
}
