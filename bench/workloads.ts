// bench/workloads.ts - the bus's workloads, each a command that a user could type, parsed into figures.
// Owns: how each tool is called and read. Never: who is compared with whom (bus.ts), statistics (measure.ts).
import { run, start } from '../test/peers/processes.ts';
import { accountOf, type ProcessAccount } from './measure.ts';

/** A broker under test. */
export interface Target {
  readonly name: string;
  readonly bootstrap: string;
  readonly pid: number;
  /** Settings that its topics get. */
  readonly topicConfig: Readonly<Record<string, string>>;
  /** A file of further settings for Java's clients, such as those of TLS. */
  readonly clientConfig?: string;
}

/** Where the Java tools are. */
export interface JavaTools { readonly java: string; readonly classpath: string }

/** Figures of one round; all are numbers so that any of them can be compared. */
export type Figures = Readonly<Record<string, number>>;

/** One round of a workload against one target on a fresh topic. */
export type Workload = (target: Target, topic: string, tools: JavaTools) => Promise<Figures>;

const heap = ['-Xmx512m', '-Xms512m'];

async function java(tools: JavaTools, mainClass: string, args: readonly string[], timeoutMs = 180_000): Promise<string> {
  const finished = await run(tools.java, [...heap, '-cp', tools.classpath, mainClass, ...args], { timeoutMs });
  if (finished.code !== 0) throw new Error(`Cannot measure with ${mainClass}: exit code ${finished.code}\n${finished.stderr.slice(-2000)}${finished.stdout.slice(-500)}`);
  return finished.stdout;
}

/** Runs `body` and adds the broker's CPU seconds per million records, its device bytes per payload byte, and its memory. */
async function withAccount(target: Target, records: number, payloadBytes: number, body: () => Promise<Figures>): Promise<Figures> {
  const before = accountOf(target.pid);
  const figures = await body();
  const after = accountOf(target.pid);
  return {
    ...figures,
    cpuPerMillion: (after.cpuSeconds - before.cpuSeconds) / (records / 1e6),
    devicePerPayload: (after.deviceBytes - before.deviceBytes) / payloadBytes,
    rssMb: after.rssBytes / 2 ** 20,
  };
}

/** kafka-producer-perf-test at full speed: linger 5 ms, batches of 128 KiB. */
export function producerPerf(records: number, recordBytes: number, more: (topic: string) => readonly string[] = () => []): Workload {
  return (target, topic, tools) => withAccount(target, records, records * recordBytes, async () => {
    const text = await java(tools, 'org.apache.kafka.tools.ProducerPerformance', [
      '--topic', topic, '--num-records', String(records), '--record-size', String(recordBytes), '--throughput', '-1',
      '--producer-props', `bootstrap.servers=${target.bootstrap}`, 'linger.ms=5', 'batch.size=131072', 'acks=all', ...more(topic),
      ...(target.clientConfig === undefined ? [] : ['--producer.config', target.clientConfig]),
    ]);
    const last = /(\d+) records sent, ([\d.]+) records\/sec.*?([\d.]+) ms avg latency, ([\d.]+) ms max latency, (\d+) ms 50th, (\d+) ms 95th, (\d+) ms 99th, (\d+) ms 99\.9th/.exec(lastLineWith(text, '99.9th'));
    if (last === null || Number(last[1]) !== records) throw new Error(`Cannot read the producer's result against ${target.name}: ${text.slice(-500)}`);
    return { rate: Number(last[2]), p50Ms: Number(last[5]), p99Ms: Number(last[7]) };
  });
}

/** The same with transactions, one commit each 100 ms. */
export function transactionalPerf(records: number, recordBytes: number): Workload {
  return producerPerf(records, recordBytes, (topic) => ['--transactional-id', topic, '--transaction-duration-ms', '100']);
}

/** kafka-consumer-perf-test over `records` that are there already; the rate is its fetch rate, without the group's join. */
export function consumerPerf(records: number, recordBytes: number): Workload {
  return (target, topic, tools) => withAccount(target, records, records * recordBytes, async () => {
    const text = await java(tools, 'org.apache.kafka.tools.ConsumerPerformance', [
      '--topic', topic, '--bootstrap-server', target.bootstrap, '--messages', String(records), '--hide-header', '--timeout', '60000',
      ...(target.clientConfig === undefined ? [] : ['--consumer.config', target.clientConfig]),
    ]);
    const fields = lastLineWith(text, ',').split(',').map((field) => field.trim());
    // start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
    if (Number(fields[4]) < records) throw new Error(`Cannot count the consumed records of ${target.name}: ${text.slice(-500)}`);
    return { rate: Number(fields[9]), mbPerSecond: Number(fields[8]) };
  });
}

/** One record at a time, produced, acknowledged, consumed: the loop of Kafka's EndToEndLatency in microseconds. */
export function endToEnd(recordBytes: number, seconds: number): Workload {
  return (target, topic, tools) => load(target, tools, ['trip', target.bootstrap, topic, 1, recordBytes, seconds]);
}

/** Fifty producers, one record a request, each waiting for its ack. */
export function oneRecordARequest(producers: number, recordBytes: number, seconds: number): Workload {
  return (target, topic, tools) => load(target, tools, ['closed', target.bootstrap, topic, producers, recordBytes, seconds]);
}

/** The same from one thread that sends ready-made requests: nearly all of the machine is the broker's. */
export function readyRequests(connections: number, recordBytes: number, seconds: number): Workload {
  return (target, topic, tools) => load(target, tools, ['raw', target.bootstrap, topic, connections, recordBytes, seconds]);
}

/** Open loop at a named rate over the topic's partitions, round robin. */
export function paced(producers: number, recordBytes: number, seconds: number, rate: number): Workload {
  return (target, topic, tools) => load(target, tools, ['paced', target.bootstrap, topic, producers, recordBytes, seconds, rate]);
}

/** The same by ready-made requests: each connection sends one every 5 ms, with a record for each of as many partitions. */
export function ticks(connections: number, recordBytes: number, seconds: number, rate: number): Workload {
  return (target, topic, tools) => load(target, tools, ['tick', target.bootstrap, topic, connections, recordBytes, seconds, rate]);
}

/** Transactions as fast as they go, a commit each 100 ms. */
export function transactionStream(recordBytes: number, seconds: number): Workload {
  return (target, topic, tools) => load(target, tools, ['stream', target.bootstrap, topic, 1, recordBytes, seconds, 100], 'Transactions');
}

/** Small transactions at a named rate, open loop; latencies are from when each was due. */
export function smallTransactions(producers: number, recordBytes: number, seconds: number, perSecond: number, records: number): Workload {
  return (target, topic, tools) => load(target, tools, ['small', target.bootstrap, topic, producers, recordBytes, seconds, perSecond, records], 'Transactions');
}

/** Records that are there already, consumed, written to another topic and committed with their offsets, each 100 ms. */
export function consumeTransformProduce(records: number, recordBytes: number): Workload {
  return (target, topic, tools) => load(target, tools, ['pipe', target.bootstrap, topic, 1, recordBytes, 0, records], 'Transactions');
}

async function load(target: Target, tools: JavaTools, args: readonly (string | number)[], mainClass: 'Load' | 'Transactions' = 'Load'): Promise<Figures> {
  const running = start(tools.java, [...heap, '-cp', tools.classpath, mainClass, ...args.map(String)], { keepStdout: true });
  let before: ProcessAccount | null = null;
  let text = '';
  running.child.stdout!.on('data', (chunk: Buffer) => { text += chunk.toString(); });
  // The load says when its warm-up is over, and the broker's account is taken from there.
  running.child.stderr!.on('data', (chunk: Buffer) => { if (chunk.includes('COUNTING')) before ??= accountOf(target.pid); });
  const closed = new Promise<void>((resolve) => running.child.on('close', () => resolve()));
  const code = await running.ended;
  await closed;
  const after = accountOf(target.pid);
  const from = before as ProcessAccount | null;
  if (code !== 0 || from === null) throw new Error(`Cannot load ${target.name}: exit code ${code}\n${running.output().slice(-2000)}`);
  const found = JSON.parse(lastLineWith(text, '{')) as Record<string, number>;
  if (!(found['records']! > 0)) throw new Error(`Cannot measure ${target.name}: no record was acknowledged within ${args[5]} s`);
  return {
    rate: found['rate']!, p50Ms: found['p50Us']! / 1000, p99Ms: found['p99Us']! / 1000, p999Ms: found['p999Us']! / 1000, maxMs: found['maxUs']! / 1000,
    cpuPerMillion: (after.cpuSeconds - from.cpuSeconds) / (found['records']! / 1e6),
    rssMb: after.rssBytes / 2 ** 20, openFiles: after.openFiles,
    ...(found['commitP99Us'] === undefined ? {} : { transactionsPerSecond: found['transactionsPerSecond']!, commitP50Ms: found['commitP50Us']! / 1000, commitP99Ms: found['commitP99Us'] / 1000 }),
  };
}

function lastLineWith(text: string, mark: string): string {
  return text.split('\n').filter((line) => line.includes(mark)).at(-1) ?? '';
}
