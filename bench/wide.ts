// bench/wide.ts - many partitions and many connections: start, memory and produce latency beside a node with one partition and none.
// Usage: ./millrace bench wide [--topics N] [--partitions N] [--connections N] [--rounds N] [--seconds N] [--rate N] [--kafka] [--json FILE]
// Without flags 10,000 partitions in 100 topics, and 2,000 connections.
// Each connection is a consumer that waits: a fetch of five partitions of the last topic, which get nothing, again each 5 s. The load is an open loop of
// ready-made requests on 4 connections, one every 5 ms each, over all other topics. Start is from the process's to its first acked record. Linux only.
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from '../packages/millrace/src/client/mod.ts';
import { encodeRequest, Fetch } from '../packages/millrace/src/wire/mod.ts';
import type { Broker } from '../test/peers/broker.ts';
import { installJava } from '../test/peers/install.ts';
import { rootFolder } from '../test/peers/places.ts';
import { sleep, start } from '../test/peers/processes.ts';
import { firstAck, startKafka, startMillrace } from './brokers.ts';
import { compileLoad } from './java-tools.ts';
import { accountOf, machineLine, ratioSpread, saveResult, shortSpread, spread } from './measure.ts';
import { ticks, type Figures, type JavaTools } from './workloads.ts';

const { values } = parseArgs({ options: {
  role: { type: 'string' }, bootstrap: { type: 'string' }, topics: { type: 'string', default: '100' }, partitions: { type: 'string', default: '100' }, connections: { type: 'string', default: '2000' },
  rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '10' }, rate: { type: 'string', default: '20000' }, kafka: { type: 'boolean', default: false }, json: { type: 'string' },
} });
const [topicCount, partitionCount, connectionCount, rounds, seconds, rate] = [values.topics, values.partitions, values.connections, values.rounds, values.seconds, values.rate].map(Number) as [number, number, number, number, number, number];
const waitMs = 5_000;
const topicName = (i: number): string => `wide-${i}`;
const quiet = topicName(topicCount - 1);

/** Opens the connections, lets each wait for what never comes, again and again; says WAITING once all do. */
async function waitForNothing(bootstrap: string): Promise<void> {
  const [host, port] = bootstrap.split(':') as [string, string];
  for (let i = 0; i < connectionCount; i++) {
    const socket = createConnection({ host, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    const partitions = Array.from({ length: Math.min(5, partitionCount) }, (_, n) => ({ partition: (i * 5 + n) % partitionCount, fetchOffset: 0, partitionMaxBytes: 1 << 20 }));
    const request = Buffer.concat(encodeRequest(Fetch, 12, { correlationId: i, clientId: 'wide' }, { maxWaitMs: waitMs, minBytes: 1, maxBytes: 50 << 20, sessionEpoch: -1, topics: [{ topic: quiet, partitions }] }));
    socket.on('close', () => { throw new Error('the broker closed a connection'); });
    socket.on('data', () => socket.write(request)); // an answer is one small packet
    socket.write(request);
  }
  console.log('WAITING');
}

/** Makes all that it is to carry. */
async function makeTopics(broker: Broker): Promise<void> {
  await using client = await connect(broker.bootstrap, { callTimeoutMs: 300_000, requestTimeoutMs: 300_000 });
  for (let i = 0; i < topicCount; i++) await client.admin().createTopics([{ topic: topicName(i), partitions: partitionCount }]);
}

/** Milliseconds from the process's start to its first acked record, once it has all topics; it was ended in good order. */
async function restart(broker: Broker): Promise<number> {
  await broker.stop();
  const from = performance.now();
  broker.begin();
  await firstAck(broker, topicName(0));
  return performance.now() - from;
}

async function loaded(name: string, broker: Broker, topics: string, tools: JavaTools): Promise<Figures> {
  return ticks(4, 100, seconds, rate)({ name, bootstrap: broker.bootstrap, pid: broker.pid, topicConfig: {} }, topics, tools);
}

const mb = (broker: Broker): number => accountOf(broker.pid).rssBytes / 2 ** 20;

async function measure(name: string, begin: () => Promise<Broker>, tools: JavaTools): Promise<Record<string, unknown>> {
  const [small, wide] = [await begin(), await begin()];
  const series: Record<'startMs' | 'idleMb' | 'waitingMb' | 'peakMb' | 'p50Ms' | 'p99Ms' | 'smallP50Ms' | 'smallP99Ms' | 'cpuPerMillion' | 'smallCpuPerMillion', number[]> = {
    startMs: [], idleMb: [], waitingMb: [], peakMb: [], p50Ms: [], p99Ms: [], smallP50Ms: [], smallP99Ms: [], cpuPerMillion: [], smallCpuPerMillion: [],
  };
  try {
    { await using client = await connect(small.bootstrap); await client.admin().createTopics([{ topic: 'small', partitions: 1 }]); }
    const from = performance.now();
    await makeTopics(wide);
    console.log(`${name}: ${topicCount} topics with ${partitionCount} partitions each made in ${Math.round(performance.now() - from)} ms`);
    for (let round = 0; round < rounds; round++) {
      series.startMs.push(await restart(wide));
      series.idleMb.push(mb(wide));
      const waiting = start(process.execPath, [import.meta.filename, '--role', 'wait', '--bootstrap', wide.bootstrap, ...['topics', 'partitions', 'connections'].flatMap((key) => [`--${key}`, String(values[key as 'topics'])])], { keepStdout: true });
      try {
        while (!waiting.output().includes('WAITING')) {
          if (waiting.child.exitCode !== null) throw new Error(`Cannot hold the connections: ${waiting.output()}`);
          await sleep(50);
        }
        series.waitingMb.push(mb(wide));
        const take = async (side: 'small' | 'wide') => {
          const figures = side === 'small' ? await loaded(`${name} small`, small, 'small', tools) : await loaded(`${name} wide`, wide, Array.from({ length: topicCount - 1 }, (_, i) => topicName(i)).join(','), tools);
          const of = (key: string) => (side === 'small' ? `small${key[0]!.toUpperCase()}${key.slice(1)}` : key) as keyof typeof series;
          for (const key of ['p50Ms', 'p99Ms', 'cpuPerMillion']) series[of(key)].push(figures[key]!);
        };
        for (const side of round % 2 === 0 ? ['small', 'wide'] as const : ['wide', 'small'] as const) await take(side);
        series.peakMb.push(accountOf(wide.pid).rssPeakBytes / 2 ** 20);
      } finally { await waiting.end('SIGKILL'); }
    }
  } finally { await small.dispose(); await wide.dispose(); }
  const figures = Object.fromEntries(Object.entries(series).map(([key, list]) => [key, spread(list)]));
  for (const [key, value] of Object.entries(figures)) console.log(`  ${name} ${key.padEnd(20)} ${shortSpread(value)}`);
  const p99Ratio = ratioSpread(series.p99Ms, series.smallP99Ms);
  console.log(`  ${name} produce p99, wide / small: ${shortSpread(p99Ratio)}`);
  return { ...figures, p99Ratio };
}

if (values.role === 'wait') await waitForNothing(values.bootstrap!);
else {
  await installJava('4.3');
  const tools = await compileLoad();
  console.log(`${new Date().toISOString().slice(0, 10)}  ${machineLine()}`);
  const result: Record<string, unknown> = { date: new Date().toISOString(), machine: machineLine(), topics: topicCount, partitions: partitionCount, connections: connectionCount, rounds, seconds, rate };
  result['millrace'] = await measure('millrace', startMillrace, tools);
  if (values.kafka) result['kafka'] = await measure('kafka', startKafka, tools);
  const file = values.json ?? join(rootFolder, 'bench/results/wide.json');
  saveResult(file, result);
}
