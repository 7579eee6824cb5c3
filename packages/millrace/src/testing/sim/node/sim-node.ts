// testing/sim/node/sim-node.ts - the real node, started on a simulated machine with small sizes so that everything turns over.
// Owns: the options. Never: the machine.
import { runNode } from '../../../node/mod.ts';
import type { RunningNode } from '../../../node/mod.ts';
import type { Machine } from '../../../os/mod.ts';
import { guardedPort } from './wardens.ts';

/** Sizes of one seed's node, and what one life has in its configuration. */
export interface NodeSizes { readonly tailBytes: number; readonly journalFileBytes: number; readonly config?: Readonly<Record<string, string>> }

/** Starts the node. `onFatal` is told when an invariant of the node broke. */
export async function startSimNode(
  machine: Machine, address: { host: string; port: number }, sizes: NodeSizes, told: { report: (line: string) => void; fatal: (error: unknown) => void },
): Promise<RunningNode> {
  return runNode(machine, { ...address, listeners: [{ name: 'GUARDED', host: address.host, port: guardedPort, sasl: {} }], ...sizes, onReport: told.report, onFatal: told.fatal });
}
