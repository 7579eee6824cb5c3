// bench/share.ts - a share group as a queue: 4 consumers, each record acknowledged by a request of its own, beside Apache Kafka.
// Usage: ./millrace bench share [--records N] [--rounds N] [--consumers N] [--only millrace] [--json FILE]
// The same client on both, one process for all consumers; the brokers work in turn. An acknowledgement counts when it was answered: Millrace has synced it by
// then, Kafka with its defaults has not. A round counts only if every record was accepted exactly once and nothing is left to do.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from '../packages/millrace/src/client/mod.ts';
import type { Broker } from '../test/peers/broker.ts';
import { installJava } from '../test/peers/install.ts';
import { rootFolder } from '../test/peers/places.ts';
import { sleep } from '../test/peers/processes.ts';
import { startKafka, startMillrace } from './brokers.ts';
import { loneSync } from './lone-sync.ts';
import { accountOf, machineLine, ratioSpread, saveResult, short, shortSpread, spread } from './measure.ts';

const { values } = parseArgs({ options: {
  records: { type: 'string', default: '20000' }, rounds: { type: 'string', default: '5' }, consumers: { type: 'string', default: '4' }, only: { type: 'string' }, json: { type: 'string' },
} });
const recordCount = Number(values.records);
const consumerCount = Number(values.consumers);
const partitions = 4;
const value = 'x'.repeat(100);

/** One round: records per second from the first acknowledgement to the last, and the broker's CPU seconds per million records. */
async function round(broker: Broker, number: number): Promise<{ perSecond: number; cpuPerMillion: number }> {
  await using client = await connect(broker.bootstrap);
  const admin = client.admin();
  const [topic, group] = [`jobs-${number}`, `workers-${number}`];
  await admin.createTopics([{ topic, partitions }]);
  await admin.alterConfigs([{ kind: 'group', name: group, set: { 'share.auto.offset.reset': 'earliest' } }]);
  const consumers = Array.from({ length: consumerCount }, () => client.shareConsumer({ group, topics: [topic], acknowledgement: 'explicit' }));
  for (const consumer of consumers) consumer.start();
  while (consumers.some((consumer) => consumer.assignment.length === 0)) await sleep(50);
  const producer = client.producer();
  await Promise.all(Array.from({ length: recordCount }, (_, index) => producer.send({ topic, partition: index % partitions, value })));
  const done = new Set<string>();
  let startMs = 0;
  const before = accountOf(broker.pid);
  await Promise.all(consumers.map(async (consumer) => {
    for await (const record of consumer) {
      startMs ||= performance.now();
      record.accept();
      for (const { error } of await consumer.commit()) if (error !== null) throw error;
      const place = `${record.partition}/${record.offset}`;
      if (done.has(place)) throw new Error(`${place} was accepted twice`);
      done.add(place);
      if (done.size === recordCount) for (const other of consumers) if (other !== consumer) void other.close();
      if (done.size >= recordCount) break;
    }
  }));
  const seconds = (performance.now() - startMs) / 1000;
  const cpuSeconds = accountOf(broker.pid).cpuSeconds - before.cpuSeconds;
  const lag = (await admin.shareGroupPositions(group)).reduce((total, one) => total + one.lag, 0);
  if (done.size !== recordCount || lag !== 0) throw new Error(`${done.size} of ${recordCount} records were accepted, ${lag} are left`);
  return { perSecond: recordCount / seconds, cpuPerMillion: cpuSeconds * 1e6 / recordCount };
}

if (values.only !== 'millrace') await installJava('4.3');
console.log(`${new Date().toISOString().slice(0, 10)}  ${machineLine()}`);
await using open = new AsyncDisposableStack();
const brokers = new Map<string, Broker>();
for (const [name, start] of [['millrace', () => startMillrace()], ['kafka', startKafka]] as const) {
  if (values.only !== undefined && values.only !== name) continue;
  const broker = await start();
  open.defer(() => broker.dispose());
  brokers.set(name, broker);
}
const rates = new Map<string, number[]>([...brokers.keys()].map((name) => [name, []]));
const cpus = new Map<string, number[]>([...brokers.keys()].map((name) => [name, []]));
const syncs: number[] = [];
for (let number = 0; number <= Number(values.rounds); number++) {
  syncs.push(...loneSync(20));
  for (const [name, broker] of number % 2 === 0 ? brokers : [...brokers].toReversed()) {
    const { perSecond, cpuPerMillion } = await round(broker, number);
    console.log(`  ${name}: ${number === 0 ? 'warm-up, ' : ''}${short(perSecond)} records/s, ${short(cpuPerMillion)} CPU s per million`);
    if (number === 0) continue;
    rates.get(name)!.push(perSecond);
    cpus.get(name)!.push(cpuPerMillion);
  }
}
const row = `share group, ${consumerCount} consumers, acknowledge one by one`;
for (const [name, each] of rates) console.log(`${row}: ${name} ${shortSpread(spread(each))} records/s`);
const ratio = brokers.size === 2 ? ratioSpread(rates.get('millrace')!, rates.get('kafka')!) : null;
if (ratio !== null) console.log(`${row}: Millrace / Kafka ${shortSpread(ratio)}; a lone sync took ${shortSpread(spread(syncs))} ms meanwhile`);
const of = (series: Map<string, number[]>) => Object.fromEntries([...series].map(([name, each]) => [name, spread(each)]));
const file = values.json ?? join(rootFolder, 'bench/results/share.json');
saveResult(file, { date: new Date().toISOString(), machine: machineLine(), records: recordCount, consumers: consumerCount, rates: of(rates), cpuPerMillion: of(cpus), ratio, loneSyncMs: spread(syncs) });
