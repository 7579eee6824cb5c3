// test/histories/run.ts - `node test/histories/run.ts [--broker millrace|kafka] [--clients own,java,librdkafka] [--kills N] [--pauses N] [--seed N] [--keep FILE]`:
// one recorded history of any length, judged. Exit code 1 when something is wrong with it. Apache Kafka is for comparison.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkHistory, describeAnomalies } from '../../packages/millrace/src/testing/histories/mod.ts';
import { kafkaForCases } from '../conformance/targets.ts';
import { installPython } from '../peers/install.ts';
import { startMillrace } from '../peers/millrace.ts';
import { recordHistory, type ClientKind } from './record.ts';

const { values } = parseArgs({
  options: {
    broker: { type: 'string', default: 'millrace' }, clients: { type: 'string', default: 'own,java,librdkafka' }, kills: { type: 'string', default: '20' }, pauses: { type: 'string', default: '20' },
    commits: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' }, keep: { type: 'string' },
  },
});
const kinds: readonly ClientKind[] = ['own', 'java', 'librdkafka'];
const clients = values.clients.split(',') as ClientKind[];
const wrong = clients.find((kind) => !kinds.includes(kind));
if (wrong !== undefined) refuse(`'${wrong}' is no client; clients: ${kinds.join(', ')}`);
if (values.broker !== 'millrace' && values.broker !== 'kafka') refuse(`'${values.broker}' is no broker; brokers: millrace, kafka`);
for (const name of ['kills', 'pauses', 'commits', 'seed'] as const) if (!/^\d+$/.test(values[name])) refuse(`--${name} is a whole number, not '${values[name]}'`);
await installPython();
await using broker = values.broker === 'kafka' ? await kafkaForCases() : await startMillrace();
const { history, counts } = await recordHistory(broker, {
  clients, kills: Number(values.kills), pauses: Number(values.pauses), pauseMsMax: 7_000, commitsBetween: Number(values.commits), seed: Number(values.seed),
});
if (values.keep !== undefined) writeFileSync(values.keep, JSON.stringify({ ...history, finals: Object.fromEntries(history.finals) }));
const anomalies = checkHistory(history, { endsAtOnce: values.broker !== 'kafka' });
console.log(counts);
console.log(anomalies.length === 0 ? 'every promise was kept' : describeAnomalies(anomalies));
process.exitCode = anomalies.length === 0 ? 0 : 1;

function refuse(why: string): never {
  console.error(`Cannot record a history: ${why}`);
  process.exit(2);
}
