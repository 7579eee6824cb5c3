// bench/tls.ts - what TLS costs: the same client and the same work with and without it, on Millrace and on Apache Kafka, alternating, in one run.
// Usage: ./millrace bench tls [--rounds N] [--quick] [--json FILE]
// The figure is the loss: the rate over TLS by the rate without, of each broker; and Millrace's by Kafka's, which is to be at least 1. Both brokers read the same
// configuration and certificate (EC P-256; the versions and ciphers that client and broker agree on).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from '../packages/millrace/src/client/mod.ts';
import { Authority } from '../test/certificates.ts';
import type { Broker } from '../test/peers/broker.ts';
import { installJava } from '../test/peers/install.ts';
import { startKafka } from '../test/peers/kafka.ts';
import { startMillrace } from '../test/peers/millrace.ts';
import { rootFolder } from '../test/peers/places.ts';
import { freePorts } from '../test/peers/processes.ts';
import { compileLoad } from './java-tools.ts';
import { machineLine, ratioSpread, saveResult, shortSpread, spread, type Spread } from './measure.ts';
import { consumerPerf, producerPerf, type Figures, type JavaTools, type Target, type Workload } from './workloads.ts';

interface Row { readonly name: string; readonly prepare?: Workload; readonly workload: Workload }
type Side = 'millrace' | 'millrace TLS' | 'kafka' | 'kafka TLS';

const sides: readonly Side[] = ['millrace', 'kafka TLS', 'millrace TLS', 'kafka'];

function rows(scale: number): readonly Row[] {
  const n = (records: number): number => Math.round(records * scale);
  return [
    { name: 'produce-100B-4p', workload: producerPerf(n(4_000_000), 100) },
    { name: 'produce-1KB-4p', workload: producerPerf(n(800_000), 1024) },
    { name: 'consume-1KB-4p', prepare: producerPerf(n(1_000_000), 1024), workload: consumerPerf(n(1_000_000), 1024) },
  ];
}

const { values } = parseArgs({ options: { rounds: { type: 'string' }, quick: { type: 'boolean' }, json: { type: 'string' } } });
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
await installJava('4.3');
const tools = await compileLoad();
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-tls-'));
try {
  await measure(tools);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(tools: JavaTools): Promise<void> {
  const authority = await Authority.make('Bench');
  const server = await authority.sign('CN=localhost', ['localhost', '127.0.0.1']);
  const file = (name: string, text: string): string => { const path = join(folder, name); writeFileSync(path, text); return path; };
  const certificate = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': file('server.pem', server.key + server.cert) };
  const clientConfig = file('client.properties', `security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location=${file('ca.pem', authority.cert)}\n`);
  const [own, millraceTls, kafkaTls] = await freePorts(3) as [number, number, number];
  await using kafka = await startKafka({ listeners: [`SSL://127.0.0.1:${kafkaTls}`], properties: { ...certificate, 'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT' } });
  const settings = { ...certificate, listeners: `PLAINTEXT://127.0.0.1:${own},SSL://127.0.0.1:${millraceTls}` };
  await using millrace = await startMillrace({ script: true, port: own, ownListeners: true, flags: Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]) });
  const target = (side: Side): Target & { readonly broker: Broker } => {
    const broker = side.startsWith('kafka') ? kafka : millrace;
    const port = side === 'kafka TLS' ? kafkaTls : millraceTls;
    return { name: side, broker, pid: broker.pid, topicConfig: {}, ...(side.endsWith('TLS') ? { bootstrap: `127.0.0.1:${port}`, clientConfig } : { bootstrap: broker.bootstrap }) };
  };
  console.log(`${new Date().toISOString().slice(0, 10)}  ${machineLine()}`);
  const result = { date: new Date().toISOString(), machine: machineLine(), rounds, quick: values.quick ?? false, rows: {} as Record<string, unknown> };
  for (const row of rows(values.quick ? 0.1 : 1)) {
    const series = Object.fromEntries(sides.map((side) => [side, [] as Figures[]])) as Record<Side, Figures[]>;
    for (let round = -1; round < rounds; round++) {
      for (const side of sides.map((_, i) => sides[(i + round + 1) % sides.length]!)) {
        const figures = await oneRound(row, target(side), round, tools);
        if (round >= 0) series[side].push(figures);
      }
    }
    result.rows[row.name] = print(row.name, series);
  }
  const path = values.json ?? join(rootFolder, 'bench/results/tls.json');
  saveResult(path, result);
}

/** A fresh topic for every round; it is made and deleted over the plain listener. */
async function oneRound(row: Row, target: Target & { readonly broker: Broker }, round: number, tools: JavaTools): Promise<Figures> {
  const topic = `${row.name}-${target.name.replace(' ', '-')}-${round + 1}`;
  await using client = await connect(target.broker.bootstrap);
  await client.admin().createTopics([{ topic, partitions: 4 }]);
  await row.prepare?.(target, topic, tools);
  const figures = await row.workload(target, topic, tools);
  await client.admin().deleteTopics([topic]);
  return figures;
}

function print(name: string, series: Readonly<Record<Side, Figures[]>>): unknown {
  const rates = (side: Side): number[] => series[side].map((figures) => figures['rate']!);
  const kept = (broker: 'millrace' | 'kafka'): Spread | null => ratioSpread(rates(`${broker} TLS`), rates(broker));
  const keptOf = (broker: 'millrace' | 'kafka'): number[] => rates(`${broker} TLS`).map((rate, i) => rate / rates(broker)[i]!);
  const compared = ratioSpread(keptOf('millrace'), keptOf('kafka'));
  console.log(`\n${name}  (median, minimum .. maximum)`);
  for (const side of sides) console.log(`  ${side.padEnd(14)} ${shortSpread(spread(rates(side)))} records/s, ${shortSpread(spread(series[side].map((figures) => figures['cpuPerMillion']!)))} CPU s per million`);
  console.log(`  kept with TLS: millrace ${shortSpread(kept('millrace'))}, kafka ${shortSpread(kept('kafka'))}; millrace / kafka ${shortSpread(compared)}`);
  return { rates: Object.fromEntries(sides.map((side) => [side, spread(rates(side))])), kept: { millrace: kept('millrace'), kafka: kept('kafka'), 'millrace / kafka': compared } };
}
