// bench/life.ts - a node's life: start to first acked record, memory idle and under load, restart after kill -9 with much data, and a soak.
// Usage: ./millrace bench life [--only start,memory,restart,soak] [--rounds N] [--gigabytes N] [--minutes N] [--rate N] [--json FILE]
// The soak is an open loop at half of the peak (or --rate records/s) and watches latency, the log thread's stalls, slow writes of the disk, memory and descriptors.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { askNode } from '../packages/millrace/src/cli/control.ts';
import { connect } from '../packages/millrace/src/client/mod.ts';
import type { NodeStatus } from '../packages/millrace/src/node/mod.ts';
import { installJava } from '../test/peers/install.ts';
import type { Broker } from '../test/peers/broker.ts';
import { firstAck, startKafka, startMillrace } from './brokers.ts';
import { rootFolder } from '../test/peers/places.ts';
import { startMillrace as startWith } from '../test/peers/millrace.ts';
import { freePorts, sleep } from '../test/peers/processes.ts';
import { loneSync } from './lone-sync.ts';
import { accountOf, machineLine, saveResult, short, shortSpread, spread } from './measure.ts';
import { compileLoad } from './java-tools.ts';
import { paced, producerPerf, type Figures, type Target } from './workloads.ts';

const asTarget = (name: string, broker: Broker): Target => ({ name, bootstrap: broker.bootstrap, pid: broker.pid, topicConfig: {} });

async function makeTopic(broker: Broker, topic: string, partitions: number): Promise<void> {
  await using client = await connect(broker.bootstrap);
  await client.admin().createTopics([{ topic, partitions }]);
}

/** Milliseconds from spawn to the first acked record on a folder that has the topic; the two brokers take turns. */
async function startTimes(rounds: number): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = { millrace: [], kafka: [] };
  const brokers = { millrace: await startMillrace(), kafka: await startKafka() };
  try {
    for (const broker of Object.values(brokers)) await makeTopic(broker, 'first', 1);
    for (let round = -1; round < rounds; round++) {
      for (const [name, broker] of Object.entries(brokers)) {
        await broker.stop();
        const from = performance.now();
        broker.begin();
        await firstAck(broker, 'first');
        if (round >= 0) times[name]!.push(performance.now() - from);
      }
    }
  } finally {
    for (const broker of Object.values(brokers)) await broker.dispose();
  }
  return times;
}

/** Resident megabytes: idle after start, and at the highest under the producer test. */
async function memory(): Promise<Record<string, Figures>> {
  const tools = await compileLoad();
  const figures: Record<string, Figures> = {};
  for (const [name, startBroker] of [['millrace', startMillrace], ['kafka', startKafka]] as const) {
    const broker = await startBroker();
    try {
      await sleep(5000);
      const idleMb = accountOf(broker.pid).rssBytes / 2 ** 20;
      await makeTopic(broker, 'load', 4);
      await producerPerf(5_000_000, 100)(asTarget(name, broker), 'load', tools);
      await producerPerf(1_000_000, 1024)(asTarget(name, broker), 'load', tools);
      figures[name] = { idleMb, peakMb: accountOf(broker.pid).rssPeakBytes / 2 ** 20 };
    } finally { await broker.dispose(); }
  }
  return figures;
}

/** Fills a topic, kills the node, and measures the restart to the first acked record and the bytes it read. */
async function restartAfterKill(gigabytes: number, rounds: number): Promise<Record<string, number[]>> {
  const tools = await compileLoad();
  const broker = await startMillrace();
  const result: Record<string, number[]> = { restartMs: [], readMb: [] };
  try {
    await makeTopic(broker, 'big', 4);
    await producerPerf(Math.round(gigabytes * 2 ** 20), 1024)(asTarget('millrace', broker), 'big', tools);
    for (let round = 0; round < rounds; round++) {
      // A tail that was not yet checkpointed, as a crash in mid-load leaves it.
      await producerPerf(200_000, 1024)(asTarget('millrace', broker), 'big', tools);
      await broker.kill();
      const from = performance.now();
      broker.begin();
      await firstAck(broker, 'big');
      result['restartMs']!.push(performance.now() - from);
      const io = readFileSync(`/proc/${broker.pid}/io`, 'utf8');
      result['readMb']!.push(Number(/rchar: (\d+)/.exec(io)?.[1] ?? 0) / 2 ** 20);
    }
  } finally { await broker.dispose(); }
  return result;
}

interface Soak extends Record<string, unknown> { readonly p50Ms: number; readonly p999Ms: number; readonly stalls: NodeStatus['stalls']; readonly journal: JournalWrites }

/** Writes of the journal, each with its sync, so far; those of more than 25 ms are slow: what an ack of one of them waits for is the disk. */
interface JournalWrites { readonly count: number; readonly slow: number; readonly over100Ms: number }

async function journalWrites(metricsPort: number): Promise<JournalWrites> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const upTo = (bound: string): number => Number(new RegExp(`^millrace_journal_write_seconds_bucket\\{le="${bound}"\\} (\\d+)`, 'm').exec(text)![1]);
  const count = upTo('\\+Inf');
  return { count, slow: count - upTo('0.025'), over100Ms: count - upTo('0.1') };
}

/** Latency beside what the node's thread says of itself. */
function soakLine({ p50Ms, p999Ms, journal, stalls: { count, longestMs, busyMs, totalMs } }: Soak): string {
  const held = count === 0 ? 'the log thread was never held up for more than 20 ms' : `the log thread was held up for more than 20 ms ${count} times, ${short(longestMs)} ms at the longest, computing for ${Math.round(100 * busyMs / totalMs)} % of it`;
  return `soak: p50 ${short(p50Ms)} ms, p99.9 ${short(p999Ms)} ms; ${held}; of ${short(journal.count)} writes of the journal ${journal.slow} took more than 25 ms, ${journal.over100Ms} more than 100`;
}

/** Half of the peak for a long time; a sample of memory and descriptors each ten seconds. */
async function soak(minutes: number, rate: number): Promise<Soak> {
  const tools = await compileLoad();
  const [metricsPort] = await freePorts(1);
  const broker = await startWith({ script: true, flags: ['--metrics-port', String(metricsPort)] });
  const samples: { atS: number; rssMb: number; openFiles: number; stalls: number; slowWrites: number }[] = [];
  const from = performance.now();
  const stallsSoFar = async (): Promise<NodeStatus['stalls']> => (await askNode(join(broker.dataFolder, 'data'), { do: 'status' }))!.stalls;
  const sample = async (): Promise<void> => {
    const account = accountOf(broker.pid);
    samples.push({ atS: (performance.now() - from) / 1000, rssMb: account.rssBytes / 2 ** 20, openFiles: account.openFiles, stalls: (await stallsSoFar()).count, slowWrites: (await journalWrites(metricsPort!)).slow });
  };
  try {
    await using client = await connect(broker.bootstrap);
    await client.admin().createTopics([{ topic: 'soak', partitions: 4, configs: { 'retention.bytes': String(512 << 20), 'segment.bytes': String(128 << 20) } }]);
    const timer = setInterval(() => void sample(), 10_000);
    const figures = await paced(1, 100, minutes * 60, rate)(asTarget('millrace', broker), 'soak', tools);
    clearInterval(timer);
    await sample();
    const [stalls, journal] = [await stallsSoFar(), await journalWrites(metricsPort!)];
    return { minutes, rate, ...(figures as Pick<Soak, 'p50Ms' | 'p999Ms'>), stalls, journal, rssMb: spread(samples.map((s) => s.rssMb)), openFiles: spread(samples.map((s) => s.openFiles)), samples };
  } finally { await broker.dispose(); }
}

/** What an earlier run on the same machine left in the file, each part with its date: a long bench can be run in parts. */
function earlierParts(file: string): { machine: string; parts: Record<string, unknown> } {
  const fresh = { machine: machineLine(), parts: {} };
  if (!existsSync(file)) return fresh;
  const earlier = JSON.parse(readFileSync(file, 'utf8')) as { machine: string; parts: Record<string, unknown> };
  return earlier.machine === fresh.machine ? earlier : fresh;
}

const { values } = parseArgs({ options: { only: { type: 'string' }, rounds: { type: 'string' }, gigabytes: { type: 'string' }, minutes: { type: 'string' }, rate: { type: 'string' }, json: { type: 'string' } } });
const only = values.only?.split(',') ?? ['start', 'memory', 'restart', 'soak'];
const rounds = Number(values.rounds ?? 5);
await installJava('4.3');
console.log(`${new Date().toISOString().slice(0, 10)}  ${machineLine()}  lone sync ${shortSpread(spread(loneSync(50)))} ms`);
const file = values.json ?? join(rootFolder, 'bench/results/life.json');
const result = earlierParts(file);
const measured = (part: string, figures: unknown): void => {
  result.parts[part] = { date: new Date().toISOString(), figures };
  saveResult(file, result);
};
if (only.includes('start')) {
  const times = await startTimes(rounds);
  for (const [name, ms] of Object.entries(times)) console.log(`start to first acked record, ${name}: ${shortSpread(spread(ms))} ms`);
  measured('startMs', Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, spread(ms)])));
}
if (only.includes('memory')) {
  const figures = await memory();
  for (const [name, f] of Object.entries(figures)) console.log(`memory, ${name}: idle ${short(f['idleMb']!)} MB, peak under the producer test ${short(f['peakMb']!)} MB`);
  measured('memory', figures);
}
if (only.includes('restart')) {
  const figures = await restartAfterKill(Number(values.gigabytes ?? 10), Math.min(rounds, 3));
  console.log(`restart after kill -9: ${shortSpread(spread(figures['restartMs']!))} ms, read ${shortSpread(spread(figures['readMb']!))} MB`);
  measured('restart', { gigabytes: Number(values.gigabytes ?? 10), ...Object.fromEntries(Object.entries(figures).map(([name, v]) => [name, spread(v)])) });
}
if (only.includes('soak')) {
  const figures = await soak(Number(values.minutes ?? 30), Number(values.rate ?? 200_000));
  console.log(`soak: ${JSON.stringify({ ...figures, samples: undefined })}`);
  console.log(soakLine(figures));
  measured('soak', figures);
}
