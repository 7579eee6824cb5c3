// test/histories/workload.ts - what the transactional clients of a recorded history are told, and what each of them gives back.
// Owns: the words, and the clients in other languages. Never: our own client (own-client.ts), faults (faults.ts), what is right (testing/histories).
import type { HistoryRecorder, History } from '../../packages/millrace/src/testing/histories/mod.ts';
import type { Worker } from '../peers/worker.ts';

/** What a client does: appends to `input`, pipes from `input` to `output` with its offsets, watches both. Each topic has `partitions`. */
export interface Workload {
  readonly bootstrap: string;
  readonly input: string;
  readonly output: string;
  readonly partitions: number;
  /** Between two transactions of one writer. */
  readonly pauseMs: number;
  /** Share of transactions that are aborted on purpose. */
  readonly aborts: number;
}

/** What a client recorded. */
export type Recorded = Pick<History, 'transactions' | 'polls' | 'positions' | 'stableEnds'>;

/** A client at work. */
export interface HistoryClient {
  readonly name: string;
  /** Committed transactions so far. */
  committed(): Promise<number>;
  /** Lets it finish what is under way. Rejects with what it did not expect. */
  stop(): Promise<Recorded>;
}

const asked = (work: Workload): object => ({ bootstrap: work.bootstrap, in: work.input, out: work.output, partitions: work.partitions, pauseMs: work.pauseMs, aborts: work.aborts });

/** Starts the clients of another language in its worker. */
export async function startForeign(worker: Worker, name: string, work: Workload): Promise<HistoryClient> {
  const handle = await worker.ask<{ work: number }>('histories.start', { name, ...asked(work) });
  return {
    name,
    committed: async () => (await worker.ask<{ committed: number }>('histories.progress', handle)).committed,
    stop: () => worker.ask<Recorded>('histories.stop', handle),
  };
}

/** Reads all that is committed with the Java client, once nothing is open any more, and notes it. */
export async function readFinals(worker: Worker, work: Workload, history: HistoryRecorder): Promise<void> {
  const found = await worker.ask<Record<string, [number, string][]>>('histories.finals', { name: 'finals', ...asked(work) });
  for (const [key, records] of Object.entries(found)) history.finals.set(key, records.map(([offset, value]) => ({ offset, value })));
}
