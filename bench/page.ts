// bench/page.ts - docs/guide/speed.md and its picture from the figures in bench/results: nothing on the page is typed by hand.
// Usage: ./millrace bench page
// Owns: the page's text and tables. Never: measuring (bus.ts, life.ts, client.ts), judging: bars are named beside the figures.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../test/peers/places.ts';
import { barChart, type BarGroup } from './chart.ts';
import { short, type Spread } from './measure.ts';

type Row = { date: string; rounds: number; figures: Record<string, Record<string, Spread | null>>; ratios: Record<string, Record<string, Spread | null>>; loneSyncMs: Spread | null };
type BusResult = { machine: string; rows: Record<string, Row> };
type LifeResult = {
  date: string; machine: string; startMs?: Record<string, Spread>; memory?: Record<string, { idleMb: number; peakMb: number }>;
  restart?: { gigabytes: number; restartMs: Spread; readMb: Spread }; soak?: Record<string, unknown>;
};
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
  'ticks-1p': { title: 'the same by ready-made requests on 4 connections, one every 5 ms each, 1 partition', figures: ['p50Ms', 'p99Ms', 'p999Ms', 'cpuPerMillion'] },
  'ticks-1000p': { title: 'the same over 1,000 partitions: 25 of them a request', figures: ['p50Ms', 'p99Ms', 'p999Ms', 'cpuPerMillion'] },
};

const units: Record<string, string> = {
  rate: 'records/s', cpuPerMillion: 'broker CPU s per million records', devicePerPayload: 'device bytes per payload byte', mbPerSecond: 'MB/s',
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
    if (row === undefined || kafka === undefined || name.startsWith('paced') || name.startsWith('ticks') || name === 'end-to-end') return [];
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

function lifeSection(life: LifeResult): string[] {
  const lines = ['## A node\'s life', '', `Measured on ${life.date.slice(0, 10)}: ${life.machine}. Run it again: \`./millrace bench life\`.`, '', '| what | Millrace | Apache Kafka |', '|---|---|---|'];
  if (life.startMs !== undefined) lines.push(`| process start to first acked record, ms | ${cell(life.startMs['millrace'])} | ${cell(life.startMs['kafka'])} |`);
  if (life.memory !== undefined) {
    lines.push(`| memory idle, MB | ${short(life.memory['millrace']!.idleMb)} | ${short(life.memory['kafka']!.idleMb)} |`);
    lines.push(`| memory at the highest under the producer test, MB | ${short(life.memory['millrace']!.peakMb)} | ${short(life.memory['kafka']!.peakMb)} |`);
  }
  if (life.restart !== undefined) {
    lines.push(`| restart after kill -9 with ${life.restart.gigabytes} GB to first acked record, ms | ${cell(life.restart.restartMs)} | |`);
    lines.push(`| ... and the bytes it read, MB | ${cell(life.restart.readMb)} | |`);
  }
  lines.push('');
  const soak = life.soak as Record<string, number> | undefined;
  if (soak !== undefined) {
    lines.push(`A soak of ${soak['minutes']} minutes at ${short(soak['rate']!)} records/s of 100 B, open loop: p50 ${short(soak['p50Ms']!)} ms, p99 ${short(soak['p99Ms']!)} ms, `
      + `p99.9 ${short(soak['p999Ms']!)} ms, longest ${short(soak['maxMs']!)} ms; memory ${cell(soak['rssMb'] as never)} MB, descriptors ${cell(soak['openFiles'] as never)}.`, '');
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
  ...(bus === null ? [] : busSection(bus)), ...(life === null ? [] : lifeSection(life)), ...(client === null ? [] : clientSection(client)),
];
if (bus !== null) writeFileSync(join(rootFolder, 'docs/guide/speed.svg'), chart(bus));
writeFileSync(join(rootFolder, 'docs/guide/speed.md'), `${page.join('\n').trimEnd()}\n`);
console.log('docs/guide/speed.md is written');
