// test/histories/record.ts - records the history of real clients on a real broker that is killed and paused.
// Owns: the cast (our client, the Java client, librdkafka), and putting together what they recorded. Never: judging (testing/histories).
import { connect } from '../../packages/millrace/src/client/mod.ts';
import { HistoryRecorder, nameOf } from '../../packages/millrace/src/testing/histories/mod.ts';
import { eventually } from '../peers/processes.ts';
import type { Broker } from '../peers/broker.ts';
import { startJavaWorker, startPythonWorker } from '../peers/worker.ts';
import { breakOften, type FaultCounts } from './faults.ts';
import { startOwn } from './own-client.ts';
import { readFinals, startForeign, type HistoryClient, type Workload } from './workload.ts';

/** Who takes part. */
export type ClientKind = 'own' | 'java' | 'librdkafka';

/** How a history is made. */
export interface RecordOptions {
  readonly clients: readonly ClientKind[];
  readonly kills: number;
  readonly pauses: number;
  readonly pauseMsMax: number;
  /** Transactions that each client commits between two faults. */
  readonly commitsBetween: number;
  readonly seed: number;
}

/** A history, and how much of everything is in it. */
export interface RecordedHistory { readonly history: HistoryRecorder; readonly faults: FaultCounts; readonly counts: string }

/** Lets the clients work on the broker, breaks it in between, and reads what is left. */
export async function recordHistory(broker: Broker, options: RecordOptions): Promise<RecordedHistory> {
  const work: Workload = { bootstrap: broker.bootstrap, input: 'history-in', output: 'history-out', partitions: 3, pauseMs: 4, aborts: 0.2 };
  await createTopics(work);
  await using open = new AsyncDisposableStack();
  const java = open.use(await startJavaWorker('4.3'));
  const clients: HistoryClient[] = [];
  for (const kind of options.clients) {
    if (kind === 'own') clients.push(await startOwn('own', work));
    else if (kind === 'java') clients.push(await startForeign(java, 'java', work));
    else clients.push(await startForeign(open.use(await startPythonWorker()), 'librdkafka', work));
  }
  const history = new HistoryRecorder(() => Date.now());
  let faults: FaultCounts;
  try {
    faults = await breakOften(broker, { kills: options.kills, pauses: options.pauses, pauseMsMax: options.pauseMsMax, progress: () => progress(clients, options.commitsBetween) }, options.seed);
  } finally {
    for (const recorded of await Promise.all(clients.map((client) => client.stop()))) history.add(recorded);
  }
  await readFinals(java, work, history).catch((error: Error) => { throw new Error(`Cannot read what is left: ${error.message}\nThe broker said: ${broker.output().slice(-3000)}`, { cause: error }); });
  return { history, faults, counts: count(history, faults) };
}

async function createTopics({ bootstrap, input, output, partitions }: Workload): Promise<void> {
  await using client = await connect(bootstrap);
  await client.admin().createTopics([input, output].map((topic) => ({ topic, partitions })));
}

/** Waits until every client has committed some more. */
async function progress(clients: readonly HistoryClient[], commits: number): Promise<void> {
  await Promise.all(clients.map(async (client) => {
    const aim = await client.committed() + commits;
    await eventually(async () => (await client.committed() >= aim ? true : undefined), () => `${client.name} does not get on`, 120_000, 20);
  }));
}

function count({ transactions, polls, finals }: HistoryRecorder, faults: FaultCounts): string {
  const of = (outcome: string): number => transactions.filter((each) => each.outcome === outcome).length;
  const read = polls.reduce((sum, { records }) => sum + records.length, 0);
  const there = [...finals.values()].reduce((sum, records) => sum + records.length, 0);
  const clients = new Set(transactions.map((transaction) => nameOf(transaction).split('/')[0]));
  return `${clients.size} writers, ${faults.kills} kills, ${faults.pauses} pauses: ${of('committed')} transactions committed, ${of('aborted')} aborted, ${of('unknown')} not answered; ${read} records read, ${there} there in the end`;
}
