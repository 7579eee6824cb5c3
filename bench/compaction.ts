// bench/compaction.ts - what compaction costs those who append meanwhile.
// Usage: ./millrace bench compaction [--gigabytes N] [--live PERCENT] [--rate MB/S] [--seconds N] [--json FILE]
// A table of so many gigabytes (1 KB records, of which the given share is the last of its key) lies in a topic that is not compacted. A load of ready-made
// requests of 100 KB at a fixed rate, open loop, appends to another topic: first beside nothing, then while the table is compacted, from the change of
// its policy until it has shrunk. Latencies count from the moment a request was due. The bar: p99 at most 1.5 times that of the load alone.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, type Client } from '../packages/millrace/src/client/mod.ts';
import { nodeClock, nodeNet } from '../packages/millrace/src/os/mod.ts';
import { RawClient } from '../packages/millrace/src/testing/sim/node/raw-client.ts';
import { BatchBuilder, Produce } from '../packages/millrace/src/wire/mod.ts';
import { rootFolder } from '../test/peers/places.ts';
import { startMillrace } from '../test/peers/millrace.ts';
import { accountOf, machineLine, saveResult, short } from './measure.ts';

const recordBytes = 1000;
const requestRecords = 100;
const connections = 4;
const table = 'table';
const load = 'load';

interface Figures { readonly requests: number; readonly p50Ms: number; readonly p99Ms: number; readonly worstMs: number; readonly mbPerSecond: number }

/** Fills the table: keys in an order of their own, so that the last record of each lies anywhere in the last round. */
async function fill(client: Client, gigabytes: number, livePercent: number): Promise<number> {
  const records = Math.round((gigabytes * 1e9) / recordBytes);
  const keys = Math.max(1, Math.round((records * livePercent) / 100));
  await using producer = client.producer({ linger: 5 } as never);
  const value = new Uint8Array(recordBytes - 30).map((_, index) => (index * 37) % 251);
  let waiting: Promise<unknown>[] = [];
  for (let record = 0; record < records; record++) {
    waiting.push(producer.send({ topic: table, key: `key-${(record * 7919) % keys}`, value }));
    if (waiting.length < 20_000) continue;
    await Promise.all(waiting);
    waiting = [];
  }
  await Promise.all(waiting);
  return keys;
}

/** Sends requests when they are due until told to stop; latencies in ms. */
async function drive(port: number, mbPerSecond: number, stop: () => boolean): Promise<Figures> {
  const builder = new BatchBuilder();
  for (let record = 0; record < requestRecords; record++) builder.append(Date.now(), null, new Uint8Array(recordBytes - 10));
  const records = builder.finish();
  const clients = Array.from({ length: connections }, (_, index) => new RawClient(`load-${index}`, { net: nodeNet(), clock: nodeClock() }, { host: '127.0.0.1', port }, { connectMs: 5000, answerMs: 60_000 }));
  await Promise.all(clients.map((client) => client.connect()));
  const everyMs = (records.length / (mbPerSecond * 1e6)) * 1000;
  const latencies: number[] = [];
  const fromMs = performance.now();
  let sent = 0;
  const waiting = new Set<Promise<void>>();
  while (!stop()) {
    for (; performance.now() - fromMs >= sent * everyMs; sent++) {
      const dueMs = fromMs + sent * everyMs;
      const answered = clients[sent % connections]!.send(Produce, 9, { acks: -1, timeoutMs: 30_000, topicData: [{ name: load, partitionData: [{ index: sent % connections, records }] }] }, 60_000).then(({ responses }) => {
        if (responses[0]!.partitionResponses[0]!.errorCode !== 0) throw new Error(`Cannot append: error ${responses[0]!.partitionResponses[0]!.errorCode}`);
        latencies.push(performance.now() - dueMs);
        waiting.delete(answered);
      });
      waiting.add(answered);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(waiting);
  const seconds = (performance.now() - fromMs) / 1000;
  for (const client of clients) client.drop();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { requests: latencies.length, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1), mbPerSecond: (latencies.length * records.length) / seconds / 1e6 };
}

async function tableBytes(client: Client): Promise<number> {
  const folders = await client.admin().describeLogDirs();
  return folders.flatMap(({ partitions }) => partitions).filter(({ topic }) => topic === table).reduce((sum, { bytes }) => sum + bytes, 0);
}

function said(name: string, { requests, p50Ms, p99Ms, worstMs, mbPerSecond }: Figures): void {
  console.log(`${name}: ${requests} requests at ${short(mbPerSecond)} MB/s; p50 ${short(p50Ms)} ms, p99 ${short(p99Ms)} ms, worst ${short(worstMs)} ms`);
}

async function measure(gigabytes: number, livePercent: number, mbPerSecond: number, seconds: number): Promise<Record<string, unknown>> {
  const node = await startMillrace({ script: true, flags: ['--set', 'log.cleaner.backoff.ms=500'] });
  try {
    await using client = await connect(node.bootstrap);
    const admin = client.admin();
    await admin.createTopics([{ topic: table, partitions: 1, configs: { 'segment.bytes': String(64 << 20), 'file.delete.delay.ms': '0', 'retention.ms': '-1' } }, { topic: load, partitions: connections, configs: { 'retention.bytes': String(1 << 30) } }]);
    const keys = await fill(client, gigabytes, livePercent);
    const before = await tableBytes(client);
    console.log(`${short(before / 1e9)} GB in the table, ${short(keys)} keys`);
    const timed = async (run: () => Promise<void>): Promise<Figures> => {
      let stopped = false;
      const driving = drive(node.port, mbPerSecond, () => stopped);
      await run().finally(() => { stopped = true; });
      return driving;
    };
    const pause = (s: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, s * 1000));
    await timed(() => pause(3)); // warm
    const alone = await timed(() => pause(seconds));
    said('beside nothing', alone);
    const cpuBefore = accountOf(node.pid).cpuSeconds;
    const beganMs = performance.now();
    let compactionSeconds = 0;
    const beside = await timed(async () => {
      await admin.alterConfigs([{ kind: 'topic', name: table, set: { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' } }]);
      // What is left is the live share, and the segment that is being filled.
      while (await tableBytes(client) > before * (livePercent / 100) * 2 + (64 << 20)) await pause(0.2);
      compactionSeconds = (performance.now() - beganMs) / 1000;
    });
    said(`while ${short(before / 1e9)} GB are compacted in ${short(compactionSeconds)} s`, beside);
    const after = await tableBytes(client);
    const figures = { gigabytes: before / 1e9, livePercent, keys, alone, beside, p99Ratio: beside.p99Ms / alone.p99Ms, compactionSeconds, cpuSeconds: accountOf(node.pid).cpuSeconds - cpuBefore, leftBytes: after, rssPeakMb: accountOf(node.pid).rssPeakBytes / 2 ** 20 };
    console.log(`p99 ${short(figures.p99Ratio)} times that of the load alone; ${short(before / 1e6 / compactionSeconds)} MB/s compacted, ${short(after / 1e6)} MB left; node at most ${short(figures.rssPeakMb)} MB`);
    return figures;
  } finally { await node.dispose(); }
}

const { values } = parseArgs({ options: {
  gigabytes: { type: 'string', default: '10' }, live: { type: 'string', default: '5' }, rate: { type: 'string', default: '20' }, seconds: { type: 'string', default: '20' }, json: { type: 'string' },
} });
console.log(`${new Date().toISOString().slice(0, 10)}  ${machineLine()}`);
const result = { date: new Date().toISOString(), machine: machineLine(), ...await measure(Number(values.gigabytes), Number(values.live), Number(values.rate), Number(values.seconds)) };
const file = values.json ?? join(rootFolder, 'bench/results/compaction.json');
saveResult(file, result);
