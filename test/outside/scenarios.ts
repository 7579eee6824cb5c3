// test/outside/scenarios.ts - the programs from outside, each with what it must do while the node is killed under it.
// Owns: the list, and which of them is quick enough for a push. Never: how they are built (install.ts).
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaForCases } from '../conformance/targets.ts';
import type { Broker } from '../peers/broker.ts';
import { eventually, sleep } from '../peers/processes.ts';
import { hasCommand, installGoProgram, installJavaProgram, installRustProgram } from './install.ts';
import { createTopics, feed, readAll, readUntil, type Found } from './records.ts';
import { Supervised } from './supervised.ts';

/** One program. */
export interface Scenario {
  readonly name: string;
  readonly onPush: boolean;
  /** A command that the machine must have; without it the scenario is skipped, and the test says so. */
  readonly needs: 'mvn' | 'go' | 'cargo';
  run(node: Broker): Promise<void>;
}

const flinkFlags = ['java.base/java.lang', 'java.base/java.util', 'java.base/java.time', 'java.base/java.util.concurrent', 'java.base/java.lang.invoke'].flatMap((opened) => ['--add-opens', `${opened}=ALL-UNNAMED`]);

/** All of them. */
export const scenarios: readonly Scenario[] = [
  { name: 'Kafka Streams, exactly_once_v2', onPush: true, needs: 'mvn', run: streams },
  { name: 'Kafka Connect, file source and file sink', onPush: false, needs: 'mvn', run: connectFiles },
  { name: 'MirrorMaker 2, to Apache Kafka and back', onPush: false, needs: 'mvn', run: mirror },
  { name: 'Spring Kafka, listener and transactional template', onPush: false, needs: 'mvn', run: (node) => pipe(node, 'spring', () => installJavaProgram('spring', 'SpringPipe'), true) },
  { name: 'Flink, exactly-once sink', onPush: false, needs: 'mvn', run: (node) => pipe(node, 'flink', () => installJavaProgram('flink', 'FlinkPipe', ['-Xmx1g', ...flinkFlags]), false) },
  { name: 'Sarama, transactions of a group', onPush: false, needs: 'go', run: (node) => pipe(node, 'sarama', () => installGoProgram('sarama'), true) },
  { name: 'franz-go, transactions of a group', onPush: true, needs: 'go', run: (node) => pipe(node, 'franz', () => installGoProgram('franz'), true) },
  { name: 'rdkafka for Rust, transactions of a group', onPush: false, needs: 'cargo', run: (node) => pipe(node, 'rdkafka', () => installRustProgram('rdkafka'), true) },
];

/** Runs a scenario; resolves to why it cannot be run here, else to null. */
export async function runScenario(scenario: Scenario, node: Broker): Promise<string | null> {
  if (!await hasCommand(scenario.needs)) return `'${scenario.needs}' is not on the path`;
  await scenario.run(node);
  return null;
}

/** kill -9 and a start, some time after the work has begun. */
async function killTwice(node: Broker, between: () => Promise<void> = async () => {}): Promise<void> {
  for (let kill = 0; kill < 2; kill++) {
    await sleep(1_500);
    await node.kill();
    await node.restart();
    if (kill === 0) await between();
  }
}

/** A program that copies a topic in transactions: each value is there once, whatever is killed. */
async function pipe(node: Broker, name: string, install: () => Promise<readonly string[]>, alsoKilled: boolean): Promise<void> {
  const command = await install();
  const [input, output] = [`${name}-in`, `${name}-out`];
  await createTopics(node.bootstrap, { [input]: 4, [output]: 3 });
  const values = Array.from({ length: 1_500 }, (_, i) => `value ${i}`);
  await using program = new Supervised([...command, node.bootstrap, input, output, `${name}-pipe`]);
  const fed = feed(node.bootstrap, input, values, 5_000);
  // Its first records must be through before anything is broken: starting takes a JVM seconds.
  await readUntil(node.bootstrap, output, (found) => found.length > 0, () => program.output());
  await killTwice(node, async () => { if (alsoKilled) await program.kill(); });
  await fed;
  const found = await readUntil(node.bootstrap, output, (all) => new Set(all.map(({ value }) => value)).size >= values.length, () => program.output());
  assert.deepEqual(found.map(({ value }) => value).sort(), [...values].sort(), 'each value once');
  await sleep(1_000);
  assert.equal((await readAll(node.bootstrap, output)).length, values.length, 'and nothing after them');
}

async function streams(node: Broker): Promise<void> {
  const command = await installJavaProgram('streams', 'WordCount');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-streams-'));
  try {
    await createTopics(node.bootstrap, { lines: 4, counts: 2 });
    const words = ['to', 'be', 'or', 'not', 'that', 'is', 'the', 'question'];
    const lines = Array.from({ length: 800 }, (_, i) => `${words[i % 8]} ${words[(i * 3) % 8]} ${words[(i * 5 + 1) % 8]}`);
    const expected = new Map<string, number>();
    for (const word of lines.flatMap((line) => line.split(' '))) expected.set(word, (expected.get(word) ?? 0) + 1);
    await using app = new Supervised([...command, node.bootstrap, 'lines', 'counts', 'word-count', folder]);
    const fed = feed(node.bootstrap, 'lines', lines, 5_000);
    await readUntil(node.bootstrap, 'counts', (found) => found.length > 0, () => app.output());
    await killTwice(node, () => app.kill());
    await fed;
    const found = await readUntil(node.bootstrap, 'counts', (all) => [...expected].every(([word, count]) => countsOf(all, word).includes(count)), () => app.output());
    for (const [word, count] of expected) assert.deepEqual(countsOf(found, word), Array.from({ length: count }, (_, i) => i + 1), `'${word}' was counted up one by one`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const countsOf = (found: readonly Found[], word: string): number[] => found.filter(({ key }) => key === word).map(({ value }) => Number(value));

async function connectFiles(node: Broker): Promise<void> {
  const command = await installJavaProgram('connect', 'org.apache.kafka.connect.cli.ConnectStandalone');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-connect-'));
  const [from, to] = [join(folder, 'from.txt'), join(folder, 'to.txt')];
  const properties = (name: string, lines: readonly string[]): string => { writeFileSync(join(folder, name), lines.join('\n')); return join(folder, name); };
  try {
    await createTopics(node.bootstrap, { 'connect-lines': 1 });
    writeFileSync(from, '');
    await using runtime = new Supervised([...command,
      properties('worker.properties', [`bootstrap.servers=${node.bootstrap}`, 'key.converter=org.apache.kafka.connect.storage.StringConverter', 'value.converter=org.apache.kafka.connect.storage.StringConverter',
        `offset.storage.file.filename=${join(folder, 'offsets')}`, 'offset.flush.interval.ms=500', 'listeners=http://127.0.0.1:0', 'plugin.discovery=service_load', 'consumer.auto.offset.reset=earliest']),
      properties('source.properties', ['name=source', 'connector.class=org.apache.kafka.connect.file.FileStreamSourceConnector', 'tasks.max=1', `file=${from}`, 'topic=connect-lines']),
      properties('sink.properties', ['name=sink', 'connector.class=org.apache.kafka.connect.file.FileStreamSinkConnector', 'tasks.max=1', `file=${to}`, 'topics=connect-lines']),
    ]);
    const lines = Array.from({ length: 600 }, (_, i) => `line ${i}`);
    const written = (async () => {
      for (let at = 0; at < lines.length; at += 20) {
        appendFileSync(from, lines.slice(at, at + 20).map((line) => `${line}\n`).join(''));
        await sleep(200);
      }
    })();
    const arrived = (): string[] => { try { return readFileSync(to, 'utf8').split('\n').filter((line) => line !== ''); } catch { return []; } };
    await eventually(() => (arrived().length > 0 ? true : undefined), () => `nothing arrives\n${runtime.output()}`, 90_000);
    await killTwice(node);
    await written;
    await eventually(() => (new Set(arrived()).size === lines.length ? true : undefined), () => `${new Set(arrived()).size} of ${lines.length} lines\n${runtime.output()}`, 120_000);
    assert.deepEqual([...new Set(arrived())], lines, 'all lines, in their order'); // connectors of files deliver at least once
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function mirror(node: Broker): Promise<void> {
  const command = await installJavaProgram('mirror', 'org.apache.kafka.connect.mirror.MirrorMaker');
  await using kafka = await kafkaForCases();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mirror-'));
  try {
    await createTopics(node.bootstrap, { orders: 2 });
    await createTopics(kafka.bootstrap, { bills: 2 });
    const config = join(folder, 'mm2.properties');
    writeFileSync(config, [
      'clusters=m,k', `m.bootstrap.servers=${node.bootstrap}`, `k.bootstrap.servers=${kafka.bootstrap}`, 'm->k.enabled=true', 'k->m.enabled=true', 'm->k.topics=orders', 'k->m.topics=bills',
      'replication.factor=1', 'checkpoints.topic.replication.factor=1', 'heartbeats.topic.replication.factor=1', 'offset-syncs.topic.replication.factor=1', 'offset.storage.replication.factor=1',
      'status.storage.replication.factor=1', 'config.storage.replication.factor=1', 'offset.storage.partitions=2', 'status.storage.partitions=1', 'refresh.topics.interval.seconds=2', 'sync.topic.acls.enabled=false', 'offset.flush.interval.ms=500',
    ].join('\n'));
    await using maker = new Supervised([...command, config]);
    const values = (word: string): string[] => Array.from({ length: 600 }, (_, i) => `${word} ${i}`);
    const fed = [feed(node.bootstrap, 'orders', values('order'), 8_000), feed(kafka.bootstrap, 'bills', values('bill'), 8_000)];
    await readUntil(kafka.bootstrap, 'm.orders', (found) => found.length > 0, () => maker.output(), 150_000);
    await killTwice(node);
    await Promise.all(fed);
    for (const [at, topic, word] of [[kafka, 'm.orders', 'order'], [node, 'k.bills', 'bill']] as const) {
      const distinct = (found: readonly Found[]): string[] => [...new Set(found.map(({ value }) => value))].sort();
      const found = await readUntil(at.bootstrap, topic, (all) => distinct(all).length >= 600, () => maker.output(), 180_000);
      assert.deepEqual(distinct(found), values(word).sort(), `${topic} has all of them`); // mirroring delivers at least once
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
