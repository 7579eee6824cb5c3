// bench/unread.ts - clients that ask and never read: what 2,000 of them cost one that behaves.
// Usage: ./millrace bench unread [--clients N] [--fetches N] [--seconds N] [--json FILE]
// A well-behaved client produces a record and fetches it, one at a time; then the others, long connected, send their fetches of all there
// is (64 MiB) at once and take nothing. Its latencies before and after, the node's memory and stalls. Linux only (reads /proc).
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { askNode } from '../packages/millrace/src/cli/control.ts';
import { connect } from '../packages/millrace/src/client/mod.ts';
import { nodeClock, nodeNet } from '../packages/millrace/src/os/mod.ts';
import { PartitionHistory } from '../packages/millrace/src/testing/sim/node/history.ts';
import { RawClient } from '../packages/millrace/src/testing/sim/node/raw-client.ts';
import { fetchOnce } from '../packages/millrace/src/testing/sim/node/readers.ts';
import { encodeRequest, Fetch } from '../packages/millrace/src/wire/mod.ts';
import { rootFolder } from '../test/peers/places.ts';
import { start } from '../test/peers/processes.ts';
import { startMillrace } from './brokers.ts';
import { accountOf, machineLine, saveResult, short } from './measure.ts';

const payloadBytes = 64 << 20;
const topic = 'unread';

/** Opens the connections, says CONNECTED, sends all fetches at once when told; never reads a byte. */
async function neverRead(port: number, clients: number, fetches: number): Promise<void> {
  const request = (id: number) => Buffer.concat(encodeRequest(Fetch, 12, { correlationId: id, clientId: 'unread' }, {
    maxWaitMs: 0, minBytes: 1, maxBytes: 50 << 20, sessionEpoch: -1, topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 50 << 20 }] }],
  }));
  const requests = Buffer.concat(Array.from({ length: fetches }, (_, id) => request(id)));
  const sockets: Socket[] = [];
  for (let i = 0; i < clients; i++) {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.pause();
    await once(socket, 'connect');
    socket.on('error', () => {}); // the node ended it
    sockets.push(socket);
  }
  console.log('CONNECTED');
  await once(process.stdin, 'data');
  for (const socket of sockets) socket.write(requests);
  setInterval(() => {}, 60_000);
}

interface Sample { readonly atMs: number; readonly produceMs: number; readonly fetchMs: number }

/** Produces one record and fetches it, again and again, until told to stop. */
async function behave(port: number, samples: Sample[], stop: () => boolean): Promise<void> {
  await using client = await connect(`127.0.0.1:${port}`);
  await client.admin().createTopics([{ topic: 'good', partitions: 1 }]);
  await using producer = client.producer();
  const reader = new RawClient('good', { net: nodeNet(), clock: nodeClock() }, { host: '127.0.0.1', port });
  const target = { topic: 'good', partition: 0, history: new PartitionHistory('good-0', 'synced') };
  while (!stop()) {
    const atMs = performance.now();
    const { offset } = await producer.send({ topic: 'good', value: 'x'.repeat(100) });
    const producedMs = performance.now();
    const { records, errorCode } = await fetchOnce(reader, target, offset, { waitMs: 1000, bytesMax: 1 << 20 });
    if (errorCode !== 0) throw new Error(`Cannot fetch from 'good' at ${offset}: error ${errorCode}`);
    if (records.length > 0) samples.push({ atMs, produceMs: producedMs - atMs, fetchMs: performance.now() - producedMs });
    else samples.push({ atMs, produceMs: producedMs - atMs, fetchMs: 1000 });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  reader.drop();
}

function said(name: string, samples: readonly Sample[]): Record<string, number> {
  const at = (values: number[], share: number): number => values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
  const [produce, fetch] = [samples.map((s) => s.produceMs), samples.map((s) => s.fetchMs)];
  const figures = { count: samples.length, produceP50: at(produce, 0.5), produceP99: at(produce, 0.99), produceMax: at(produce, 1), fetchP50: at(fetch, 0.5), fetchP99: at(fetch, 0.99), fetchMax: at(fetch, 1) };
  console.log(`${name}: ${figures.count} rounds; produce p50 ${short(figures.produceP50)} ms, p99 ${short(figures.produceP99)} ms, worst ${short(figures.produceMax)} ms; fetch p50 ${short(figures.fetchP50)} ms, p99 ${short(figures.fetchP99)} ms, worst ${short(figures.fetchMax)} ms`);
  return figures;
}

async function measure(clients: number, fetches: number, seconds: number): Promise<Record<string, unknown>> {
  const node = await startMillrace(process.env['PROF'] === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir=/tmp/robust-prof']);
  try {
    await using client = await connect(node.bootstrap);
    await client.admin().createTopics([{ topic, partitions: 1 }]);
    await using producer = client.producer();
    const value = new Uint8Array(512 << 10);
    for (let bytes = 0; bytes < payloadBytes; bytes += value.length) await producer.send({ topic, value });
    const status = async () => (await askNode(join(node.dataFolder, 'data'), { do: 'status' }))!;
    const port = Number(node.bootstrap.split(':').at(-1));
    const samples: Sample[] = [];
    let stopped = false;
    const good = behave(port, samples, () => stopped);
    const pause = (s: number) => new Promise((resolve) => setTimeout(resolve, s * 1000));
    const others = start(process.execPath, [import.meta.filename, '--role', 'unread', '--port', String(port), '--clients', String(clients), '--fetches', String(fetches)], { keepStdout: true });
    while (!others.output().includes('CONNECTED')) await pause(0.1);
    await pause(5);
    const stallsBefore = await status();
    const fromMs = performance.now();
    const before = samples.filter((s) => s.atMs > fromMs - 5000);
    const idleMb = accountOf(node.pid).rssBytes / 2 ** 20;
    others.child.stdin!.write('go');
    let peakMb = 0;
    const watch = setInterval(() => { peakMb = Math.max(peakMb, accountOf(node.pid).rssBytes / 2 ** 20); }, 100);
    await pause(seconds);
    stopped = true;
    await good;
    clearInterval(watch);
    const statusAfter = await status();
    const stalls = statusAfter.stalls.count - stallsBefore.stalls.count;
    await others.end('SIGKILL');
    if (process.env['PROF'] !== undefined) await node.stop();
    const figures = { clients, fetches, before: said('alone', before), after: said(`beside ${clients} that never read`, samples.filter((s) => s.atMs >= fromMs)), idleMb, peakMb, stalls, status: statusAfter };
    console.log(`memory ${short(idleMb)} -> ${short(peakMb)} MB; ${stalls} stalls of more than 20 ms meanwhile; since the start ${JSON.stringify(statusAfter)}`);
    return figures;
  } finally { await node.dispose(); }
}

const { values } = parseArgs({ options: {
  role: { type: 'string' }, port: { type: 'string' }, clients: { type: 'string', default: '2000' }, fetches: { type: 'string', default: '10' },
  seconds: { type: 'string', default: '20' }, json: { type: 'string' },
} });
if (values.role === 'unread') await neverRead(Number(values.port), Number(values.clients), Number(values.fetches));
else {
  console.log(`${new Date().toISOString().slice(0, 10)}  ${machineLine()}`);
  const result = { date: new Date().toISOString(), machine: machineLine(), ...await measure(Number(values.clients), Number(values.fetches), Number(values.seconds)) };
  const file = values.json ?? join(rootFolder, 'bench/results/unread.json');
  saveResult(file, result);
}
