// bench/page.ts - docs/guide/speed.md and its picture from the figures in bench/results: nothing on the page is typed by hand.
// Usage: ./millrace bench page
// Owns: the page's text and tables. Never: measuring (the other files of this folder), judging: bars are named beside the figures.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../test/peers/places.ts';
import { barChart, type BarGroup } from './chart.ts';
import { short, type Spread } from './measure.ts';

type Row = { date: string; rounds: number; figures: Record<string, Record<string, Spread | null>>; ratios: Record<string, Record<string, Spread | null>>; loneSyncMs: Spread | null };
type BusResult = { machine: string; rows: Record<string, Row> };
type Dated<T> = { date: string; figures: T };
type LifeResult = {
  machine: string;
  parts: {
    startMs?: Dated<Record<string, Spread>>; memory?: Dated<Record<string, { idleMb: number; peakMb: number }>>;
    restart?: Dated<{ gigabytes: number; restartMs: Spread; readMb: Spread }>; soak?: Dated<SoakFigures>;
  };
};
type SoakFigures = { minutes: number; rate: number; p50Ms: number; p99Ms: number; p999Ms: number; maxMs: number; rssMb: Spread; openFiles: Spread; stalls: { count: number }; journal?: { count: number; slow: number } };
type GroupsOf = { rebalances: Record<string, Spread>; commits: { rate: number; p50Ms: number; p99Ms: number } };
type GroupsResult = { date: string; machine: string; millrace: GroupsOf; kafka: GroupsOf };
type ShareResult = { date: string; machine: string; rates: Record<string, Spread>; cpuPerMillion: Record<string, Spread>; ratio: Spread | null; loneSyncMs: Spread | null };
type TlsResult = { date: string; machine: string; rows: Record<string, { kept: Record<string, Spread | null> }> };
type CompactionResult = { date: string; machine: string; gigabytes: number; livePercent: number; compactionSeconds: number; p99Ratio: number; alone: { p50Ms: number; p99Ms: number }; beside: { p50Ms: number; p99Ms: number; mbPerSecond: number } };
type WideResult = { date: string; machine: string; topics: number; partitions: number; connections: number; rate: number; millrace: Record<string, Spread> };
type ClientResult = { at: string; machine: string; rows: { work: string; rates: Record<string, Spread | null>; ratioToKafkajs: Spread | null; ratioToPlatformatic: Spread | null }[] };

/** What each row of the bus is, and the figures worth a line. */
const busRows: Record<string, { title: string; figures: readonly string[] }> = {
  'produce-100B-1p': { title: 'kafka-producer-perf-test, 100 B, 1 partition', figures: ['rate', 'cpuPerMillion', 'devicePerPayload', 'p99Ms'] },
  'produce-100B-4p': { title: 'the same, 4 partitions', figures: ['rate', 'cpuPerMillion', 'devicePerPayload', 'p99Ms'] },
  'produce-1KB-1p': { title: 'kafka-producer-perf-test, 1 KB, 1 partition', figures: ['rate', 'cpuPerMillion', 'devicePerPayload', 'p99Ms'] },
  'produce-1KB-4p': { title: 'the same, 4 partitions', figures: ['rate', 'cpuPerMillion', 'devicePerPayload', 'p99Ms'] },
  'one-record-a-request': { title: '50 producers, 1 KB, one record a request, each waits for its ack', figures: ['rate', 'cpuPerMillion', 'p50Ms', 'p99Ms'] },
  'ready-requests': { title: 'the same load from one thread that sends ready-made requests on 50 connections', figures: ['rate', 'cpuPerMillion', 'p50Ms', 'p99Ms'] },
  'consume-100B-4p': { title: 'kafka-consumer-perf-test, 100 B, 4 partitions', figures: ['rate', 'cpuPerMillion'] },
  'consume-1KB-4p': { title: 'kafka-consumer-perf-test, 1 KB, 4 partitions', figures: ['rate', 'mbPerSecond', 'cpuPerMillion'] },
  'end-to-end': { title: 'end to end, one record at a time, acks all', figures: ['p50Ms', 'p99Ms'] },
  'paced-1p': { title: '20,000 records/s of 100 B from 4 producers, open loop, 1 partition', figures: ['p50Ms', 'p99Ms', 'p999Ms'] },
  'transactions-perf-100B-4p': { title: 'kafka-producer-perf-test with transactions, a commit each 100 ms, 100 B, 4 partitions', figures: ['rate', 'cpuPerMillion', 'p99Ms'] },
  'transactions-stream-100B-4p': { title: 'one transactional producer as fast as it goes, a commit each 100 ms, 100 B, 4 partitions', figures: ['rate', 'commitP50Ms', 'commitP99Ms', 'cpuPerMillion'] },
  'transactions-small-4p': { title: '1,000 transactions a second of 10 records each from 20 producers, open loop', figures: ['transactionsPerSecond', 'commitP50Ms', 'commitP99Ms', 'cpuPerMillion'] },
  'transactions-pipe-100B-4p': { title: 'consume, transform, produce exactly once, Java client, a commit each 100 ms', figures: ['rate', 'commitP50Ms', 'commitP99Ms', 'cpuPerMillion'] },
  'ticks-1p': { title: 'the same by ready-made requests on 4 connections, one every 5 ms each, 1 partition', figures: ['p50Ms', 'p99Ms', 'p999Ms', 'cpuPerMillion'] },
  'ticks-1000p': { title: 'the same over 1,000 partitions: 25 of them a request', figures: ['p50Ms', 'p99Ms', 'p999Ms', 'cpuPerMillion'] },
};

const units: Record<string, string> = {
  rate: 'records/s', cpuPerMillion: 'broker CPU s per million records', devicePerPayload: 'device bytes per payload byte', mbPerSecond: 'MB/s',
  transactionsPerSecond: 'transactions/s', commitP50Ms: 'commit p50 ms', commitP99Ms: 'commit p99 ms',
  p50Ms: 'p50 ms', p99Ms: 'p99 ms', p999Ms: 'p99.9 ms',
};

const cell = (s: Spread | null | undefined): string => (s === null || s === undefined ? '-' : `**${short(s.median)}** (${short(s.min)} .. ${short(s.max)})`);

const cellOrNothing = (s: Spread | null | undefined): string => (s === undefined ? '' : cell(s));

function read<T>(name: string): T | null {
  const file = join(rootFolder, 'bench/results', `${name}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : null;
}

/** Rates of all sides as multiples of Kafka's with its defaults. */
function chart(bus: BusResult): string {
  const groups = Object.entries(busRows).flatMap(([name, { title }]): BarGroup[] => {
    const row = bus.rows[name];
    const kafka = row?.figures['kafka']?.['rate']?.median;
    if (row === undefined || kafka === undefined || name.startsWith('paced') || name.startsWith('ticks') || name.startsWith('transactions-small') || name === 'end-to-end') return [];
    const bars = Object.entries(row.figures).flatMap(([label, { rate }]) => (rate === null || rate === undefined ? [] : [{
      label, value: rate.median / kafka, min: rate.min / kafka, max: rate.max / kafka, ours: label.startsWith('millrace'),
    }]));
    return [{ title, bars: bars.sort((a, b) => Number(b.ours) - Number(a.ours)) }];
  });
  return barChart('Records a second, Apache Kafka with its defaults = 1 (bar: median, line: slowest to fastest round)', groups, 1, 2.2);
}

function busSection(bus: BusResult): string[] {
  const lines = [
    '## The bus beside Apache Kafka 4.3', '',
    `Machine: ${bus.machine}. After a warm-up the brokers take turns; median (minimum .. maximum) of the rounds.`,
    'Millrace syncs before every ack unless the row says page-cache; Kafka has its defaults (it never syncs) unless the row says flush.messages=1.',
    'The ratios are Millrace divided by Kafka, round by round. The sink is a broker that stores nothing and acknowledges at once: what the client reaches',
    'against it is the most that any broker can reach here, and its line beside Kafka the largest ratio there can be. Run it again: `./millrace bench bus`.', '',
    '![Records a second of every side, as multiples of Kafka\'s](speed.svg)', '',
  ];
  for (const [name, { title, figures }] of Object.entries(busRows)) {
    const row = bus.rows[name];
    if (row === undefined) continue;
    lines.push(`### ${title}`, '', `${row.date.slice(0, 10)}, ${row.rounds} rounds; a lone sync of this disk took ${cell(row.loneSyncMs)} ms meanwhile.`, '');
    for (const figure of figures) {
      const peers = Object.keys(row.figures).filter((side) => side.startsWith('kafka'));
      lines.push(`| ${units[figure]} | | ${peers.map((peer) => `/ ${peer}`).join(' | ')} |`, `|---|---|${peers.map(() => '---|').join('')}`);
      for (const [side, values] of Object.entries(row.figures)) {
        lines.push(`| ${side} | ${cell(values[figure])} | ${peers.map((peer) => cellOrNothing(row.ratios[`${side} / ${peer}`]?.[figure])).join(' | ')} |`);
      }
      lines.push('');
    }
  }
  return lines;
}

function lifeSection({ machine, parts: { startMs, memory, restart, soak } }: LifeResult): string[] {
  const lines = ['## A node\'s life', '', `Machine: ${machine}. Run it again: \`./millrace bench life\`.`, '', '| what | date | Millrace | Apache Kafka |', '|---|---|---|---|'];
  const row = (what: string, date: string, ...cells: readonly string[]) => lines.push(`| ${[what, date.slice(0, 10), ...cells].join(' | ')} |`);
  if (startMs !== undefined) row('process start to first acked record, ms', startMs.date, cell(startMs.figures['millrace']), cell(startMs.figures['kafka']));
  if (memory !== undefined) {
    const { millrace, kafka } = memory.figures as { millrace: { idleMb: number; peakMb: number }; kafka: { idleMb: number; peakMb: number } };
    row('memory idle, MB', memory.date, short(millrace.idleMb), short(kafka.idleMb));
    row('memory at the highest under the producer test, MB', memory.date, short(millrace.peakMb), short(kafka.peakMb));
  }
  if (restart !== undefined) {
    row(`restart after kill -9 with ${restart.figures.gigabytes} GB to first acked record, ms`, restart.date, cell(restart.figures.restartMs), '');
    row('... and the bytes it read, MB', restart.date, cell(restart.figures.readMb), '');
  }
  lines.push('');
  if (soak !== undefined) {
    const { minutes, rate, p50Ms, p99Ms, p999Ms, maxMs, rssMb, openFiles, stalls, journal } = soak.figures;
    lines.push(`A soak of ${minutes} minutes at ${short(rate)} records/s of 100 B, open loop, on ${soak.date.slice(0, 10)}: p50 ${short(p50Ms)} ms, p99 ${short(p99Ms)} ms, p99.9 ${short(p999Ms)} ms, longest ${short(maxMs)} ms; `
      + `the log's thread was held up for more than 20 ms ${stalls.count} times${journal === undefined ? '' : `, ${journal.slow} of ${short(journal.count)} writes of the journal took the disk more than 25 ms`}; memory ${cell(rssMb)} MB, descriptors ${cell(openFiles)}.`, '');
  }
  return lines;
}

/** Single figures of both brokers, a line each. */
function wholeBusSection(): string[] {
  const groups = read<GroupsResult>('groups');
  const share = read<ShareResult>('share');
  const tls = read<TlsResult>('tls');
  const compaction = read<CompactionResult>('compaction');
  const wide = read<WideResult>('wide');
  const lines = ['## Groups, queues, TLS, compaction, many partitions', ''];
  const table = (measured: { date: string; machine: string }, how: string, rows: readonly (readonly [string, string, string])[], head: readonly [string, string] = ['Millrace', 'Apache Kafka']) => lines.push(
    `Measured on ${measured.date.slice(0, 10)}: ${measured.machine}. Run it again: \`./millrace bench ${how}\`.`, '', `| | ${head.join(' | ')} |`, '|---|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`), '');
  if (groups !== null) {
    const row = (name: string, of: (one: GroupsOf) => Spread | undefined): readonly [string, string, string] => [name, cell(of(groups.millrace)), cell(of(groups.kafka))];
    const latencies = ({ commits }: GroupsOf): string => `${short(commits.p50Ms)}, ${short(commits.p99Ms)}`;
    lines.push('### Groups of 50 members', '', 'Milliseconds until all consume again. In the rows of one that leaves both brokers have the same heartbeat interval; joins of the classic protocol wait for',
      'group.initial.rebalance.delay.ms, which is 3 s with Kafka\'s defaults and 0 with ours.', '');
    table(groups, 'groups', [
      ...(['classic, all join', 'classic, one leaves', 'consumer, all join', 'consumer, one leaves'] as const).map((name) => row(name, (one) => one.rebalances[name])),
      [`${short(groups.millrace.commits.rate)} commits/s of 50 groups: p50, p99 ms`, latencies(groups.millrace), latencies(groups.kafka)],
    ]);
  }
  if (share !== null) {
    lines.push('### Share group, 4 consumers, each record acknowledged by itself', '', `Millrace has synced an acknowledgement when it answers, Kafka has not. A lone sync took ${cell(share.loneSyncMs)} ms meanwhile. Ratio of the rates: ${cell(share.ratio)}.`, '');
    table(share, 'share', [['records/s', cell(share.rates['millrace']), cell(share.rates['kafka'])], ['broker CPU s per million records', cell(share.cpuPerMillion['millrace']), cell(share.cpuPerMillion['kafka'])]]);
  }
  if (tls !== null) {
    lines.push('### TLS', '', 'The part of its own rate without TLS that each broker keeps with it, the same Java client on both; and Millrace\'s part by Kafka\'s.', '');
    table(tls, 'tls', Object.entries(tls.rows).map(([name, { kept }]) => [`${name} (Millrace by Kafka: ${cell(kept['millrace / kafka'])})`, cell(kept['millrace']), cell(kept['kafka'])]));
  }
  if (compaction !== null) {
    lines.push('### Compaction beside a load', '', `${short(compaction.gigabytes)} GB of which ${compaction.livePercent} % are live were compacted in ${short(compaction.compactionSeconds)} s beside appends of ${short(compaction.beside.mbPerSecond)} MB/s. p99 is ${short(compaction.p99Ratio)} times that of the load alone.`, '');
    table(compaction, 'compaction', [['produce p50, ms', short(compaction.alone.p50Ms), short(compaction.beside.p50Ms)], ['produce p99, ms', short(compaction.alone.p99Ms), short(compaction.beside.p99Ms)]], ['the load alone', 'beside the compaction']);
  }
  if (wide !== null) {
    const { millrace } = wide;
    lines.push('### Many partitions and connections', '', `A node with ${wide.topics * wide.partitions} partitions in ${wide.topics} topics and ${wide.connections} waiting consumers, beside one with a single partition and none; ${wide.rate} records/s of 100 B over all partitions.`,
      `From the process\'s start to the first acked record: ${cell(millrace.startMs)} ms. Memory: ${cell(millrace.idleMb)} MB after the start, ${cell(millrace.waitingMb)} MB with all connections, ${cell(millrace.peakMb)} MB at the highest. Ratio of the p99: ${cell(millrace.p99Ratio)}.`, '');
    table(wide, 'wide', [['produce p50, ms', cell(millrace.smallP50Ms), cell(millrace.p50Ms)], ['produce p99, ms', cell(millrace.smallP99Ms), cell(millrace.p99Ms)]], ['one partition', 'all of it']);
  }
  return lines;
}

function clientSection(client: ClientResult): string[] {
  const lines = ['## Our client beside kafkajs and @platformatic/kafka', '', `Measured on ${client.at.slice(0, 10)}: ${client.machine}. The same broker, one process each, in turn. Run it again: \`./millrace bench client\`.`, '',
    '| records/s | millrace | kafkajs | @platformatic/kafka | ratio to kafkajs | ratio to @platformatic/kafka |', '|---|---|---|---|---|---|'];
  for (const row of client.rows) {
    const { millrace, kafkajs, platformatic } = row.rates;
    lines.push(`| ${row.work} | ${[millrace, kafkajs, platformatic, row.ratioToKafkajs, row.ratioToPlatformatic].map(cell).join(' | ')} |`);
  }
  return [...lines, ''];
}

const bus = read<BusResult>('bus');
const life = read<LifeResult>('life');
const client = read<ClientResult>('client');
const page = [
  '# Speed', '',
  'Every figure here was measured by the commands of this repository and written by `./millrace bench page`; none is typed by hand. Machines differ and drift:',
  'read the ratios first. Latencies stand beside the time of a lone sync in the same run, because an ack waits for one.', '',
  ...(bus === null ? [] : busSection(bus)), ...wholeBusSection(), ...(life === null ? [] : lifeSection(life)), ...(client === null ? [] : clientSection(client)),
];
if (bus !== null) writeFileSync(join(rootFolder, 'docs/guide/speed.svg'), chart(bus));
writeFileSync(join(rootFolder, 'docs/guide/speed.md'), `${page.join('\n').trimEnd()}\n`);
console.log('docs/guide/speed.md is written');
