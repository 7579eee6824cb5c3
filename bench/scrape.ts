// bench/scrape.ts - what watching costs: CPU of the counts per million records, and the latency of writes while somebody scrapes without a pause.
// Usage: ./millrace bench scrape [--against MAIN] [--rounds N] [--requests N] [--seconds N] [--scrapers N] [--partitions N] [--json FILE]
// `--against` is the main.ts of another checkout, such as one before a change of the counts: both are driven in turn. Requests are made once and sent over four
// connections with 32 under way on each, so the driver's share of the machine is small and the same. Linux only (reads /proc).
import { type ChildProcess, spawn } from 'node:child_process';
import { createConnection, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { connect } from '../packages/millrace/src/client/mod.ts';
import { BatchBuilder, encodeRequest, Produce } from '../packages/millrace/src/wire/mod.ts';
import type { Broker } from '../test/peers/broker.ts';
import { startMillrace } from '../test/peers/millrace.ts';
import { freePorts, sleep } from '../test/peers/processes.ts';
import { loneSync } from './lone-sync.ts';
import { accountOf, machineLine, ratioSpread, saveResult, short, shortSpread, spread } from './measure.ts';

const connections = 4;
const inFlight = 32;
const topic = 'scrape';

/** One Produce request of `records` records of 100 bytes. */
function requestOf(records: number): Buffer {
  const builder = new BatchBuilder();
  for (let i = 0; i < records; i++) builder.append(Date.now(), null, 'x'.repeat(100));
  return Buffer.concat(encodeRequest(Produce, 9, { correlationId: 1, clientId: 'bench' }, { acks: 1, timeoutMs: 30_000, topicData: [{ name: topic, partitionData: [{ index: 0, records: builder.finish() }] }] }));
}

/** A connection that counts answers. */
function dial(broker: Broker, onAnswers: (count: number) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: broker.host, port: broker.port, noDelay: true }, () => resolve(socket));
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', reject).on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      let count = 0;
      while (rest.length - at >= 4 && rest.length - at >= 4 + rest.readInt32BE(at)) { at += 4 + rest.readInt32BE(at); count++; }
      rest = rest.subarray(at);
      if (count > 0) onAnswers(count);
    });
  });
}

/** CPU seconds of the node per million requests. */
async function flood(broker: Broker, request: Buffer, requests: number): Promise<number> {
  let sent = 0;
  let answered = 0;
  let done!: () => void;
  const over = new Promise<void>((resolve) => { done = resolve; });
  const sockets: Socket[] = [];
  const send = (socket: Socket, count: number): void => { for (let i = 0; i < count && sent < requests; i++, sent++) socket.write(request); };
  for (let i = 0; i < connections; i++) sockets.push(await dial(broker, (count) => { answered += count; if (answered === requests) done(); else send(sockets[i]!, count); }));
  const before = accountOf(broker.pid).cpuSeconds;
  for (const socket of sockets) send(socket, inFlight);
  await over;
  const cpu = accountOf(broker.pid).cpuSeconds - before;
  for (const socket of sockets) socket.destroy();
  return cpu / requests * 1e6;
}

/** Latencies in ms of one request each so many ms, whether or not those before are answered. */
async function paced(broker: Broker, request: Buffer, seconds: number, everyMs: number): Promise<number[]> {
  const latencies: number[] = [];
  const sentAt: number[] = [];
  const socket = await dial(broker, (count) => { for (let i = 0; i < count; i++) latencies.push(performance.now() - sentAt.shift()!); });
  const from = performance.now();
  for (let number = 0; number * everyMs < seconds * 1000; number++) {
    const due = from + number * everyMs;
    await sleep(Math.max(0, due - performance.now()));
    sentAt.push(due);
    socket.write(request);
  }
  await sleep(500);
  socket.destroy();
  return latencies;
}

const quantile = (values: readonly number[], part: number): number => [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;

/** Scrapes without a pause from a process of its own; the returned function ends it and says how often. */
function scrapeFrom(url: string, scrapers: number): () => Promise<number> {
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', `
    let count = 0;
    process.on('SIGTERM', () => { console.log(count); process.exit(); });
    const run = async () => { for (;;) { await (await fetch(${JSON.stringify(url)})).arrayBuffer(); count++; } };
    await Promise.all(Array.from({ length: ${scrapers} }, run));`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout!.on('data', (chunk: Buffer) => { said += chunk.toString(); });
  return () => new Promise((resolve) => { child.on('close', () => resolve(Number(said))); child.kill('SIGTERM'); });
}

async function makeTopic(broker: Broker, partitions: number): Promise<void> {
  await using client = await connect(broker.bootstrap);
  await client.admin().createTopics([{ topic, partitions: 1 }, ...(partitions > 0 ? [{ topic: 'wide', partitions }] : [])]);
}

const { values } = parseArgs({ options: { against: { type: 'string' }, rounds: { type: 'string' }, requests: { type: 'string' }, seconds: { type: 'string' }, scrapers: { type: 'string' }, partitions: { type: 'string' }, json: { type: 'string' } } });
const rounds = Number(values.rounds ?? 5);
const requests = Number(values.requests ?? 100_000);
const seconds = Number(values.seconds ?? 20);
const scrapers = Number(values.scrapers ?? 8);
const partitions = Number(values.partitions ?? 10_000);
console.log(`${new Date().toISOString().slice(0, 10)}  ${machineLine()}  lone sync ${shortSpread(spread(loneSync(50)))} ms`);
const report: Record<string, unknown> = {};

if (rounds > 0) {
  const entries = { now: undefined, ...(values.against === undefined ? {} : { against: values.against }) };
  const brokers: [string, Broker][] = [];
  for (const [name, entry] of Object.entries(entries)) {
    if (entry !== undefined) process.env['MILLRACE_ENTRY'] = entry;
    brokers.push([name, await startMillrace()]);
    delete process.env['MILLRACE_ENTRY'];
  }
  try {
    for (const [, broker] of brokers) await makeTopic(broker, 0);
    for (const [what, records, share] of [['1 record a request', 1, 1], ['1000 records a request', 1000, 0.02]] as const) {
      const request = requestOf(records);
      const cpu: Record<string, number[]> = Object.fromEntries(brokers.map(([name]) => [name, []]));
      for (let round = -1; round < rounds; round++) {
        for (const [name, broker] of round % 2 === 0 ? brokers : brokers.toReversed()) {
          const seconds = await flood(broker, request, Math.round(requests * share)) / records;
          if (round >= 0) cpu[name]!.push(seconds);
        }
      }
      report[what] = cpu;
      const ratio = cpu['against'] === undefined ? '' : `, ${shortSpread(spread(cpu['against']))} before: ratio ${shortSpread(ratioSpread(cpu['now']!, cpu['against']))}`;
      console.log(`${what}: ${shortSpread(spread(cpu['now']!))} CPU s per million records${ratio}`);
    }
  } finally { for (const [, broker] of brokers) await broker.dispose(); }
}

if (seconds > 0) {
  const [port] = await freePorts(1);
  const broker = await startMillrace({ flags: ['--metrics-port', String(port)] });
  try {
    await makeTopic(broker, partitions);
    const request = requestOf(1);
    await paced(broker, request, 5, 2);
    for (const storm of [0, scrapers, 0, scrapers]) {
      const stop = storm === 0 ? async () => 0 : scrapeFrom(`http://127.0.0.1:${port}/metrics?detail=partition`, storm);
      await sleep(1_000);
      const latencies = await paced(broker, request, seconds, 2);
      const scrapes = await stop();
      const told = { scrapers: storm, scrapes, partitions, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), p999Ms: quantile(latencies, 0.999) };
      (report['latency'] ??= [] as object[]) && (report['latency'] as object[]).push(told);
      console.log(`${storm} scrapers of ${partitions} partitions (${scrapes} answers in ${seconds} s): a write takes p50 ${short(told.p50Ms)} ms, p99 ${short(told.p99Ms)} ms, p99.9 ${short(told.p999Ms)} ms`);
    }
  } finally { await broker.dispose(); }
}

if (values.json !== undefined) {
  saveResult(values.json, { date: new Date().toISOString(), machine: machineLine(), ...report });
}
