// test/client/targets.ts - the servers that the client's suite runs against: Millrace in memory, Millrace as a process, Apache Kafka.
// Owns: starting, restarting and naming them. Never: what is tested (cases-*.ts).
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connect, startNode } from '../../packages/millrace/src/mod.ts';
import type { Client, ClientOptions } from '../../packages/millrace/src/mod.ts';
import { smallJvm, startKafka } from '../peers/kafka.ts';
import { startMillrace } from '../peers/millrace.ts';
import { jarsFolder } from '../peers/places.ts';

/** One server under the suite. */
export interface Target extends AsyncDisposable {
  readonly name: string;
  readonly kind: 'memory' | 'millrace' | 'kafka';
  connect(options?: ClientOptions): Promise<Client>;
  /** Ends the process with SIGKILL and starts it again on its data; absent where there is no process. */
  killAndRestart?(): Promise<void>;
}

/** How to start a target, or why it cannot be. */
export interface TargetPlan { readonly name: string; readonly skip: string | false; start(): Promise<Target> }

/** All targets. Apache Kafka is there when its jars were installed (the conformance tests do that). */
export const targetPlans: readonly TargetPlan[] = [
  { name: 'Millrace in memory', skip: false, start: startMemory },
  { name: 'Millrace on disk, over TCP', skip: false, start: startDisk },
  { name: 'Apache Kafka', skip: existsSync(join(jarsFolder('4.3'), '..', 'classes')) ? false : 'its jars are not installed: run test/conformance first', start: startApache },
];

/** Short locks, for cases that wait for one to expire. */
const shortLocks = { 'group.share.min.record.lock.duration.ms': '1000' };

async function startMemory(): Promise<Target> {
  const node = await startNode({ config: shortLocks });
  return { name: 'memory', kind: 'memory', connect: (options) => connect(node, options), [Symbol.asyncDispose]: () => node.close() };
}

async function startDisk(): Promise<Target> {
  const broker = await startMillrace({ flags: Object.entries(shortLocks).flatMap(([name, value]) => ['--set', `${name}=${value}`]) });
  return {
    name: 'disk', kind: 'millrace', connect: (options) => connect(broker.bootstrap, options),
    async killAndRestart() { await broker.kill(); await broker.restart(); },
    [Symbol.asyncDispose]: () => broker.dispose(),
  };
}

async function startApache(): Promise<Target> {
  const broker = await startKafka({ jvm: smallJvm, properties: {
    'group.initial.rebalance.delay.ms': 0, 'num.partitions': 4, 'group.consumer.assignment.interval.ms': 0,
    'group.consumer.min.heartbeat.interval.ms': 100, 'group.consumer.heartbeat.interval.ms': 250, 'group.consumer.min.session.timeout.ms': 6000, 'group.consumer.session.timeout.ms': 10_000,
    ...shortLocks,
  } });
  return {
    name: 'kafka', kind: 'kafka', connect: (options) => connect(broker.bootstrap, options),
    async killAndRestart() { await broker.kill(); await broker.restart(); },
    [Symbol.asyncDispose]: () => broker.dispose(),
  };
}
