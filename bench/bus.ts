// bench/bus.ts - the bus side by side with Apache Kafka: the same work, in one run, alternating, after a warm-up, as ratios.
// Usage: ./millrace bench bus [--rounds N] [--only NAME[,NAME]] [--quick] [--json FILE]
// Millrace syncs before every ack unless the row says page-cache; Kafka runs with its defaults (no sync) unless it says flush.messages=1.
// Rows measured earlier stay in the JSON, each with its date: a long bench can be run in parts.
// Prints minimum, median and maximum of every figure, and writes them with the date and the machine to a JSON that docs/guide/speed.md cites.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from '../packages/millrace/src/client/mod.ts';
import { installJava } from '../test/peers/install.ts';
import type { Broker } from '../test/peers/broker.ts';
import { startKafka, startMillrace, startSink } from './brokers.ts';
import { rootFolder } from '../test/peers/places.ts';
import { compileLoad } from './java-tools.ts';
import { machineLine, ratioSpread, saveResult, short, shortSpread, spread, type Spread } from './measure.ts';
import { consumerPerf, consumeTransformProduce, endToEnd, oneRecordARequest, paced, producerPerf, readyRequests, smallTransactions, ticks, transactionalPerf, transactionStream, type Figures, type JavaTools, type Target, type Workload } from './workloads.ts';
import { loneSync } from './lone-sync.ts';
import { warmMemory } from './warm-memory.ts';

/** Who takes part in a row of the table, and which settings its topics get. */
type Side = 'millrace' | 'millrace page-cache' | 'kafka' | 'kafka flush.messages=1' | 'sink';

const settings: Record<Side, Readonly<Record<string, string>>> = {
  'millrace': {},
  'millrace page-cache': { 'millrace.durability': 'page-cache' },
  'kafka': {},
  'kafka flush.messages=1': { 'flush.messages': '1' },
  'sink': {},
};

/** One row: a workload, its topic, its sides; each side of Millrace is compared with each of Kafka's, the sink (the most there is to reach) too. */
interface Row {
  readonly name: string;
  readonly partitions: number;
  readonly sides: readonly Side[];
  readonly workload: Workload;
  /** Fills the topic before the measured part (consumers). */
  readonly prepare?: Workload;
}

const all: readonly Side[] = ['millrace', 'kafka', 'kafka flush.messages=1', 'millrace page-cache', 'sink'];
const plain: readonly Side[] = ['millrace', 'kafka'];

function rows(scale: number): readonly Row[] {
  const n = (records: number): number => Math.max(1000, Math.round(records * scale));
  const seconds = (s: number): number => Math.max(3, s * scale);
  return [
    { name: 'produce-100B-1p', partitions: 1, sides: all, workload: producerPerf(n(4_000_000), 100) },
    { name: 'produce-100B-4p', partitions: 4, sides: all, workload: producerPerf(n(4_000_000), 100) },
    { name: 'produce-1KB-1p', partitions: 1, sides: all, workload: producerPerf(n(800_000), 1024) },
    { name: 'produce-1KB-4p', partitions: 4, sides: all, workload: producerPerf(n(800_000), 1024) },
    { name: 'one-record-a-request', partitions: 1, sides: plain, workload: oneRecordARequest(50, 1024, seconds(12)) },
    { name: 'ready-requests', partitions: 1, sides: plain, workload: readyRequests(50, 1024, seconds(12)) },
    { name: 'consume-100B-4p', partitions: 4, sides: plain, prepare: producerPerf(n(4_000_000), 100), workload: consumerPerf(n(4_000_000), 100) },
    { name: 'consume-1KB-4p', partitions: 4, sides: plain, prepare: producerPerf(n(1_000_000), 1024), workload: consumerPerf(n(1_000_000), 1024) },
    { name: 'end-to-end', partitions: 1, sides: ['millrace page-cache', 'kafka', 'millrace', 'kafka flush.messages=1'], workload: endToEnd(100, seconds(8)) },
    { name: 'paced-1p', partitions: 1, sides: plain, workload: paced(4, 100, seconds(15), 20_000) },
    { name: 'ticks-1p', partitions: 1, sides: plain, workload: ticks(4, 100, seconds(15), 20_000) },
    { name: 'transactions-perf-100B-4p', partitions: 4, sides: plain, workload: transactionalPerf(n(4_000_000), 100) },
    { name: 'transactions-stream-100B-4p', partitions: 4, sides: ['millrace', 'kafka', 'kafka flush.messages=1'], workload: transactionStream(100, seconds(12)) },
    { name: 'transactions-small-4p', partitions: 4, sides: ['millrace', 'kafka', 'kafka flush.messages=1'], workload: smallTransactions(20, 100, seconds(12), 1_000, 10) },
    { name: 'transactions-pipe-100B-4p', partitions: 4, sides: plain, prepare: producerPerf(n(2_000_000), 100), workload: consumeTransformProduce(n(2_000_000), 100) },
    { name: 'ticks-1000p', partitions: 1000, sides: ['millrace'], workload: ticks(4, 100, seconds(15), 20_000) },
  ];
}

/** Every figure of every side of a row, a value per round. */
type Series = Record<Side, Record<string, number[]>>;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, only: { type: 'string' }, quick: { type: 'boolean' }, json: { type: 'string' } } });
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
  const only = values.only?.split(',');
  const chosen = rows(values.quick ? 0.1 : 1).filter((row) => only === undefined || only.some((name) => row.name.startsWith(name)));
  await installJava('4.3');
  const tools = await compileLoad();
  console.log(`${new Date().toISOString().slice(0, 10)}  ${machineLine()}`);
  const file = values.json ?? join(rootFolder, 'bench/results/bus.json');
  const result = { machine: machineLine(), rows: earlierRows(file) };
  for (const row of chosen) {
    const { series, syncMs } = await measureRow(row, rounds, tools);
    printRow(row, series, syncMs);
    result.rows[row.name] = { date: new Date().toISOString(), rounds, quick: values.quick ?? false, figures: summary(series), ratios: ratios(row, series), loneSyncMs: syncMs };
    saveResult(file, result);
  }
}

/** What an earlier run on the same machine left in the file. */
function earlierRows(file: string): Record<string, unknown> {
  if (!existsSync(file)) return {};
  const earlier = JSON.parse(readFileSync(file, 'utf8')) as { machine: string; rows: Record<string, unknown> };
  return earlier.machine === machineLine() ? earlier.rows : {};
}

async function measureRow(row: Row, rounds: number, tools: JavaTools): Promise<{ series: Series; syncMs: Spread | null }> {
  const kafka = row.sides.some((side) => side.startsWith('kafka')) ? await startKafka() : null;
  const sink = row.sides.includes('sink') ? await startSink() : null;
  const millrace = await startMillrace();
  const brokerOf = (side: Side): Broker => (side === 'sink' ? sink! : side.startsWith('kafka') ? kafka! : millrace);
  const series = Object.fromEntries(row.sides.map((side) => [side, {}])) as Series;
  const syncs: number[] = [];
  /** Peers that cannot do the work on this machine. */
  const failed = new Set<Side>();
  try {
    for (let round = -1; round < rounds; round++) {
      syncs.push(...loneSync(20));
      for (const side of rotated(row.sides, round)) {
        if (failed.has(side)) continue;
        const figures = await oneRound(row, side, brokerOf(side), round, tools).catch((error: unknown) => {
          if (!side.startsWith('kafka')) throw error;
          process.stderr.write(`  ${row.name} ${side}: cannot do this work here, and is left out: ${String(error)}\n`);
          failed.add(side);
          return null;
        });
        if (figures === null) continue;
        if (round >= 0) for (const [name, value] of Object.entries(figures)) (series[side][name] ??= []).push(value);
        process.stderr.write(`  ${row.name} ${round < 0 ? 'warm-up' : `round ${round + 1}/${rounds}`} ${side}: ${Object.entries(figures).map(([name, value]) => `${name} ${short(value)}`).join(', ')}\n`);
      }
    }
  } finally {
    await millrace.dispose();
    await kafka?.dispose();
    await sink?.dispose();
  }
  return { series, syncMs: spread(syncs) };
}

/** Each round begins with another side: what the one before left in memory and on the disk falls on all of them in turn. */
const rotated = (sides: readonly Side[], round: number): readonly Side[] => sides.map((_, i) => sides[(i + round + 1) % sides.length]!);

/** A fresh topic for every round, deleted after it, so that no side profits from what an earlier round left. */
async function oneRound(row: Row, side: Side, broker: Broker, round: number, tools: JavaTools): Promise<Figures> {
  const topic = `${row.name}-${side.replaceAll(/[^a-z]/g, '-')}-${round + 1}`;
  const target: Target = { name: side, bootstrap: broker.bootstrap, pid: broker.pid, topicConfig: settings[side] };
  await using client = await connect(broker.bootstrap);
  const admin = client.admin();
  await admin.createTopics([{ topic, partitions: row.partitions, configs: { ...target.topicConfig } }]);
  if (row.prepare !== undefined) await row.prepare(target, topic, tools);
  warmMemory();
  const figures = await row.workload(target, topic, tools);
  await admin.deleteTopics([topic]);
  return figures;
}

function printRow(row: Row, series: Series, syncMs: Spread | null): void {
  console.log(`\n${row.name}  (median, minimum .. maximum; lone sync of this disk ${shortSpread(syncMs)} ms)`);
  for (const name of Object.keys(series[row.sides[0]!])) {
    console.log(`  ${name}`);
    for (const side of row.sides) {
      const ratio = peersOf(row, side).map((peer) => `   / ${peer}: ${shortSpread(ratioSpread(series[side][name] ?? [], series[peer][name] ?? []))}`).join('');
      console.log(`    ${side.padEnd(24)} ${shortSpread(spread(series[side][name] ?? [])).padEnd(34)}${ratio}`);
    }
  }
}

function summary(series: Series): unknown {
  return Object.fromEntries(Object.entries(series).map(([side, figures]) => [side, Object.fromEntries(Object.entries(figures).map(([name, values]) => [name, spread(values)]))]));
}

function ratios(row: Row, series: Series): unknown {
  return Object.fromEntries(row.sides.flatMap((side) => peersOf(row, side).map((peer) => [`${side} / ${peer}`,
    Object.fromEntries(Object.entries(series[side]).map(([name, values]) => [name, ratioSpread(values, series[peer][name] ?? [])]))])));
}

/** The sides of Kafka with which a side of Millrace is compared. */
const peersOf = (row: Row, side: Side): readonly Side[] => (side.startsWith('kafka') ? [] : row.sides.filter((other) => other.startsWith('kafka')));

await main();
