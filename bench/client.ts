// bench/client.ts - the client beside kafkajs and @platformatic/kafka: the same works on the same broker, round by round in turn.
// Usage: node bench/client.ts [--broker millrace|kafka] [--rounds 5] [--records 1000000] [--bytes 100] [--works consume,read,produce] [--json FILE]
// Each work runs in a process of its own, after a pass of warm-up; rates are of the whole work, ratios round by round (noise cancels).
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { connect } from '../packages/millrace/src/client/mod.ts';
import { startKafka } from '../test/peers/kafka.ts';
import { startMillrace } from '../test/peers/millrace.ts';
import { machineLine, ratioSpread, short, spread, type Spread } from './measure.ts';

const { values: flags } = parseArgs({ options: {
  broker: { type: 'string', default: 'millrace' }, rounds: { type: 'string', default: '5' }, records: { type: 'string', default: '1000000' },
  bytes: { type: 'string', default: '100' }, works: { type: 'string', default: '' }, json: { type: 'string' },
} });
const clients = ['millrace', 'kafkajs', 'platformatic'] as const;
const works = ['consume, for await', 'consume, handler', 'consume, batches', 'read, change, write back', 'produce'].filter((work) => flags.works === '' || flags.works.split(',').some((part) => work.startsWith(part)));
const topic = 'client-bench';
const run = promisify(execFile);

type Row = { work: string; rates: Record<string, Spread | null>; cpuSecondsPerMillion: Record<string, Spread | null>; ratioToKafkajs: Spread | null; ratioToPlatformatic: Spread | null };

/** One client does one work once. */
async function measure(client: string, work: string, bootstrap: string): Promise<{ recordsPerSecond: number; cpuSeconds: number }> {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'client-works.ts'), client, work, bootstrap, topic, flags.records, flags.bytes], { timeout: 240_000 });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as { recordsPerSecond: number; cpuSeconds: number };
}

async function main(): Promise<void> {
  await using broker = flags.broker === 'kafka' ? await startKafka({ properties: { 'group.initial.rebalance.delay.ms': 0 } }) : await startMillrace();
  await using client = await connect(broker.bootstrap);
  const configs = { 'retention.bytes': 1 << 30, 'segment.bytes': 128 << 20 };
  await client.admin().createTopics([{ topic, partitions: 4 }, { topic: `${topic}-back`, partitions: 4, configs }]);
  await using producer = client.producer();
  const value = new Uint8Array(Number(flags.bytes)).fill(120);
  for (let i = 0; i < Number(flags.records); i++) while (!producer.trySend({ topic, key: `key-${i % 1000}`, value })) await producer.room();
  await producer.flush();
  console.log(`${machineLine()}; broker: ${flags.broker}; ${flags.records} records of ${flags.bytes} B, 4 partitions; ${flags.rounds} rounds in turn`);
  const rows: Row[] = [];
  for (const work of works) rows.push(await compare(work, broker.bootstrap));
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify({ machine: machineLine(), at: new Date().toISOString(), flags, rows }, null, 2)}\n`);
}

async function compare(work: string, bootstrap: string): Promise<Row> {
  const rates: Record<string, number[]> = { millrace: [], kafkajs: [], platformatic: [] };
  const cpu: Record<string, number[]> = { millrace: [], kafkajs: [], platformatic: [] };
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const client of clients) {
      const result = await measure(client, work, bootstrap).catch((error: Error) => { console.error(`${client}, ${work}: ${error.message.split('\n').slice(0, 4).join(' | ')}`); return null; });
      if (!result) continue;
      rates[client]!.push(result.recordsPerSecond);
      cpu[client]!.push((result.cpuSeconds / Number(flags.records)) * 1e6);
    }
  }
  const row: Row = {
    work, rates: mapped(rates), cpuSecondsPerMillion: mapped(cpu),
    ratioToKafkajs: ratioSpread(rates['millrace']!, rates['kafkajs']!), ratioToPlatformatic: ratioSpread(rates['millrace']!, rates['platformatic']!),
  };
  console.log(`\n${work}`);
  for (const client of clients) {
    const rate = row.rates[client];
    if (rate) console.log(`  ${client.padEnd(13)} ${short(rate.min)} / ${short(rate.median)} / ${short(rate.max)} records/s, ${row.cpuSecondsPerMillion[client]!.median.toFixed(2)} CPU s per million`);
  }
  for (const [name, ratio] of [['kafkajs', row.ratioToKafkajs], ['@platformatic', row.ratioToPlatformatic]] as const) {
    if (ratio) console.log(`  millrace / ${name}: ${ratio.min.toFixed(2)} / ${ratio.median.toFixed(2)} / ${ratio.max.toFixed(2)}`);
  }
  return row;
}

function mapped(of: Record<string, number[]>): Record<string, Spread | null> {
  return Object.fromEntries(Object.entries(of).map(([name, numbers]) => [name, spread(numbers)]));
}

await main();
